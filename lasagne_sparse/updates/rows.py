"""The plain job: write some rows of a shared matrix"""

from collections import OrderedDict

import theano.tensor as T

from ..graph import table_of
from ..ops import UniqueRows

__all__ = ["add_rows", "set_rows"]


def add_rows(table, rows, delta):
    """Adds to some rows of a table

    * ``table[rows[i]] := table[rows[i]] + delta[i]`` for all ``i``

    A row that is named several times gets the sum of all its deltas, as by
    :func:`numpy.add.at`.

    Parameters
    ----------
    table : shared variable, shape ``(num_rows, num_units)``
        A matrix, or of any other rank from 1 on.
    rows : Theano vector or array, shape ``(num_lookups,)``, integer
        The rows to add to; a negative one counts from the end.
    delta : Theano variable or array, shape ``(num_lookups, num_units)``
        What to add; anything that broadcasts to this shape.

    Returns
    -------
    OrderedDict
        The update of `table`, for ``theano.function(..., updates=...)``.

    Raises
    ------
    TypeError
        If `table` is no shared variable, `rows` no vector of integers, or
        `delta` of a dtype that the table cannot hold.
    IndexError
        If one of `rows` is out of range, when the function is called. Nothing
        is written then.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> C = theano.shared(np.zeros((4, 2)), 'C')
    >>> rows, delta = T.ivector(), T.dmatrix()
    >>> update = theano.function([rows, delta], updates=add_rows(C, rows, delta))
    >>> update([3, 0, 3], [[1, 1], [2, 2], [4, 4]])
    []
    >>> print(C.get_value()[:, 0])
    [2. 0. 0. 5.]
    """
    table, rows, delta = _checked(table, rows, delta)
    return OrderedDict([(table, T.inc_subtensor(table[rows], delta))])


def set_rows(table, rows, values):
    """Sets some rows of a table

    * ``table[rows[i]] := values[i]`` for all ``i``

    A row that is named several times gets the last of its values, as by an
    assignment in NumPy.

    Parameters
    ----------
    table : shared variable, shape ``(num_rows, num_units)``
        A matrix, or of any other rank from 1 on.
    rows : Theano vector or array, shape ``(num_lookups,)``, integer
        The rows to set; a negative one counts from the end.
    values : Theano variable or array, shape ``(num_lookups, num_units)``
        The new rows; anything that broadcasts to this shape.

    Returns
    -------
    OrderedDict
        The update of `table`, for ``theano.function(..., updates=...)``.

    Raises
    ------
    TypeError
        If `table` is no shared variable, `rows` no vector of integers, or
        `values` of a dtype that the table cannot hold.
    IndexError
        If one of `rows` is out of range, when the function is called. Nothing
        is written then.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> C = theano.shared(np.zeros((4, 2)), 'C')
    >>> rows, values = T.ivector(), T.dmatrix()
    >>> update = theano.function([rows, values], updates=set_rows(C, rows, values))
    >>> update([3, 0, 3], [[1, 1], [2, 2], [4, 4]])
    []
    >>> print(C.get_value()[:, 0])
    [2. 0. 0. 4.]
    """
    table, rows, values = _checked(table, rows, values)
    distinct, _, order, offsets = UniqueRows(table.name)(rows, table.shape[0])
    if values.ndim == table.ndim and not values.broadcastable[0]:
        # Theano may turn a set of x[i] to x[i] + y into an increment, which is
        # another result where i repeats: so only the last of each is set.
        values = values[order[offsets[1:] - 1]]
    return OrderedDict([(table, T.set_subtensor(table[distinct], values))])


def _checked(table, rows, values):
    """Turns arguments into variables and checks what can be checked now."""
    if table_of(table) is not table:
        raise TypeError(
            "table must be a shared variable, got %s: write "
            "theano.shared(array) for it" % (table,)
        )
    rows = T.as_tensor_variable(rows)
    if rows.ndim != 1 or rows.dtype not in T.integer_dtypes:
        raise TypeError(
            "rows must be a vector of integers, got %s of type %s" % (rows, rows.type)
        )
    values = T.as_tensor_variable(values)
    if not T.scal.upcast(table.dtype, values.dtype) == table.dtype:
        raise TypeError(
            "table %s of dtype %s cannot hold values of dtype %s: cast them with "
            "T.cast(values, %r)" % (table, table.dtype, values.dtype, table.dtype)
        )
    return table, rows, values
