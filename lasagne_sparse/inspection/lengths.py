"""Which lengths depend on how many rows a table has?"""

import numbers

from theano import scalar
from theano.compile.ops import Shape, Shape_i
from theano.gof.graph import Constant
from theano.tensor.elemwise import Elemwise
from theano.tensor.opt import MakeVector
from theano.tensor.subtensor import Subtensor

from ..ops import UniqueRows
from ..ops.rows.row_map import RowMap
from .nodes import READERS, root_axes

__all__ = ["TiedLengths"]


class TiedLengths:
    """
    lasagne_sparse.inspection.lengths.TiedLengths(shape_of, axes)

    Tells which variables grow with the number of rows of a table.

    Parameters
    ----------
    shape_of : dict from variables to tuples of their lengths
        As Theano's ``ShapeFeature`` keeps it.
    axes : dict from tables to sets of int
        The axes of each table along which its rows lie.
    """

    def __init__(self, shape_of, axes):
        self._shape_of, self._axes, self._tied = shape_of, axes, {}

    def is_sized(self, variable, table):
        """Tells whether a dimension of a variable depends on a table's rows

        Parameters
        ----------
        variable : variable of the graph
        table : shared variable

        Returns
        -------
        bool
        """
        shape = self._shape_of.get(variable)
        return shape is not None and any(self._is_tied(v, table) for v in shape)

    def _is_tied(self, length, table):
        """Tells whether a length depends on how many rows a table has."""
        key = length, table
        if key not in self._tied:
            self._tied[key] = False  # should the graph of lengths lead in a circle
            self._tied[key] = self._read_length(length, table)
        return self._tied[key]

    def _read_length(self, length, table):
        node = getattr(length, "owner", None)
        if node is None or length.ndim > 1 or length.dtype.startswith("float"):
            return False
        if isinstance(node.op, Shape_i):
            return self._is_length(node.inputs[0], {node.op.i}, table)
        if isinstance(node.op, Shape):
            axes = set(range(node.inputs[0].ndim))
            return self._is_length(node.inputs[0], axes, table)
        if isinstance(node.op, Subtensor) and node.inputs[0].owner is not None:
            whole = node.inputs[0].owner
            (index,) = node.op.get_constant_idx(node.inputs, allow_partial=True)
            known = isinstance(index, numbers.Integral)
            if known and isinstance(whole.op, Shape):
                return self._is_length(whole.inputs[0], {index}, table)
            if known and isinstance(whole.op, MakeVector):
                return self._is_tied(whole.inputs[index], table)
        if isinstance(node.op, (UniqueRows, RowMap) + READERS):
            return False
        tied = [self._is_tied(v, table) for v in node.inputs]
        if isinstance(node.op, Elemwise) and len(node.outputs) == 1:
            return _grows(node, [(t, _number(v)) for t, v in zip(tied, node.inputs)])
        return any(tied)

    def _is_length(self, variable, axes, table):
        found, order = root_axes(variable)
        return found is table and any(order[i] in self._axes[table] for i in axes)


def _number(variable):
    is_number = isinstance(variable, Constant) and variable.ndim == 0
    return variable.data.item() if is_number else None


def _grows(node, parts):
    """Tells whether what a node computes of lengths grows with a table

    Parameters
    ----------
    node : Apply node
        Elementwise, or of a scalar operation inside of one.
    parts : list of (bool, number or None)
        Of each input whether it grows, and what it is if that is known.

    Returns
    -------
    bool
        False for the rows of ``W[:3]`` and ``W[k:k + 2]``: a minimum grows if all do.
    """
    op = getattr(node.op, "scalar_op", node.op)
    tied = [grows for grows, _ in parts]
    if isinstance(op, scalar.Composite):
        known = dict(zip(op.fgraph.inputs, parts))
        for inner in op.fgraph.toposort():
            found = [known.get(v) or (False, v.data) for v in inner.inputs]
            known[inner.outputs[0]] = _grows(inner, found), None
        return known.get(op.fgraph.outputs[0], (False, None))[0]
    if isinstance(op, scalar.basic.Minimum) or _is_minimum(node):
        return all(tied[-2:])
    if isinstance(op, scalar.basic.Switch):
        constants = [value for _, value in parts[1:] if value is not None]
        return any(tied[1:]) and not any(value > 0 for value in constants)
    return any(tied)


def _is_minimum(node):
    """Tells whether a node is ``switch(a < b, a, b)``."""
    if not isinstance(getattr(node.op, "scalar_op", node.op), scalar.basic.Switch):
        return False
    condition, *branches = node.inputs
    if condition.owner is None:
        return False
    comparison = getattr(condition.owner.op, "scalar_op", condition.owner.op)
    return isinstance(comparison, (scalar.basic.LT, scalar.basic.LE)) and (
        list(condition.owner.inputs) == branches
    )
