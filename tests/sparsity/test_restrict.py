"""Is the restriction of an expression what indexing all of it gives?"""

import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.graph import is_transfer, without_transfers
from lasagne_sparse.sparsity.alignment import RowLeaves
from lasagne_sparse.sparsity.restrict import restrict, take

floatX = theano.config.floatX
NO_COMPILER = theano.Mode(linker="py", optimizer=None)
rng = np.random.RandomState(0)
W = theano.shared(rng.randn(6, 4).astype(floatX), "W")
m = theano.shared(rng.randn(6, 4).astype(floatX), "m")
n = theano.shared(rng.rand(6).astype(floatX), "n")
rows = T.constant(np.array([4, 1, 2]))

EXPRESSIONS = {
    "a shared variable": W,
    "elementwise": 0.9 * m + T.sqrt(abs(W)) / 2,
    "broadcast over rows": W * W.sum(axis=0) + T.arange(4),
    "one number per row": W / (n.dimshuffle(0, "x") + 1),
    "reduced along the row": W * T.sqr(m).sum(axis=1, keepdims=True),
    "the largest of the row": W - T.max(abs(m), axis=1, keepdims=True),
    "one row set": T.set_subtensor((2 * W)[1], 0.0),
    "one row set by a negative index": T.set_subtensor((2 * W)[-2], n[:4]),
    "one row incremented": T.inc_subtensor((2 * W)[4], 3.0),
    "random access": T.cumsum(W, axis=0),
    "a vector": 2 * n + T.sqr(m).mean(axis=1),
    "a transposed transpose": (2 * W.T).T,
    "a cast": T.cast(T.gt(W, 0), floatX) * m,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_equals_indexing_the_whole(name):
    expression = EXPRESSIONS[name]
    f = theano.function(
        [],
        [expression[rows], restrict(expression, rows)],
        mode=NO_COMPILER,
    )
    np.testing.assert_allclose(*f(), rtol=1e-6)


def test_columns_equal_indexing_the_whole():
    expression = W * m.sum(axis=1, keepdims=True) + T.arange(4)
    columns = T.constant(np.array([3, 0]))
    f = theano.function(
        [],
        [expression[:, columns], restrict(expression, columns, axis=1)],
        mode=NO_COMPILER,
    )
    np.testing.assert_allclose(*f(), rtol=1e-6)


def test_pushes_the_indexing_down_to_shared_variables():
    result = restrict(T.sqrt(0.9 * m + W), rows)
    clients = [
        node
        for node in theano.gof.graph.io_toposort([], [result])
        if any(without_transfers(i) in (W, m) for i in node.inputs)
        and not is_transfer(node)
    ]
    assert {type(node.op).__name__ for node in clients} == {"AdvancedSubtensor1"}


def test_what_must_be_computed_for_all_rows_is_reported():
    opaque, whole = [], T.cumsum(W, axis=0)
    restrict(2 * whole, rows, opaque=opaque)
    assert opaque == [whole]


def test_what_is_known_is_not_computed():
    known_rows = T.zeros((3, 4))
    result = restrict(m + 1, rows, known={(m, 0): known_rows})
    assert m not in theano.gof.graph.ancestors([result])


def test_same_for_all_rows_is_left_as_it_is():
    total = W.sum(axis=0, keepdims=True)
    assert restrict(total, rows) is total


def test_deep_expressions_do_not_exhaust_the_stack():
    expression = W
    for _ in range(3000):
        expression = expression + m
    assert restrict(expression, rows).ndim == 2


def test_leaves_found_row_by_row_do_not_include_sums_over_rows():
    expression = m * W.sum(axis=0) + n.dimshuffle(0, "x")
    assert set(RowLeaves({W, m, n})(expression, 0)) == {(m, 0), (n, 0)}


def test_leaves_are_found_with_their_own_axis():
    assert RowLeaves({W})(W.T * 2, 0) == {(W, 1)}


def test_take_counts_along_the_axis():
    assert without_transfers(take(W, rows, 0).owner.inputs[0]) is W
    np.testing.assert_array_equal(take(W, [1], 1).eval(), W.get_value()[:, [1]])
