"""Lets rows of a table, and all that rules keep of them, begin anew"""

import lasagne
import numpy as np
import theano
import theano.tensor as T

from ...graph import called, shape_now
from ...state import slot_of
from ...updates import set_rows

__all__ = ["RowReset"]


class RowReset:
    """
    lasagne_sparse.tables.keys.resets.RowReset(table, num_rows, updates, init, initial)

    Sets rows of a table, and of every state that has its rows, to what they began as

    Parameters
    ----------
    table : shared variable
    num_rows : int
    updates : dict from shared variables to expressions, or list of such, or None
    init : callable
        ``init(shape)`` gives new values of rows.
    initial : dict from str to float
        What states begin with, by their slots; 0 where nothing is said.

    Attributes
    ----------
    names : list of str
        The names of the table and of its states.

    Raises
    ------
    ValueError
        If the table has another number of rows, or there is no such slot.
    """

    def __init__(self, table, num_rows, updates, init, initial):
        if shape_now(table)[0] != num_rows:
            raise ValueError(
                "table %s has %d rows, and the keys have %d"
                % (called(table), shape_now(table)[0], num_rows)
            )
        if not isinstance(updates, (list, tuple)):
            updates = [updates or {}]
        variables = dict.fromkeys(v for changes in updates for v in changes)
        slots = {v: slot_of(v) for v in variables if slot_of(v) is not None}
        states = {
            v: slot
            for v, slot in slots.items()
            if slot.table is table and slot.axis is not None
        }
        unknown = set(initial) - {slot.slot for slot in states.values()}
        if unknown:
            raise ValueError(
                "table %s has no state %s: there are %s"
                % (
                    called(table),
                    ", ".join(sorted(unknown)),
                    ", ".join(slot.slot for slot in states.values()) or "none",
                )
            )
        self.names = [called(v) for v in [table, *states]]
        self._table, self._init = table, init
        self._shape = tuple(shape_now(table)[1:])
        self._write_table = _writer(table, 0)
        self._states = [
            (_writer(v, slot.axis), initial.get(slot.slot, 0))
            for v, slot in states.items()
        ]

    def __call__(self, rows, random):
        """Sets rows back

        Parameters
        ----------
        rows : numpy.ndarray of int
            Distinct.
        random : numpy.random.RandomState
            What new values are drawn from.
        """
        if not len(rows):
            return
        values = _drawn(self._init, (len(rows),) + self._shape, random)
        self._write_table(rows, values)
        for write, value in self._states:
            write(rows, value)


def _drawn(init, shape, random):
    """Calls one of Lasagne's initializers, which draw from a global random state."""
    before = lasagne.random.get_rng()
    lasagne.random.set_rng(random)
    try:
        values = np.asarray(init(shape))
    finally:
        lasagne.random.set_rng(before)
    if values.shape != shape:
        raise ValueError(
            "init gave values of shape %s for rows of shape %s" % (values.shape, shape)
        )
    return values


def _writer(variable, axis):
    """Returns a function that sets rows of a variable where it is."""
    if isinstance(
        variable.get_value(borrow=True, return_internal_type=True), np.ndarray
    ):

        def write(rows, value):
            # The variable's own array, which may be another one at each call.
            array = variable.get_value(borrow=True, return_internal_type=True)
            np.moveaxis(array, axis, 0)[rows] = value

        return write
    if axis != 0:
        raise NotImplementedError(
            "%s is on a device, and has its table's rows along axis %d: keep it on the "
            "host" % (called(variable), axis)
        )
    rows = T.lvector()
    values = T.TensorType(variable.dtype, [False] * variable.ndim)()
    set_them = theano.function([rows, values], updates=set_rows(variable, rows, values))

    def write_on_device(rows, value):
        shape = (len(rows),) + tuple(shape_now(variable)[1:])
        set_them(rows, np.broadcast_to(value, shape).astype(variable.dtype))

    return write_on_device
