"""Knows which arrays have equally long rows, before a function runs.

A pass over rows has one loop over the units of a row: all that it writes, and all that
it sums, must have rows of that shape. Axes of which only the type says nothing can
have any length, and an increment spreads what is one element long when it runs.
"""

from theano.compile.ops import Shape_i
from theano.gof.graph import Constant
from theano.tensor import Alloc, ARange, Dot, Join, Reshape
from theano.tensor.basic import Rebroadcast, ScalarFromTensor, TensorFromScalar
from theano.tensor.blas import Dot22, Dot22Scalar, Gemm
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.opt import Assert, MakeVector
from theano.tensor.subtensor import (
    AdvancedIncSubtensor1,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
)

from ...graph import is_transfer
from ...ops import BagSum, Gather, SegmentSum, UniqueRows
from ...ops.rows.row_update import RowUpdate
from ..lookups import lengths_of_check

__all__ = ["RowShapes"]


class RowShapes:
    """
    lasagne_sparse.rewrites.fusion.row_shapes.RowShapes(fgraph, nodes)

    Which axes of which variables are known to be equally long.

    Elementwise work, for one, is done on arrays of one shape only (but for axes that
    have one element by type, which say nothing); rows that are gathered are as long as
    those of their table. What an increment adds is not known to have the shape of what
    it is added to: it is spread.

    Parameters
    ----------
    fgraph : FunctionGraph
    nodes : list of Apply nodes
        All nodes of the graph; each is looked at once.
    """

    def __init__(self, fgraph, nodes):
        self._parents = {}
        self._feature = getattr(fgraph, "shape_feature", None)
        for node in nodes:
            self.read(node)

    def of(self, variable):
        """Returns the shape of the rows of a variable

        Parameters
        ----------
        variable : Theano variable, shape ``(num_rows, ...)``

        Returns
        -------
        tuple
            For each axis but the first None, where it has one element by type, or a
            stand-in for its length. Equal stand-ins are equal lengths.
        """
        return tuple(
            None if one else self._find((variable, axis))
            for axis, one in enumerate(variable.broadcastable)
            if axis > 0
        )

    def length(self, variable):
        """Returns a stand-in for how many rows a variable has; equal ones are equal"""
        return self._find((variable, 0))

    def _find(self, key):
        """Returns the stand-in of a length."""
        root = key
        while root in self._parents:
            root = self._parents[root]
        while key != root:  # the next one finds it at once
            self._parents[key], key = root, self._parents[key]
        return root

    def _join(self, one, other):
        one, other = self._find(one), self._find(other)
        if one != other:
            self._parents[one] = other

    def _same(self, one, other, first=0):
        """Joins the axes of two variables of the same rank, from the first one on."""
        for axis in range(first, one.ndim):
            if not one.broadcastable[axis] and not other.broadcastable[axis]:
                self._join((one, axis), (other, axis))

    def read(self, node):
        """Learns what a node says about lengths"""
        op, result = node.op, node.outputs[0]
        if isinstance(op, Elemwise):
            for variable in node.inputs + node.outputs[1:]:
                self._same(variable, result)
        elif isinstance(op, RowUpdate):
            for table, new in zip(op.tables_of(node), node.outputs):
                self._same(table, new)
        elif isinstance(op, SegmentSum):
            self._read_segment_sum(node)
        elif isinstance(op, _SAME_SHAPE) or is_transfer(node):
            self._same(node.inputs[0], result)
        elif isinstance(op, (AdvancedSubtensor1, Gather)):
            self._same(node.inputs[0], result, 1)
            self._join((node.inputs[1], 0), (result, 0))
        elif isinstance(op, Subtensor) and len(op.idx_list) == 1:
            if node.inputs[0].ndim == result.ndim:
                self._same(node.inputs[0], result, 1)
        elif isinstance(op, Join) and _joins_rows(node):
            for variable in node.inputs[1:]:
                self._same(variable, result, 1)
        elif isinstance(op, DimShuffle):
            for axis, before in enumerate(op.new_order):
                if before != "x":
                    self._join((node.inputs[0], before), (result, axis))
        elif isinstance(op, Alloc):
            for axis, length in enumerate(node.inputs[1:]):
                self._join((result, axis), _as_key(length))
        elif isinstance(op, _PRODUCTS):
            self._read_product(node)
        elif isinstance(op, UniqueRows):
            self._join((node.inputs[0], 0), (node.outputs[1], 0))
            self._join((node.inputs[0], 0), (node.outputs[2], 0))
        elif isinstance(op, CAReduce) and op.axis is not None:
            kept = [d for d in range(node.inputs[0].ndim) if d not in op.axis]
            for axis, before in enumerate(kept):
                self._join((node.inputs[0], before), (result, axis))
        elif isinstance(op, BagSum):
            self._same(node.inputs[0], result, 1)
            for vector in node.inputs[2:3] + node.inputs[4:]:
                self._join((node.inputs[1], 0), (vector, 0))
        elif isinstance(op, Reshape):
            self._read_reshape(node)
        elif isinstance(op, ARange):
            self._read_lengths(result)
        if isinstance(op, Assert):
            for one, other in lengths_of_check(node):
                self._join(_as_key(one), _as_key(other))

    def _read_segment_sum(self, node):
        (result,) = node.outputs
        for values in node.inputs[2:]:
            self._same(values, result, 1)
            self._read_lengths(values)

    def _read_lengths(self, result):
        """Learns what the graph knows of the shape of a result."""
        for axis in range(result.ndim) if self._feature is not None else ():
            if not result.broadcastable[axis]:
                number = self._feature.get_shape(result, axis)
                self._join((result, axis), _as_key(number))

    def _read_reshape(self, node):
        (result,), shape = node.outputs, node.inputs[1].owner
        if shape is None or not isinstance(shape.op, MakeVector):
            self._read_lengths(result)
            return
        for axis, number in enumerate(shape.inputs):
            # what is computed is never -1
            if number.owner is not None and not result.broadcastable[axis]:
                self._join((result, axis), _as_key(number))

    def _read_product(self, node):
        (result,), inputs = node.outputs, node.inputs
        first, second = inputs[2:4] if isinstance(node.op, Gemm) else inputs[:2]
        if first.ndim == second.ndim == 2:
            self._join((first, 1), (second, 0))
            self._join((second, 1), (result, 1))


#: Ops whose result has the shape of their first input.
_SAME_SHAPE = (AdvancedIncSubtensor1, Assert, IncSubtensor, Rebroadcast)
_PRODUCTS = (Dot, Dot22, Dot22Scalar, Gemm)


def _joins_rows(node):
    """Tells whether a node puts arrays one below the other."""
    axis = node.inputs[0]
    return isinstance(axis, Constant) and axis.data == 0


def _as_key(length):
    """Returns the axis of which a number is the length, or the number."""
    while length.owner is not None and isinstance(
        length.owner.op, (ScalarFromTensor, TensorFromScalar)
    ):
        length = length.owner.inputs[0]
    if isinstance(length, Constant):
        return int(length.data)
    if length.owner is not None and isinstance(length.owner.op, Shape_i):
        return length.owner.inputs[0], length.owner.op.i
    return length
