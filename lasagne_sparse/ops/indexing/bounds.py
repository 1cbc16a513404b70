"""Which index is out of range, and what does the error say about it?

One wording serves every Op that reads or writes rows, in Python and in C
(``c_code/bounds.h`` says the same).
"""

import numpy as np
import theano.tensor as T
from theano.gof import generic

from ..c_support import CodeOp

__all__ = [
    "IndexingOp",
    "as_index_vector",
    "as_indices",
    "check_bounds",
    "wrap_negative",
]


class IndexingOp(CodeOp):
    """
    lasagne_sparse.ops.indexing.bounds.IndexingOp(table=None)

    An Op that looks at indices of a table, and names it if one is out of range.

    Parameters
    ----------
    table : str, optional
        The name of the table, for the message of the error only.
    """

    __props__ = ("table",)

    # The name goes to the C code as a value, so one module serves all tables.
    params_type = generic

    def __init__(self, table=None):
        self.table = None if table is None else str(table)

    def get_params(self, node):
        return self.table


def as_index_vector(indices):
    """Checks indices of rows, when the graph is built

    Parameters
    ----------
    indices : Theano vector, shape ``(num_lookups,)``, any integer dtype

    Returns
    -------
    Theano vector
        The indices.

    Raises
    ------
    TypeError
        If `indices` is no vector of integers.
    """
    indices = T.as_tensor_variable(indices)
    if indices.dtype not in T.integer_dtypes or indices.ndim != 1:
        raise TypeError(
            "indices must be a vector of integers, got %s: cast them to "
            "'int32' and flatten() them" % (indices.type,)
        )
    return indices


def as_indices(indices, num_rows):
    """Checks the inputs of an Op that looks at indices, when the graph is built

    Parameters
    ----------
    indices : Theano vector, shape ``(num_lookups,)``, any integer dtype
    num_rows : int or symbolic integer scalar
        The number of rows of the table.

    Returns
    -------
    list of two Theano variables
        The indices, and the number of rows as int64.

    Raises
    ------
    TypeError
        If `indices` is no vector of integers, or `num_rows` no integer scalar.
    """
    indices = as_index_vector(indices)
    num_rows = T.as_tensor_variable(num_rows)
    if num_rows.dtype not in T.integer_dtypes or num_rows.ndim != 0:
        raise TypeError(
            "num_rows must be an integer scalar such as table.shape[0], got %s"
            % (num_rows.type,)
        )
    return [indices, T.cast(num_rows, "int64")]


def check_bounds(indices, num_rows, table=None):
    """Raises an IndexError if an index points to no row of the table

    Parameters
    ----------
    indices : NumPy vector, shape ``(num_lookups,)``, any integer dtype
        The indices; each must lie in ``[-num_rows, num_rows)``.
    num_rows : int
        The number of rows of the table.
    table : str, optional
        The name of the table for the message.

    Raises
    ------
    IndexError
        If an index is out of range. The message names the first such index, its
        position, the table and its size.
    """
    num_rows = max(int(num_rows), 0)
    bad = np.flatnonzero((indices < -num_rows) | (indices >= num_rows))
    if len(bad):
        position = int(bad[0])
        name = "a table" if table is None else "table '%s'" % (table,)
        expected = (
            "expected %d to %d" % (-num_rows, num_rows - 1)
            if num_rows
            else "it has no row to look up"
        )
        raise IndexError(
            "index %d at position %d is out of range for %s with %d rows: %s"
            % (indices[position], position, name, num_rows, expected)
        )


def wrap_negative(indices, num_rows):
    """Counts negative indices from the end of the table

    * ``indices[i] < 0`` becomes ``indices[i] + num_rows``

    Parameters
    ----------
    indices : NumPy array of any integer dtype
        Indices in ``[-num_rows, num_rows)``.
    num_rows : int
        The number of rows of the table.

    Returns
    -------
    NumPy array of int64, shape of `indices`
        The same rows as numbers in ``[0, num_rows)``.
    """
    indices = indices.astype("int64")
    return np.where(indices < 0, indices + int(num_rows), indices)
