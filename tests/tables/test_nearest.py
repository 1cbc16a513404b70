"""The nearest rows are those that a sort of all scores finds"""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import theano
from lasagne_sparse.tables import nearest


def by_sorting(table, queries, k, metric):
    """All scores in float64, sorted; ties by the number"""
    rows, best = [], []
    for q in queries.astype(float):
        scores = []
        for w in table.astype(float):
            if metric == "dot":
                scores.append(q @ w)
            elif metric == "euclidean":
                scores.append(-np.sqrt(((q - w) ** 2).sum()))
            else:
                size = np.sqrt((q @ q) * (w @ w))
                scores.append(q @ w / size if size else 0.0)
        order = sorted(range(len(table)), key=lambda i: (-scores[i], i))[:k]
        rows.append(order)
        best.append([scores[i] for i in order])
    return np.array(rows), np.array(best)


@hypothesis.given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 50),
    st.integers(1, 45),
    st.sampled_from(["cosine", "dot", "euclidean"]),
)
def test_nearest_rows_are_those_of_a_sort(seed, num_rows, k, block, metric):
    random = np.random.RandomState(seed)
    # Powers of two, whose scores are exact, and ties: zeros and rows that repeat.
    table = (
        2.0 ** random.randint(-2, 3, (num_rows, 1))
        * np.eye(4)[random.randint(4, size=num_rows)]
    )
    table[random.randint(num_rows)] = 0
    queries = np.concatenate([table[:2], np.eye(4)[:1] - np.eye(4)[1]])
    rows, scores = nearest(table, queries, k, metric, block=block)
    expected, best = by_sorting(table, queries, k, metric)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, best, atol=1e-12)


def test_blocks_do_not_change_what_is_found():
    random = np.random.RandomState(0)
    table = random.normal(size=(1000, 8)).astype("float32")
    whole = nearest(table, table[:20], block=1000)
    for block in (1, 7, 999):
        rows, scores = nearest(table, table[:20], block=block)
        np.testing.assert_array_equal(rows, whole[0])
        np.testing.assert_allclose(scores, whole[1], rtol=1e-5, atol=1e-6)
    assert scores.dtype == "float32" and rows[:, 0].tolist() == list(range(20))


def test_table_that_is_shared_and_one_query():
    table = theano.shared(np.eye(3, dtype=theano.config.floatX), "W")
    rows, scores = nearest(table, [0, 1, 0], k=1, metric="dot", progress=False)
    assert rows.tolist() == [1] and scores.tolist() == [1]


def test_near_rows_far_from_zero_are_told_apart():
    table = np.array([[1e4, 1], [1e4, 2], [1e4, 3]], "float32")
    rows, scores = nearest(table, table[1], metric="euclidean")
    assert rows.tolist() == [1, 0, 2] and scores.tolist() == [0, -1, -1]


@pytest.mark.parametrize(
    "options, told",
    [
        (dict(metric="taxi"), "metric must be one of .*got 'taxi'"),
        (dict(k=0), "k must be 1 or more, got 0"),
        (dict(block=0), "block must be 1 or more, got 0"),
        (dict(queries=np.ones((2, 4))), "queries must have 3 numbers each, got shape"),
        (dict(queries=[np.nan] * 3), "queries must be finite"),
        (dict(table=np.ones(3)), "table must be a matrix of floats, got float64 of"),
        (dict(table=np.ones((3, 3), int)), "table must be a matrix of floats, got int"),
    ],
)
def test_bad_arguments_are_told(options, told):
    with pytest.raises(ValueError, match=told):
        nearest(**dict(dict(table=np.eye(3), queries=np.eye(3)), **options))
