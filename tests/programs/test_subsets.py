"""Are subsets of tables right among the parameters, whatever they are subsets of?"""

import lasagne_sparse  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import assert_sparse, updates
from pieces import sparsity_warnings
from toy import close, function, new_table

__all__ = []


@pytest.mark.parametrize("shape", [(4, 4), (4, 6)], ids=["square", "oblong"])
@pytest.mark.parametrize(
    "lookup",
    [lambda V, i: V.T[i], lambda V, i: V[i].T, lambda V, i: V[:, i], lambda V, i: V[i]],
    ids=["rows of V.T", "V[i].T", "columns", "rows"],
)
def test_subset_is_updated_as_the_table_is(shape, lookup):
    """Also where it is transposed before or after"""
    i, results = T.ivector(), []
    for which in ("table", "subset"):
        V = new_table(shape)
        subset = lookup(V, i)
        param = V if which == "table" else subset
        changes = updates.adagrad(T.sum(subset**2), [param], 0.1)
        step = function([i], updates=changes)
        assert_sparse(step, [V])
        step([1, 3, 1])
        results.append(V.get_value())
    close(*results)


def test_indices_that_depend_on_the_table_stay_what_they_are():
    """With zeros in the table's place they would be others: row 0, not row 1"""
    W = theano.shared(np.array([[0.0, 0], [5, 5], [1, 1]]), "W")
    subset = W[T.argmax(W, axis=0)]
    function([], updates=updates.sgd(subset.sum(), [subset], 1.0))()
    assert W.get_value().tolist() == [[0, 0], [3, 3], [1, 1]]


# --- Slices ----------------


def stepped(loss, W, param=None):
    """Which axis of W an update of adam writes rows along; None if it is dense"""
    entry = updates.adam(loss, [W if param is None else param])[W]
    found = lasagne_sparse.sparsity.row_write(entry)
    return None if found is None else found.axis


@pytest.mark.parametrize(
    "parts",
    [
        lambda W: [W[:, :2], W[:, 2:]],
        lambda W: [W[1:]],
        lambda W: [W[:-1]],
        lambda W: [W[::-1]],
        lambda W: [W[:, :3]],
    ],
)
def test_slices_of_most_of_a_dense_weight_are_dense_without_a_warning(parts):
    W = new_table((4, 4))
    with sparsity_warnings() as caught:
        assert stepped(sum(T.sum(part**2) for part in parts(W)), W) is None
    assert caught == []


@pytest.mark.parametrize(
    "part, axis",
    [
        (lambda W: W[:2], 0),
        (lambda W: W[:, 1:3], 1),
        (lambda W: W[::3], 0),
        (lambda W: W[: T.iscalar()], 0),
        (lambda W: W[2], 0),
    ],
)
def test_slices_of_a_few_rows_are_rows(part, axis):
    W = new_table((8, 8))
    assert stepped(T.sum(part(W) ** 2), W) == axis


def test_slice_that_the_user_lists_is_rows_whatever_its_length():
    W = new_table((4, 4))
    part = W[1:]
    assert stepped(T.sum(part**2), W, part) == 0


def test_lookup_beside_a_slice_of_most_rows_is_dense_and_warns():
    W, i = new_table((8, 4)), T.ivector()
    with sparsity_warnings() as caught:
        assert stepped(T.sum(W[i]) + T.sum(W[1:] ** 2), W) is None
    assert "table W is looked up" in str(caught[0].message)


# --- Lookups in what was made of a table ----------------


@pytest.mark.parametrize(
    "made",
    [
        lambda W: T.set_subtensor(W[0], 0),
        lambda W: T.concatenate([T.zeros_like(W[:1]), W]),
        lambda W: T.tanh(W)[::-1],
    ],
    ids=["a row set", "a row before it", "reversed"],
)
@pytest.mark.parametrize("shape", [(7,), (7, 3)], ids=["vector", "matrix"])
def test_lookup_in_what_was_made_of_a_table_warns_where_its_update_is_dense(
    made, shape
):
    W, i = new_table(shape), T.ivector()
    gradient = theano.grad(T.sum(made(W)[i] ** 2), W)
    with sparsity_warnings() as caught:
        changes = updates.momentum([gradient - gradient.mean(axis=0)], [W], 0.1)
    assert lasagne_sparse.sparsity.row_write(changes[W]) is None
    assert "table W is looked up" in str(caught[0].message)


def test_index_out_of_range_in_a_view_of_a_table_changes_nothing():
    W, i = new_table((3, 1)), T.ivector()
    with sparsity_warnings():
        changes = updates.adamax(T.sum(W[::-1][i] ** 2), [W], 0.1)
    step = function([i], updates=changes)
    before = [np.array(state.get_value()) for state in changes]
    with pytest.raises(IndexError):
        step([0, 7])
    for state, value in zip(changes, before):
        np.testing.assert_array_equal(state.get_value(), value)
