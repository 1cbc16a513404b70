"""The rows that indices mean, checked on the host before a GPU sees them."""

import theano.tensor as T
from theano.gof import Apply
from theano.gradient import DisconnectedType

from .bounds import IndexingOp, as_indices, check_bounds, wrap_negative
from ..c_support import c_files

__all__ = ["RowNumbers"]


class RowNumbers(IndexingOp):
    """
    lasagne_sparse.ops.RowNumbers(table=None)

    Checks indices, and counts them from the first row of their table.

    The Op computes, for ``indices`` of shape ``(num_lookups,)`` and a scalar
    ``num_rows``::

        for index in indices:
            if not -num_rows <= index < num_rows:
                raise IndexError
        rows = [index % num_rows for index in indices]

    ``rows``, int64, has the shape of the indices, and may repeat. A kernel on a GPU
    cannot raise an error that names the index; so this Op goes before it.

    Parameters
    ----------
    table : str, optional
        The name of the table, for the message of the error only.

    Raises
    ------
    TypeError
        If ``indices`` is no vector of integers, or ``num_rows`` no integer
        scalar (when the graph is built).
    IndexError
        If an index is not in ``[-num_rows, num_rows)`` (at run time).
    """

    def make_node(self, indices, num_rows):
        inputs = as_indices(indices, num_rows)
        rows = T.TensorType("int64", inputs[0].broadcastable)()
        return Apply(self, inputs, [rows])

    def infer_shape(self, node, input_shapes):
        return input_shapes[:1]

    def perform(self, node, inputs, output_storage, table):
        indices, num_rows = inputs
        check_bounds(indices, num_rows, table)
        output_storage[0][0] = wrap_negative(indices, num_rows)

    def grad(self, inputs, output_gradients):
        return [DisconnectedType()() for _ in inputs]

    def R_op(self, inputs, eval_points):
        return [None]  # numbers of rows have no derivative

    def connection_pattern(self, node):
        return [[False] for _ in node.inputs]

    def c_support_code(self):
        return c_files("c_code/bounds.h", "c_code/arrays.h")

    def c_code(self, node, name, inputs, outputs, sub):
        indices, num_rows = inputs
        return """
        {
            const npy_intp num_lookups = PyArray_DIM(%(indices)s, 0);
            int64_t *found = lasagne_sparse_rows<%(index_t)s>(%(indices)s,
                *(npy_int64 *)PyArray_DATA(%(num_rows)s), %(table)s);
            const bool failed = found == NULL || lasagne_sparse_ensure(
                &%(rows)s, 1, &num_lookups, NPY_INT64) < 0;
            if (!failed)
                memcpy(PyArray_DATA(%(rows)s), found, num_lookups * sizeof(int64_t));
            free(found);
            if (failed) {
                %(fail)s
            }
        }
        """ % dict(
            index_t=node.inputs[0].type.dtype_specs()[1],
            indices=indices,
            num_rows=num_rows,
            table=sub["params"],
            rows=outputs[0],
            fail=sub["fail"],
        )
