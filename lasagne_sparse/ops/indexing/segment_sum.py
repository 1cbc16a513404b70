"""The sums of those rows of a matrix that belong together."""

import numpy as np
import theano.tensor as T
from theano.gof import Apply
from theano.gof.utils import MethodNotDefined
from theano.gradient import DisconnectedType

from ..c_support import CodeOp, c_files, openmp_flags

__all__ = ["SegmentSum"]


class SegmentSum(CodeOp):
    """
    lasagne_sparse.ops.SegmentSum()

    Sums groups of rows: the coalesced gradient of the rows of a table.

    The Op computes, for ``order`` of shape ``(num_lookups,)``, ``offsets`` of
    shape ``(num_segments + 1,)`` and one or more ``values`` of equal dtype and
    rank, which together have ``num_lookups`` rows::

        values = np.concatenate(values, axis=0)  # one array of one row: all of them
        sums = np.zeros((len(offsets) - 1,) + values.shape[1:], values.dtype)
        for k in range(len(sums)):
            for j in range(offsets[k], offsets[k + 1]):
                sums[k] += values[order[j]]

    The additions are done in this order whatever the number of threads, so the
    result has the same bits each time.

    Raises
    ------
    TypeError
        If ``order`` or ``offsets`` is no vector of int64, or the ``values``
        differ in dtype or rank, are scalars, or are not there (when the graph is
        built).
    ValueError
        If ``values`` differ in any dimension but the first, or do not have
        ``num_lookups`` rows together (at run time). As in an increment by NumPy,
        the one row of a single array is that of each lookup.
    IndexError
        If ``order`` or ``offsets`` point outside the values (at run time).
    """

    def make_node(self, order, offsets, *values):
        order, offsets = T.as_tensor_variable(order), T.as_tensor_variable(offsets)
        values = [T.as_tensor_variable(v) for v in values]
        for name, vector in (("order", order), ("offsets", offsets)):
            if vector.dtype != "int64" or vector.ndim != 1:
                raise TypeError(
                    "%s must be a vector of int64, as UniqueRows gives it; got %s"
                    % (name, vector.type)
                )
        kinds = {(v.dtype, v.ndim) for v in values}
        if len(kinds) != 1 or values[0].ndim == 0:
            raise TypeError(
                "values must be one or more tensors of one dtype and one rank of "
                "at least 1; got %s" % ([v.type for v in values],)
            )
        # a dimension that is 1 in one of them is 1 in all
        broadcastable = [
            any(flags) for flags in zip(*(v.broadcastable for v in values))
        ]
        sums = T.TensorType(values[0].dtype, [False] + broadcastable[1:])()
        return Apply(self, [order, offsets] + values, [sums])

    def infer_shape(self, node, input_shapes):
        (num_offsets,) = input_shapes[1]
        return [(num_offsets - 1,) + tuple(input_shapes[2][1:])]

    def perform(self, node, inputs, output_storage):
        order, offsets = inputs[:2]
        if len({v.shape[1:] for v in inputs[2:]}) > 1:
            raise ValueError(
                "values must agree in all dimensions but the first; got shapes %s"
                % ([v.shape for v in inputs[2:]],)
            )
        values = np.concatenate(inputs[2:], axis=0)
        if len(inputs) == 3 and len(values) == 1:
            values = np.broadcast_to(values, order.shape + values.shape[1:])
        check_segments(order, offsets, len(values))
        sums = np.zeros((len(offsets) - 1,) + values.shape[1:], values.dtype)
        for k in range(len(sums)):
            for j in range(offsets[k], offsets[k + 1]):
                sums[k] += values[order[j]]
        output_storage[0][0] = sums

    def grad(self, inputs, output_gradients):
        order, offsets = inputs[:2]
        lengths = [v.shape[0] for v in inputs[2:]]
        # d sums[k] / d values[order[j]] is one wherever j is in segment k
        segments = T.extra_ops.repeat(
            T.arange(offsets.shape[0] - 1), offsets[1:] - offsets[:-1]
        )
        gradient = output_gradients[0][segments]
        shape = [sum(lengths)] + [gradient.shape[i] for i in range(1, gradient.ndim)]
        zeros = T.zeros(shape, dtype=gradient.dtype)
        if len(lengths) == 1:  # one row is that of each lookup
            order = T.minimum(order, lengths[0] - 1)
        gradient = T.inc_subtensor(zeros[order], gradient)
        starts = [sum(lengths[:i], T.constant(0)) for i in range(len(lengths))]
        parts = [gradient[s : s + n] for s, n in zip(starts, lengths)]
        return [DisconnectedType()(), DisconnectedType()()] + [
            T.patternbroadcast(part, v.broadcastable)
            for part, v in zip(parts, inputs[2:])
        ]

    def R_op(self, inputs, eval_points):
        order, offsets, values = inputs[0], inputs[1], inputs[2:]
        directions = eval_points[2:]
        if all(direction is None for direction in directions):
            return [None]
        directions = [
            v.zeros_like() if direction is None else direction
            for v, direction in zip(values, directions)
        ]
        return [self(order, offsets, *directions)]

    def connection_pattern(self, node):
        return [[False], [False]] + [[True] for _ in node.inputs[2:]]

    def c_compile_args(self):
        return openmp_flags()

    def c_support_code(self):
        return c_files("c_code/threads.h", "c_code/arrays.h", "indexing/segment_sum.h")

    def c_code(self, node, name, inputs, outputs, sub):
        _, value_t, type_num = node.outputs[0].type.dtype_specs()
        if node.outputs[0].dtype not in ("float32", "float64"):
            raise MethodNotDefined("c_code", type(self), "dtype")
        return """
        {
            PyArrayObject *values[] = {%(values)s};
            if (lasagne_sparse_segment_sum<%(value_t)s>(
                    %(order)s, %(offsets)s, values, %(num_values)d, %(type_num)s,
                    &%(sums)s)) {
                %(fail)s
            }
        }
        """ % dict(
            value_t=value_t,
            type_num=type_num,
            order=inputs[0],
            offsets=inputs[1],
            values=", ".join(inputs[2:]),
            num_values=len(inputs) - 2,
            sums=outputs[0],
            fail=sub["fail"],
        )


def check_segments(order, offsets, num_values):
    """Raises an error unless the segments lie within the values

    Parameters
    ----------
    order : NumPy vector, shape ``(num_lookups,)``, int64
        Positions among the values, each in ``[0, num_values)``.
    offsets : NumPy vector, shape ``(num_segments + 1,)``, int64
        Positions in `order`, ascending, each in ``[0, num_lookups]``.
    num_values : int
        The number of rows of the values.

    Raises
    ------
    ValueError
        If there is not one value for each number in `order`.
    IndexError
        If `order` or `offsets` point outside, or `offsets` is empty or descends.
    """
    if num_values != len(order):
        raise ValueError(
            "values must have %d rows together, one for each lookup; got %d"
            % (len(order), num_values)
        )
    if len(offsets) == 0 or offsets[0] < 0 or offsets[-1] > len(order):
        raise IndexError(
            "offsets must be one or more numbers from 0 to %d, the length of order; "
            "got %s" % (len(order), offsets)
        )
    if np.any(np.diff(offsets) < 0):
        raise IndexError("offsets must ascend; got %s" % (offsets,))
    outside = order[(order < 0) | (order >= num_values)]
    if len(outside):
        raise IndexError(
            "order points to row %d of values that have %d rows"
            % (outside[0], num_values)
        )
