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
