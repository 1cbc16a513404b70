"""A map from keys to rows of tables, which admits keys, and takes rows back"""

import lasagne
import numpy as np

from ..texts import packed, unpacked
from .candidates import Candidates
from .eviction import Eviction
from .index import NumberIndex, TextIndex
from .resets import RowReset
from .saving import look_at

__all__ = ["KeyMap"]

_KINDS = {"number": NumberIndex, "text": TextIndex}
_POLICIES = (None, "age", "frequency")


class KeyMap:
    """
    lasagne_sparse.tables.KeyMap(num_rows, kind='number', admit_after=1,
    evict=None, unknown=0, num_candidates=None, seed=0)

    A map from keys, 64-bit numbers or texts, to rows of tables

    A key gets a row when it was seen `admit_after` times. All other keys share one
    row, `unknown`, that no key gets. When no row is left, new keys stay unknown or,
    with `evict`, get the row of another key, which is unknown from then on.

    A row that is given to another key starts anew: :meth:`attach` tells of which tables
    it is a row, and its values there are drawn again, and *all that rules keep of it*
    is set back, before the key is looked up for the first time.

    Parameters
    ----------
    num_rows : int
        The rows of the tables, `unknown` included.
    kind : str
        'number': integers of 64 bits; or 'text'.
    admit_after : int
        How often a key is to be seen before it gets a row.
    evict : str, optional
        Whose row is taken: 'age', that of the key seen longest ago, or 'frequency',
        that of the key seen most rarely. Ties go to the one seen longest ago, then to
        the row of the lowest number. A key of the batch at hand keeps its row.
    unknown : int
        The row of keys that have none.
    num_candidates : int, optional
        How many keys without a row are counted; a quarter of `num_rows` if left out,
        and 1024 at least. When that many were noted, the half that was seen most
        rarely is forgotten.
    seed : int
        Of what new values are drawn from.

    Attributes
    ----------
    counts : numpy.ndarray, shape ``(num_rows,)``, uint32
        How often the key of each row was seen. Not to be written to.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    64-bit numbers take 24 to 32 bytes a row, and with the candidates 40 at most. That
    a row starts anew is what [1]_ is about, too: there it had others' values.

    References
    ----------
    .. [1] Multi-Probe Zero Collision Hash: arXiv 2602.17050.

    Examples
    --------
    >>> from lasagne_sparse.tables import KeyMap
    >>> keys = KeyMap(num_rows=3, kind='text', evict='age')
    >>> keys.admit(['cat', 'dog', 'cat'])
    array([1, 2, 1], dtype=int32)
    >>> keys.admit(['hen', 'dog'])
    array([1, 2], dtype=int32)
    >>> keys.lookup(['cat', 'hen'])
    array([0, 1], dtype=int32)
    """

    def __init__(
        self,
        num_rows,
        kind="number",
        admit_after=1,
        evict=None,
        unknown=0,
        num_candidates=None,
        seed=0,
    ):
        if not 1 < num_rows < 2**31:
            raise ValueError("num_rows must be from 2 to 2**31 - 1, got %r" % num_rows)
        if kind not in _KINDS:
            raise ValueError("kind must be 'number' or 'text', got %r" % (kind,))
        if admit_after < 1:
            raise ValueError("admit_after must be 1 or more, got %r" % admit_after)
        if evict not in _POLICIES:
            raise ValueError("evict must be None, 'age' or 'frequency', got %r" % evict)
        if not 0 <= unknown < num_rows:
            raise ValueError(
                "unknown must be a row, from 0 to %d, got %r" % (num_rows - 1, unknown)
            )
        if num_candidates is None:
            num_candidates = max(1024, num_rows // 4)
        if num_candidates < 2:
            raise ValueError(
                "num_candidates must be 2 or more, got %r" % num_candidates
            )
        self.num_rows, self.kind, self.unknown = num_rows, kind, unknown
        self.admit_after, self.evict = admit_after, evict
        self.num_candidates = num_candidates
        self._random = np.random.RandomState(seed)
        self._resets = []
        self._clear()

    def _clear(self):
        index = _KINDS[self.kind]
        self._index = index(self.num_rows)
        self.counts = np.zeros(self.num_rows, "uint32")
        self._last = np.zeros(self.num_rows, "uint32")  # 0: no key
        self._step = 0
        self._next = 0  # rows below it have had a key, or are for unknown ones
        self._eviction = Eviction(self.evict, self.counts, self._last)
        self._candidates = None
        if self.admit_after > 1:
            self._candidates = Candidates(index, self.num_candidates)

    def attach(self, table, updates=None, init=None, **initial):
        """Tells of a table whose rows the keys' rows are

        Parameters
        ----------
        table : shared variable
            With `num_rows` rows, along axis 0.
        updates : dict from shared variables to expressions, or list of such, optional
            What trains the table: what the rules keep of each row is set back as well.
        init : callable, optional
            ``init(shape)`` gives new values: one of Lasagne's initializers;
            ``lasagne.init.Normal()`` if left out, as in an EmbeddingLayer.
        **initial
            What a rule's state begins with, by its slot: ``accu=0.1``; 0 if left out.

        Returns
        -------
        list of str
            The names of what is set back.

        Raises
        ------
        ValueError
            If the table has another number of rows, or no such slot is there.
        """
        init = lasagne.init.Normal() if init is None else init
        reset = RowReset(table, self.num_rows, updates, init, initial)
        self._resets.append(reset)
        return reset.names

    def __len__(self):
        """The number of keys that have a row"""
        return int(np.count_nonzero(self._last))

    def lookup(self, keys):
        """Returns the rows of keys, and changes nothing

        Parameters
        ----------
        keys : array_like of integers, or of str
            Of any shape.

        Returns
        -------
        numpy.ndarray of the same shape, int32
            `unknown` for a key that has no row.

        Raises
        ------
        TypeError
            If the keys are of another kind.
        """
        keys = self._index.as_keys(keys)
        rows = self._index.find(keys.reshape(-1))
        rows[rows < 0] = self.unknown
        return rows.reshape(keys.shape)

    def admit(self, keys):
        """Counts the keys of a batch, gives rows to those that are due, and looks up

        Keys get their rows in the order in which they first occur.

        Parameters
        ----------
        keys : array_like of integers, or of str
            Of any shape.

        Returns
        -------
        numpy.ndarray of the same shape, int32
            `unknown` for a key that has no row.

        Raises
        ------
        TypeError
            If the keys are of another kind. Nothing is changed then.
        """
        keys = self._index.as_keys(keys)
        flat = keys.reshape(-1)
        rows = self._index.find(flat)
        step = self._step + 1
        missing = np.flatnonzero(rows < 0)
        known, times = np.unique(rows[rows >= 0], return_counts=True)
        self._step = step
        self._add(known, times)
        self._last[known] = step
        if missing.size:
            self._admit_new(flat[missing])
            rows[missing] = self._index.find(flat[missing])
            rows[rows < 0] = self.unknown
        return rows.reshape(keys.shape)

    def _add(self, rows, times):
        most = np.iinfo("uint32").max
        self.counts[rows] = np.minimum(self.counts[rows].astype("int64") + times, most)

    def _admit_new(self, flat):
        keys, first, times = np.unique(flat, return_index=True, return_counts=True)
        order = np.argsort(first, kind="stable")
        keys, times = keys[order], times[order].astype("int64")
        if self._candidates is not None:
            times += self._candidates.counts_of(keys)
        due = np.flatnonzero(times >= self.admit_after)
        fresh, reused = self._rows_for(len(due))
        due = due[: len(fresh) + len(reused)]
        for reset in self._resets:
            reset(reused, self._random)
        self._index.remove(reused)
        rows = np.concatenate([fresh, reused])
        self._index.put(rows, keys[due])
        self.counts[rows] = np.minimum(times[due], np.iinfo("uint32").max)
        self._last[rows] = self._step
        self._next = max(self._next, int(fresh[-1]) + 1) if len(fresh) else self._next
        self._eviction.given(rows)
        if self._candidates is not None:
            admitted = np.zeros(len(keys), bool)
            admitted[due] = True
            self._candidates.note(keys, times, self._step, admitted)

    def _rows_for(self, number):
        """Returns rows that never had a key, and rows to take from others."""
        fresh = np.arange(self._next, min(self._next + number + 1, self.num_rows))
        fresh = fresh[fresh != self.unknown][:number].astype("int64")
        if len(fresh) == number or self.evict is None:
            return fresh, fresh[:0]
        return fresh, self._eviction.first(number - len(fresh), self._step)

    def items(self):
        """Returns the keys that have a row, and their rows

        Returns
        -------
        keys : numpy.ndarray
            int64, or objects of type str; by rising row.
        rows : numpy.ndarray, int64
        """
        rows = np.flatnonzero(self._last)
        return self._index.keys[rows], rows

    @property
    def nbytes(self):
        """How much memory it takes, in bytes; texts themselves are not counted"""
        own = self.counts.nbytes + self._last.nbytes
        own += getattr(self._index, "nbytes", self._index.keys.nbytes)
        return own + (self._candidates.nbytes if self._candidates else 0)

    # --- In a checkpoint ----------------

    def get_state(self):
        """Returns all there is to know, for a checkpoint

        Returns
        -------
        dict
        """
        keys, rows = self.items()
        state = {
            "settings": self._settings(),
            "step": self._step,
            "next": self._next,
            "rows": rows,
            "keys": packed(keys),
            "counts": self.counts[rows],
            "last": self._last[rows],
            "random": self._random,
        }
        if self._candidates is not None:
            keys, *others = self._candidates.get_state()
            state["candidates"] = [packed(keys), *others]
        return state

    def _settings(self):
        names = [
            "num_rows",
            "kind",
            "admit_after",
            "evict",
            "unknown",
            "num_candidates",
        ]
        return {name: getattr(self, name) for name in names}

    def set_state(self, state):
        """Sets what :meth:`get_state` returned

        Parameters
        ----------
        state : dict

        Raises
        ------
        FileError
            If it is of a map with other arguments, or no state of a map. Nothing is
            changed then.
        """
        look_at(state, self._settings())
        keys = unpacked(state["keys"], self.kind)
        others = state.get("candidates")
        if others is not None:
            others = [unpacked(others[0], self.kind)] + others[1:]
        self._clear()
        rows = state["rows"]
        self._index.put(rows, keys)
        self.counts[rows], self._last[rows] = state["counts"], state["last"]
        self._step, self._next = state["step"], state["next"]
        self._random.set_state(state["random"].get_state(legacy=False))
        if others is not None:
            self._candidates.set_state(*others)
