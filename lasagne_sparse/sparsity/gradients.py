"""Which rows of a table does a gradient touch, and with what values?

Theano differentiates every lookup into a scatter: ``theano.grad(loss, W)`` is
``inc_subtensor(zeros_like(W)[indices], g)``, or a sum of such terms, one per
lookup. So the sparsity of a gradient can be read off its own graph; nothing has
to mark the layers or to look at the loss. Steps that keep zeros zero (a scalar
factor, ``T.clip(g, -c, c)``, ``T.switch(T.isnan(g), 0, g)``) are carried out on
the coalesced rows.

.. autosummary::
    :nosignatures:

    TouchedRows
    row_gradient
    dense_terms

Examples
--------
>>> import numpy as np, theano
>>> import theano.tensor as T
>>> W = theano.shared(np.ones((5, 2)), 'W')
>>> gradient = T.clip(theano.grad((W[[3, 1, 3]] ** 2).sum(), W), -3, 3)
>>> found = row_gradient(gradient, W)
>>> print(found.rows.eval(), found.values.eval().tolist())
[1 3] [[2.0, 2.0], [3.0, 3.0]]
"""

from collections import OrderedDict, namedtuple

import theano.tensor as T
from theano.scan_module.scan_op import Scan
from theano.scan_module.scan_utils import equal_computations
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    IncSubtensor,
    Subtensor,
)

from ..graph import (
    constant_value,
    is_transfer,
    is_zeros,
    value_at,
    walk,
    without_transfers,
)
from ..ops import unique_rows
from .restrict import restrict, row_inputs, take
from .scatters import axis_back, scatter_at, unique_rows_node

__all__ = ["TouchedRows", "row_gradient", "dense_terms"]


class TouchedRows(namedtuple("TouchedRows", "table rows values axis")):
    """
    lasagne_sparse.sparsity.gradients.TouchedRows(table, rows, values, axis)

    The rows that an expression as large as a table touches, and what it is there.

    Parameters
    ----------
    table : Theano variable, shape ``(num_rows, num_units)``
        The table; usually a shared variable.
    rows : Theano vector, shape ``(num_distinct,)``, int64
        Distinct rows in ``[0, num_rows)``.
    values : Theano variable, shape ``(num_distinct, num_units)`` for axis 0
        The expression at these rows. Of a gradient, that of a repeated index
        is summed.
    axis : int
        0 for rows, 1 for the columns of a matrix, and so on.
    """

    __slots__ = ()

    def scatter(self):
        """Returns the values as a scatter into zeros

        Returns
        -------
        Theano variable, the shape of the table
            ``inc_subtensor(zeros_like(table)[rows], values)``
        """
        zeros = T.zeros_like(self.table)
        if self.table.dtype == "float16":
            zeros = T.cast(zeros, self.values.dtype)
        subset = take(zeros, self.rows, self.axis)
        return T.inc_subtensor(subset, self.values)


def row_gradient(gradient, table=None, opaque=None):
    """Reads the rows and their values off the graph of a table's gradient

    Parameters
    ----------
    gradient : Theano variable, shape ``(num_rows, num_units)``
        What ``theano.grad(loss, table)`` returns, possibly clipped or scaled.
    table : Theano variable, shape ``(num_rows, num_units)``, optional
        The table; read off the gradient if None.
    opaque : list, optional
        Expressions that must be computed for all rows are appended.

    Returns
    -------
    TouchedRows or None
        None if the gradient is not known to be zero outside of the rows that
        were looked up (or the columns; not both).
    """
    for axis in range(gradient.ndim):
        if gradient.broadcastable[axis]:
            continue
        value, leaves = _background(gradient, axis)
        if value == 0 and leaves:
            table = _table_of(leaves[0][0], gradient) if table is None else table
            return _coalesced(gradient, table, axis, leaves, opaque)
    return None


def _table_of(leaf, gradient):
    """Finds the table of whose shape the zeros are that a lookup scatters into."""
    zeros = leaf.owner.inputs[0].owner
    if zeros is None or not isinstance(zeros.op, Elemwise):
        return gradient
    table = without_transfers(zeros.inputs[0])
    while table.owner is not None and isinstance(table.owner.op, DimShuffle):
        table = without_transfers(table.owner.inputs[0])
    return table if table.ndim == gradient.ndim else gradient


def dense_terms(gradient, table):
    """Finds what keeps a partly sparse gradient from being row-sparse

    Parameters
    ----------
    gradient : Theano variable
        A gradient for which :func:`row_gradient` returned None.
    table : Theano variable

    Returns
    -------
    list of Theano variables
        The terms of the gradient that are no scatters, if other terms are;
        empty for the gradient of a parameter that nothing looks up.
    """
    sparse, dense = [], []
    for term in _terms(gradient):
        backgrounds = [_background(term, axis) for axis in range(table.ndim)]
        if any(value == 0 for value, _ in backgrounds):
            sparse.extend(leaf for _, leaves in backgrounds for leaf in leaves)
        else:
            dense.append(term)
    if sparse and not dense:  # rows and columns of one table
        return sparse
    return dense if sparse or any(_scans_a_lookup(term) for term in dense) else []


def _scans_a_lookup(term):
    """Tells whether a gradient is summed by a scan over lookups of rows."""

    def onward(node):
        if isinstance(node.op, (DimShuffle, Subtensor)):  # as scan's results are
            return node.inputs[:1]
        return node.inputs if isinstance(node.op, Elemwise) else []

    for variable in walk(term, onward):
        node = variable.owner
        if node is not None and isinstance(node.op, Scan):
            links = node.op.get_oinp_iinp_iout_oout_mappings()
            inner = links["inner_out_from_outer_out"][node.outputs.index(variable)]
            terms = [t for i in inner for t in _terms(node.op.outputs[i])]
            if any(_is_scatter_of_rows(t) for t in terms):
                return True
    return False


def _is_scatter_of_rows(variable):
    """Tells whether a variable is ``inc_subtensor(zeros[i], g)``, ``i`` no slice."""
    node = variable.owner
    if node is None or not is_zeros(node.inputs[0]):
        return False
    if isinstance(node.op, IncSubtensor):
        return not all(isinstance(i, slice) for i in node.op.idx_list)
    return isinstance(node.op, (AdvancedIncSubtensor1, AdvancedIncSubtensor))


def _terms(variable):
    """Splits nested sums into their terms, less those that are zero."""
    node = variable.owner
    if is_zeros(variable):
        return []
    if node is not None and is_transfer(node):
        return _terms(node.inputs[0])
    if node is not None and isinstance(node.op, Elemwise):
        if isinstance(node.op.scalar_op, (T.scal.Add, T.scal.Identity)):
            return [t for i in node.inputs for t in _terms(i)]
    return [variable]


# --- What is a gradient outside of the rows that were looked up? ---------------


def _background(variable, axis):
    """Returns the value of all rows that no lookup touched, and the lookups

    A pair of a number, or None where it is not known to be one number, and of
    the list of the scatters, as pairs ``(variable, axis)``, that must be known
    to tell the other rows apart.
    """
    known = {}
    stack = [(variable, axis)]
    while stack:
        item = stack[-1]
        if item in known:
            stack.pop()
            continue
        parts = _background_parts(*item)
        missing = [p for p in parts if p is not None and p not in known]
        if missing:
            stack.extend(missing)
            continue
        known[item] = _background_one(item, [known.get(p) for p in parts])
        stack.pop()
    value, leaves = known[variable, axis]
    return value, list(OrderedDict.fromkeys(leaves))


def _background_parts(variable, axis):
    """Lists the ``(input, axis)`` on which a variable's background depends."""
    node = variable.owner
    if node is None or constant_value(variable) is not None:
        return []
    if scatter_at(variable, axis) is not None:
        return []
    if isinstance(node.op, IncSubtensor) and _clears_a_row(node):
        return [(node.inputs[0], axis)]
    if isinstance(node.op, CAReduce):
        return []
    axes = row_inputs(variable, axis)
    return [None if a is None else (i, a) for i, a in zip(node.inputs, axes or [])]


def _clears_a_row(node):
    """Tells whether a node is ``set_subtensor(x[k], 0)``: a padding row's."""
    return (
        node.op.set_instead_of_inc
        and len(node.op.idx_list) == 1
        and not isinstance(node.op.idx_list[0], slice)
        and is_zeros(node.inputs[1])
    )


def _background_one(item, parts):
    """Combines the backgrounds of a variable's inputs into its own."""
    variable, axis = item
    constant = constant_value(variable)
    if constant is not None:
        return constant, []
    node = variable.owner
    if node is None or variable.broadcastable[axis]:
        return None, []
    if not parts:
        return (0, [item]) if scatter_at(variable, axis) is not None else (None, [])
    if not isinstance(node.op, Elemwise):
        return parts[0]
    values = [
        constant_value(i) if part is None else part[0]
        for i, part in zip(node.inputs, parts)
    ]
    told = [part for part in parts if part is not None and part[0] is not None]
    return value_at(node, values), [leaf for _, leaves in told for leaf in leaves]


# --- Coalescing ----------------


def _coalesced(gradient, table, axis, leaves, opaque):
    """Computes distinct rows, and the gradient there, from its scatters."""
    scatters = [scatter_at(*leaf) for leaf in leaves]
    if len(scatters) == 1 and scatters[0].distinct:
        rows, values = scatters[0].indices, [scatters[0].values]
    else:
        terms = [(term, axis) for term in _terms(gradient)]
        plain_sum = all(term in leaves for term in terms)
        if plain_sum:
            leaves, scatters = terms, [scatter_at(*term) for term in terms]
        scatters = [_expanded(scatter) for scatter in scatters]
        if plain_sum:
            scatters = _merged(scatters)
        rows, inverse = _distinct_rows(scatters, table, axis)
        if plain_sum:
            joined = scatters[0].values
            if len(scatters) > 1:
                joined = T.concatenate([s.values for s in scatters], axis=0)
            values = axis_back(_segment_sum(joined, inverse, rows), axis)
            return TouchedRows(table, rows, values, axis)
        values = _separate_sums(scatters, inverse, rows)
    known = {leaf: axis_back(value, leaf[1]) for leaf, value in zip(leaves, values)}
    values = restrict(gradient, rows, axis, known, opaque)
    return TouchedRows(table, rows, values, axis)


def _expanded(scatter):
    """Undoes a coalescing: distinct rows become the indices they came from

    ``inc(zeros[rows], inc(zeros[inverse], g))`` is ``inc(zeros[indices], g)``:
    where several lookups are coalesced together, each on its own would be
    work done twice.
    """
    node = unique_rows_node(scatter.indices)
    inner = scatter.values.owner
    if node is None or inner is None:
        return scatter
    if not isinstance(inner.op, AdvancedIncSubtensor1) or inner.op.set_instead_of_inc:
        return scatter
    if inner.inputs[2] is not node.outputs[1] or not is_zeros(inner.inputs[0]):
        return scatter
    if inner.inputs[1].broadcastable != scatter.values.broadcastable:
        return scatter
    return scatter._replace(
        indices=node.inputs[0], values=inner.inputs[1], distinct=False
    )


def _merged(scatters):
    """Adds the values up of scatters at the same indices, as of two lookups of them."""
    merged = []
    for scatter in scatters:
        for k, other in enumerate(merged):
            if scatter.values.broadcastable == other.values.broadcastable and (
                equal_computations([scatter.indices], [other.indices])
            ):
                merged[k] = other._replace(values=other.values + scatter.values)
                break
        else:
            merged.append(scatter)
    return merged


def _distinct_rows(scatters, table, axis):
    """Finds the distinct rows of all scatters together, and the inverse."""
    indices = [scatter.indices for scatter in scatters]
    if len(indices) > 1:
        # Not left to concatenate: it would turn int64 with uint64 into float64.
        indices = [T.concatenate([T.cast(i, "int64") for i in indices])]
    return unique_rows(indices[0], table.shape[axis], table.name)


def _segment_sum(values, inverse, rows):
    """Sums the values of each distinct row."""
    shape = [rows.shape[0]] + [values.shape[d] for d in range(1, values.ndim)]
    return T.inc_subtensor(T.zeros(shape, dtype=values.dtype)[inverse], values)


def _separate_sums(scatters, inverse, rows):
    """Sums the values of each scatter apart from those of the others."""
    if len(scatters) == 1:
        return [_segment_sum(scatters[0].values, inverse, rows)]
    sums, start = [], 0
    for scatter in scatters:
        stop = start + scatter.indices.shape[0]
        sums.append(_segment_sum(scatter.values, inverse[start:stop], rows))
        start = stop
    return sums
