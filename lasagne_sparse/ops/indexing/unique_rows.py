"""The distinct rows among some indices, and which index goes to which row."""

import numpy as np
import theano.tensor as T
from theano.compile.ops import Shape_i
from theano.gof import Apply
from theano.gradient import DisconnectedType

from .bounds import IndexingOp, as_indices, check_bounds, wrap_negative
from ..c_support import c_files

__all__ = ["UniqueRows", "unique_rows"]


class UniqueRows(IndexingOp):
    """
    lasagne_sparse.ops.UniqueRows(table=None)

    Finds the distinct rows among indices, and groups the indices by row.

    The Op computes, for ``indices`` of shape ``(num_lookups,)`` and a scalar
    ``num_rows``::

        for index in indices:
            if not -num_rows <= index < num_rows:
                raise IndexError
        rows = sorted(set(index % num_rows for index in indices))
        inverse = [rows.index(index % num_rows) for index in indices]
        order = np.argsort(inverse, kind='stable')
        offsets = [sum(place < k for place in inverse)
                   for k in range(len(rows) + 1)]

    Its outputs are, all of dtype int64:

    * ``rows``, shape ``(num_distinct,)``: the distinct rows in
      ``[0, num_rows)``, ascending.
    * ``inverse``, shape ``(num_lookups,)``: ``rows[inverse]`` are the indices,
      negative ones counted from the end.
    * ``order``, shape ``(num_lookups,)``: the positions in ``indices``, grouped
      by row and ascending within a row.
    * ``offsets``, shape ``(num_distinct + 1,)``: row ``rows[k]`` is looked up at
      the positions ``order[offsets[k]:offsets[k + 1]]``.

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

    #: Outputs of row numbers, none negative, that do not repeat: see
    #: :func:`lasagne_sparse.graph.distinct.are_distinct`.
    distinct_outputs = (0,)

    def make_node(self, indices, num_rows):
        inputs = as_indices(indices, num_rows)
        return Apply(self, inputs, [T.lvector() for _ in range(4)])

    def infer_shape(self, node, input_shapes):
        (num_lookups,) = input_shapes[0]
        # how many rows are distinct is known at run time only; not asked of the
        # graph's shape feature, since inside a scan's gradient there is no graph
        num_distinct = Shape_i(0)(node.outputs[0])
        num_offsets = num_distinct + 1
        return [(num_distinct,), (num_lookups,), (num_lookups,), (num_offsets,)]

    def perform(self, node, inputs, output_storage, table):
        indices, num_rows = inputs
        check_bounds(indices, num_rows, table)
        rows, inverse, counts = np.unique(
            wrap_negative(indices, num_rows), return_inverse=True, return_counts=True
        )
        order = np.argsort(inverse, kind="stable")
        offsets = np.append(0, np.cumsum(counts))
        for storage, result in zip(output_storage, (rows, inverse, order, offsets)):
            storage[0] = result.astype("int64")

    def grad(self, inputs, output_gradients):
        return [DisconnectedType()() for _ in inputs]

    def R_op(self, inputs, eval_points):
        return [None] * 4  # which rows are distinct has no derivative

    def connection_pattern(self, node):
        return [[False] * len(node.outputs) for _ in node.inputs]

    def c_support_code(self):
        return c_files(
            "c_code/bounds.h",
            "c_code/arrays.h",
            "indexing/unique_rows.h",
            "indexing/unique_rows_op.h",
        )

    def c_code(self, node, name, inputs, outputs, sub):
        indices, num_rows = inputs
        return """
        if (lasagne_sparse_unique_rows<%(index_t)s>(
                %(indices)s, *(npy_int64 *)PyArray_DATA(%(num_rows)s), %(table)s,
                %(outputs)s)) {
            %(fail)s
        }
        """ % dict(
            index_t=node.inputs[0].type.dtype_specs()[1],
            indices=indices,
            num_rows=num_rows,
            table=sub["params"],
            outputs=", ".join("&" + output for output in outputs),
            fail=sub["fail"],
        )


def unique_rows(indices, num_rows, table=None):
    """Finds the distinct rows among indices

    * ``rows[inverse[i]] == indices[i]``, negative indices counted from the end

    Parameters
    ----------
    indices : Theano vector, shape ``(num_lookups,)``, any integer dtype
        The indices; may repeat, may be negative, may be none at all.
    num_rows : int or symbolic scalar
        The number of rows of the table, as in ``W.shape[0]``.
    table : str, optional
        The name of the table, for error messages.

    Returns
    -------
    rows : Theano vector, shape ``(num_distinct,)``, int64
        The distinct rows in ``[0, num_rows)``, ascending.
    inverse : Theano vector, shape ``(num_lookups,)``, int64
        The position of each index among `rows`.

    Raises
    ------
    TypeError
        If `indices` is no vector of integers (bool is none), or `num_rows` no
        integer scalar (when the graph is built).
    IndexError
        If an index is not in ``[-num_rows, num_rows)`` (at run time).

    Examples
    --------
    >>> import theano.tensor as T
    >>> rows, inverse = unique_rows(T.constant([4, 9, -1, 4]), 10)
    >>> print(rows.eval(), inverse.eval())
    [4 9] [0 1 1 0]
    """
    rows, inverse, _, _ = UniqueRows(table)(indices, num_rows)
    return rows, inverse
