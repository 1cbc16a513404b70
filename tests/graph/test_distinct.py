"""Indices of which no two mean the same row: known where it can be, and only then"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.graph import are_distinct, are_not_negative
from lasagne_sparse.ops import unique_rows

n, v = T.lscalar("n"), T.lvector("v")
W = theano.shared(np.ones((5, 2)), "W")
rows, inverse = unique_rows(v, W.shape[0])

DISTINCT = {
    "rows": rows,
    "a slice of rows": rows[2:],
    "rows in another order": rows[::-1],
    "some of the rows": rows[T.arange(3)],
    "rows by distinct positions": rows[T.constant([4, 0, 2])],
    "as int64": T.cast(T.arange(n, dtype="int32"), "int64"),
    "arange": T.arange(n),
    "arange with a start": T.arange(3, n),
    "arange with a step": T.arange(0, n, 3),
    "arange down": T.arange(n, -1, -2),
    "arange down to a row": T.arange(n, 2, -1),
    "all rows": T.arange(W.shape[0]),
    "a permutation of arange": T.arange(6)[T.constant([5, 1, 0])],
    "constants": T.constant([3, 0, 4]),
    "no constants": T.constant(np.zeros(0, "int64")),
}
FROM_THE_END = {
    "arange of negative numbers": T.arange(-3, 0),
    "arange down from -1": T.arange(-1, n, -1),
    "negative constants": T.constant([-1, -3]),
}
UNKNOWN = {
    "a vector": v,
    "inverse": inverse,
    "repeats": T.constant([3, 3]),
    "-1 beside the last row": T.constant([-1, 4]),
    "arange through zero": T.arange(-1, 4),
    "arange from anywhere": T.arange(n, 4),
    "arange down to anywhere": T.arange(4, n, -1),
    "arange by any step": T.arange(0, n, T.lscalar()),
    "a selection that repeats": rows[v],
    "by positions from both ends": rows[T.constant([-1, 2])],
    "in too small a dtype": T.cast(T.arange(n), "int8"),
    "a sum": rows + rows,
}


@pytest.mark.parametrize("name", DISTINCT)
def test_distinct_rows_are_known(name):
    assert are_distinct(DISTINCT[name])
    assert are_not_negative(DISTINCT[name])


@pytest.mark.parametrize("name", FROM_THE_END)
def test_distinct_rows_counted_from_the_end_are_known(name):
    assert are_distinct(FROM_THE_END[name])
    assert not are_not_negative(FROM_THE_END[name])


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_may_repeat_is_not_taken_for_distinct(name):
    assert not are_distinct(UNKNOWN[name])


def test_what_is_known_holds():
    """For each vector and many lengths, in a table that is long enough"""
    for name, indices in {**DISTINCT, **FROM_THE_END}.items():
        function = theano.function(
            [n, v], indices, on_unused_input="ignore", mode="FAST_COMPILE"
        )
        for length in (-4, 0, 3, 5):
            try:
                found = function(length, [4, 1, 3, 1, 2, 0])
            except (IndexError, ValueError):  # positions that are not there
                continue
            assert len({i % 1000 for i in found}) == len(found), name


def test_unsigned_indices_are_not_negative_but_may_repeat():
    indices = T.vector(dtype="uint8")
    assert are_not_negative(indices)
    assert not are_distinct(indices)
