"""Which index is out of range, and what does the error say about it?

One wording serves every Op that reads or writes rows, in Python and in C
(``c_code/bounds.h`` says the same).
"""

import numpy as np

__all__ = ["check_bounds", "wrap_negative"]


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
