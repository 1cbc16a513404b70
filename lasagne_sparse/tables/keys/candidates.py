"""Counts keys that do not have a row yet"""

import numpy as np

__all__ = ["Candidates"]


class Candidates:
    """
    lasagne_sparse.tables.keys.candidates.Candidates(index, capacity)

    How often, and when last, keys without a row were seen

    They are noted one after the other. When `capacity` of them are, half of that number
    stays, or fewer if some were admitted: those that were seen most often, of these the
    ones seen last, and of these the ones noted first.

    Parameters
    ----------
    index : class
        NumberIndex or TextIndex.
    capacity : int
        2 or more.
    """

    def __init__(self, index, capacity):
        self._make, self._capacity = index, capacity
        self._fill(index.as_keys([]), np.zeros(0, "uint32"), np.zeros(0, "uint32"))

    def _fill(self, keys, counts, last):
        """Starts anew with these."""
        self._index = self._make(self._capacity)
        self._counts = np.zeros(self._capacity, "uint32")
        self._last = np.zeros(self._capacity, "uint32")
        self._length = len(keys)
        self._index.put(np.arange(len(keys)), keys)
        self._counts[: len(keys)], self._last[: len(keys)] = counts, last

    def counts_of(self, keys):
        """Returns how often keys were seen

        Parameters
        ----------
        keys : numpy.ndarray

        Returns
        -------
        numpy.ndarray, int64
        """
        positions = self._index.find(keys)
        counts = self._counts.take(positions, mode="wrap").astype("int64")
        return np.where(positions < 0, 0, counts)

    def note(self, keys, counts, step, admitted):
        """Sets how often keys were seen, and forgets those that were admitted

        Parameters
        ----------
        keys : numpy.ndarray
            Distinct.
        counts : numpy.ndarray, int64
        step : int
            The number of this batch.
        admitted : numpy.ndarray of bool
            Which of `keys` have a row now.
        """
        positions = self._index.find(keys)
        here = positions >= 0
        self._counts[positions[here]] = counts[here]
        self._last[positions[here]] = step
        gone = positions[here & admitted]
        self._index.remove(gone)
        self._counts[gone] = 0
        new = ~here & ~admitted
        keys, counts = keys[new], counts[new]
        last = np.full(len(keys), step, "uint32")
        if self._length + len(keys) > self._capacity:
            old = self.items()
            keys = np.concatenate([old[0], keys])
            counts = np.concatenate([old[1], counts]).astype("int64")
            last = np.concatenate([old[2], last]).astype("int64")
            half = self._capacity // 2
            if len(keys) > half:
                order = np.lexsort((np.arange(len(keys)), -last, -counts))
                chosen = np.sort(order[:half])
                keys, counts, last = keys[chosen], counts[chosen], last[chosen]
            self._fill(keys, counts, last)
            return
        at = np.arange(self._length, self._length + len(keys))
        self._index.put(at, keys)
        self._counts[at], self._last[at] = counts, last
        self._length += len(at)

    def items(self):
        """Returns all keys, their counts, and the batches in which they were seen last

        Returns
        -------
        keys, counts, last : numpy.ndarray
        """
        live = np.flatnonzero(self._counts[: self._length])
        return self._index.keys[live], self._counts[live], self._last[live]

    def get_state(self):
        """Returns all there is to know, for a checkpoint

        Returns
        -------
        list
            Keys, counts, last batches, and positions; and how many were noted.
        """
        positions = np.flatnonzero(self._counts[: self._length])
        return [*self.items(), positions, self._length]

    def set_state(self, keys, counts, last, positions, length):
        """Sets what :meth:`get_state` returned"""
        self._fill(keys[:0], counts[:0], last[:0])
        self._index.put(positions, keys)
        self._counts[positions], self._last[positions] = counts, last
        self._length = length

    @property
    def nbytes(self):
        """How much memory it takes, in bytes, keys of text left out"""
        own = self._counts.nbytes + self._last.nbytes
        return own + getattr(self._index, "nbytes", self._index.keys.nbytes)
