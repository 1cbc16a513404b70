"""Finds the positions of keys: 64-bit numbers, or texts

Numbers are found by open addressing with linear probing (Knuth, The Art of Computer
Programming, volume 3, section 6.4), in NumPy, all keys of a batch at once: each round
looks at one slot for every key that is not decided yet. Slots hold positions, and keys
lie in an array by position; at most half of the slots are taken.
"""

import numpy as np

__all__ = ["NumberIndex", "TextIndex"]

_EMPTY, _GONE = -1, -2
#: 2 ** 64 divided by the golden ratio: Fibonacci hashing, as in section 6.4.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
#: Keys that are looked up at a time, so that what is in between stays in the cache.
_BLOCK = 1 << 15


class NumberIndex:
    """
    lasagne_sparse.tables.keys.index.NumberIndex(capacity)

    Positions of numbers of 64 bits

    Parameters
    ----------
    capacity : int
        Positions are below it.

    Attributes
    ----------
    keys : numpy.ndarray, shape ``(capacity,)``, int64
        The key at each position that has one.

    Examples
    --------
    >>> index = NumberIndex(10)
    >>> index.put([3, 4], np.array([70, -8]))
    >>> index.find(np.array([-8, 5, 70]))
    array([ 4, -1,  3], dtype=int32)
    """

    def __init__(self, capacity):
        self.keys = np.zeros(capacity, "int64")
        bits = max(2, int(2 * capacity - 1).bit_length())
        self._slots = np.full(1 << bits, _EMPTY, "int32")
        self._shift, self._mask = np.uint64(64 - bits), (1 << bits) - 1
        self._taken = 0  # those of keys that are gone included

    @staticmethod
    def as_keys(keys):
        """Turns what a user passes into an array of keys

        Parameters
        ----------
        keys : array_like of any integer dtype

        Returns
        -------
        numpy.ndarray, int64
            Numbers from 2 ** 63 on become negative, each another one.

        Raises
        ------
        TypeError
            If they are no integers.
        """
        keys = np.asarray(keys)
        if keys.dtype.kind not in "iu" and keys.size:
            raise TypeError(
                "keys must be integers, got dtype %s: make KeyMap(..., kind='text') "
                "for texts" % keys.dtype
            )
        return keys.astype("int64", copy=False)

    def find(self, keys):
        """Returns the positions of keys

        Parameters
        ----------
        keys : numpy.ndarray, one axis, int64

        Returns
        -------
        numpy.ndarray, int32
            -1 where there is no such key.
        """
        found = np.empty(len(keys), "int32")
        for start in range(0, len(keys), _BLOCK):
            stop = start + _BLOCK
            self._find(keys[start:stop], found[start:stop])
        return found

    def _find(self, keys, found):
        slots, by_position = self._slots, self.keys
        at = self._hash(keys)
        slots.take(at, out=found, mode="wrap")
        # What is -1 or -2 is compared with one of the last keys, and looked at below.
        differ = by_position.take(found, mode="wrap") != keys
        differ |= found < 0
        left = np.flatnonzero(differ)
        while left.size:
            positions = found[left]
            left = left[positions != _EMPTY]
            at_left = (at[left] + 1) & self._mask
            at[left] = at_left
            positions = slots[at_left]
            found[left] = positions
            differ = by_position.take(positions, mode="wrap") != keys[left]
            left = left[differ | (positions < 0)]

    def put(self, positions, keys):
        """Adds keys

        Parameters
        ----------
        positions : array_like of int
            Distinct, without a key.
        keys : numpy.ndarray, int64
            As many; distinct, and not there yet.
        """
        positions = np.asarray(positions, "int32")
        self.keys[positions] = keys
        if 4 * (self._taken + len(positions)) > 3 * len(self._slots):
            live = self._slots[self._slots >= 0]
            self._slots.fill(_EMPTY)
            self._place(live, self.keys[live])
            self._taken = len(live)
        self._place(positions, keys)
        self._taken += len(positions)

    def _place(self, positions, keys):
        at = self._hash(keys)
        while len(positions):
            free = self._slots[at] == _EMPTY
            self._slots[at[free]] = positions[free]
            # Of several keys at one slot, the last one has it.
            left = self._slots[at] != positions
            positions, at = positions[left], (at[left] + 1) & self._mask

    def remove(self, positions):
        """Removes keys

        Parameters
        ----------
        positions : numpy.ndarray of int
            Distinct positions of keys.
        """
        at, wanted = self._hash(self.keys[positions]), positions
        while len(wanted):
            here = self._slots[at] == wanted
            self._slots[at[here]] = _GONE
            wanted, at = wanted[~here], (at[~here] + 1) & self._mask

    def _hash(self, keys):
        return ((keys.view("uint64") * _FACTOR) >> self._shift).view("int64")

    @property
    def nbytes(self):
        """How much memory it takes, in bytes"""
        return self.keys.nbytes + self._slots.nbytes


class TextIndex:
    """
    lasagne_sparse.tables.keys.index.TextIndex(capacity)

    Positions of texts, by a dictionary

    Parameters
    ----------
    capacity : int
        Positions are below it.

    Attributes
    ----------
    keys : numpy.ndarray, shape ``(capacity,)``, of objects
        The key at each position that has one.
    """

    def __init__(self, capacity):
        self.keys = np.zeros(capacity, object)
        self._positions = {}

    @staticmethod
    def as_keys(keys):
        """Turns what a user passes into an array of keys

        Parameters
        ----------
        keys : str, or sequence or array of str

        Returns
        -------
        numpy.ndarray of str objects

        Raises
        ------
        TypeError
            If one of them is no str.
        """
        array = keys if isinstance(keys, np.ndarray) else None
        if array is None or array.dtype.kind != "U":
            array = np.array(keys, dtype=object)
        array = array.astype(object)
        for key in array.flat:
            if not isinstance(key, str):
                raise TypeError("keys must be texts, got %r" % (key,))
        return array

    def find(self, keys):
        """Returns the positions of keys, -1 where there is no such key

        Parameters
        ----------
        keys : numpy.ndarray, one axis, of str objects

        Returns
        -------
        numpy.ndarray, int32
        """
        get = self._positions.get
        return np.array([get(key, -1) for key in keys.tolist()], "int32")

    def put(self, positions, keys):
        """Adds keys, as :meth:`NumberIndex.put` does"""
        self.keys[positions] = keys
        self._positions.update(zip(keys.tolist(), np.asarray(positions).tolist()))

    def remove(self, positions):
        """Removes keys, as :meth:`NumberIndex.remove` does"""
        for key in self.keys[positions].tolist():
            del self._positions[key]
        self.keys[positions] = 0
