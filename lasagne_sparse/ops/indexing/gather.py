"""Rows of a table by their indices."""

import theano.tensor as T
from theano.gof import Apply
from theano.gradient import DisconnectedType

from .bounds import IndexingOp, as_index_vector, check_bounds, wrap_negative
from ..c_support import c_files, openmp_flags

__all__ = ["Gather"]


class Gather(IndexingOp):
    """
    lasagne_sparse.ops.Gather(table=None)

    Looks rows of a table up.

    The Op computes, for a ``table`` of shape ``(num_rows, ...)`` and ``indices``
    of shape ``(num_lookups,)``::

        gathered = np.empty((len(indices),) + table.shape[1:], table.dtype)
        for i, index in enumerate(indices):
            if not -len(table) <= index < len(table):
                raise IndexError
            gathered[i] = table[index]

    It is `AdvancedSubtensor1` of Theano, except that rows are fetched from
    memory ahead of time and by several threads, and that the error names the
    table, the index and its position. Only a rewrite puts it into a graph.

    Parameters
    ----------
    table : str, optional
        The name of the table, for the message of the error only.

    Raises
    ------
    TypeError
        If ``indices`` is no vector of integers, or the table a scalar (when the
        graph is built).
    IndexError
        If an index is not in ``[-num_rows, num_rows)`` (at run time).
    """

    def make_node(self, table, indices):
        table = T.as_tensor_variable(table)
        if table.ndim == 0:
            raise TypeError("a table has at least one dimension, got a scalar")
        indices = as_index_vector(indices)
        broadcastable = indices.broadcastable + table.broadcastable[1:]
        return Apply(
            self, [table, indices], [T.TensorType(table.dtype, broadcastable)()]
        )

    def infer_shape(self, node, input_shapes):
        table_shape, indices_shape = input_shapes
        return [tuple(indices_shape) + tuple(table_shape[1:])]

    def perform(self, node, inputs, output_storage, name):
        table, indices = inputs
        check_bounds(indices, len(table), name)
        output_storage[0][0] = table[wrap_negative(indices, len(table))]

    def grad(self, inputs, output_gradients):
        table, indices = inputs
        if table.dtype in T.discrete_dtypes:
            gradient = table.zeros_like(dtype="floatX")
        else:
            gradient = T.inc_subtensor(table.zeros_like()[indices], output_gradients[0])
        return [gradient, DisconnectedType()()]

    def R_op(self, inputs, eval_points):
        direction, indices = eval_points[0], inputs[1]
        # None: the table does not move
        return [None if direction is None else self(direction, indices)]

    def connection_pattern(self, node):
        return [[True], [False]]

    def c_compile_args(self):
        return openmp_flags()

    def c_support_code(self):
        return c_files(
            "c_code/threads.h",
            "c_code/bounds.h",
            "c_code/arrays.h",
            "indexing/gather.h",
        )

    def c_code(self, node, name, inputs, outputs, sub):
        return """
        if (lasagne_sparse_gather<%(index_t)s, %(item_t)s>(
                %(table)s, %(indices)s, %(table_name)s, &%(gathered)s)) {
            %(fail)s
        }
        """ % dict(
            index_t=node.inputs[1].type.dtype_specs()[1],
            item_t=node.inputs[0].type.dtype_specs()[1],
            table=inputs[0],
            indices=inputs[1],
            table_name=sub["params"],
            gathered=outputs[0],
            fail=sub["fail"],
        )
