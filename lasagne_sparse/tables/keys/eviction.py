"""Which rows are given away first, without looking at all of them each time"""

import numpy as np

__all__ = ["Eviction"]


class Eviction:
    """
    lasagne_sparse.tables.keys.eviction.Eviction(policy, counts, last)

    Finds the rows that come first in the order of a policy

    * ``age``: the rows seen longest ago, of these the ones of the lowest number
    * ``frequency``: those seen most rarely, of these the ones seen longest ago, and of
      these the ones of the lowest number

    All rows are ranked once, and the first of that ranking are kept. As rows only move
    back in the order when they are seen, a row that stands within the ranking now comes
    before every row that was left out of it: only rows that got a key since then must
    be looked at besides.

    Parameters
    ----------
    policy : str
        'age' or 'frequency'.
    counts, last : numpy.ndarray, shape ``(num_rows,)``, uint32
        How often, and in which batch last, the key of each row was seen; the owner
        writes to them. Rows whose `last` is 0 have no key.
    """

    #: The share of the rows that is ranked ahead, and the least number.
    SHARE, LEAST = 64, 1024

    def __init__(self, policy, counts, last):
        self._by_count = policy == "frequency"
        self._counts, self._last = counts, last
        self._ranked = np.zeros(0, "int64")
        self._limit = None
        self._new = []

    def first(self, number, step):
        """Returns the rows to give away

        Parameters
        ----------
        number : int
            How many.
        step : int
            Rows seen in this batch are left out.

        Returns
        -------
        numpy.ndarray, int64
            Fewer than `number` if there are no more.
        """
        rows = self._within(number, step)
        if len(rows) < number:
            self._rank(max(number, self.LEAST, len(self._last) // self.SHARE), step)
            rows = self._within(number, step)
        return rows

    def given(self, rows):
        """Is told of rows that got a key"""
        self._new.append(np.asarray(rows, "int64"))

    def _within(self, number, step):
        """Returns the first rows, as far as the ranking tells."""
        if self._limit is None:
            return self._ranked[:0]
        rows = np.unique(np.concatenate([self._ranked] + self._new))
        rows = rows[(self._last[rows] > 0) & (self._last[rows] < step)]
        rows = self._sorted(rows)
        return rows[: self._number_within(rows)][:number]

    def _number_within(self, rows):
        order = self._order(rows)
        inside = np.zeros(len(rows), bool)
        same = np.ones(len(rows), bool)
        for values, limit in zip(order, self._limit):
            inside |= same & (values < limit)
            same &= values == limit
        return int((inside | same).sum())

    def _rank(self, number, step):
        # Rows of this batch are ranked too: they may be given away in the next one.
        rows = np.flatnonzero(self._last)
        number += int(np.count_nonzero(self._last == step))
        if len(rows) > number:
            key = self._counts if self._by_count else self._last
            edge = np.partition(key[rows], number - 1)[number - 1]
            rows = rows[key[rows] <= edge]
        self._ranked, self._new = self._sorted(rows)[:number], []
        if not len(self._ranked):
            self._limit = None
            return
        last = self._ranked[-1:]
        self._limit = [values[0] for values in self._order(last)]

    def _order(self, rows):
        keys = [self._last[rows].astype("int64"), rows]
        return [self._counts[rows].astype("int64")] * self._by_count + keys

    def _sorted(self, rows):
        return rows[np.lexsort(self._order(rows)[::-1])]
