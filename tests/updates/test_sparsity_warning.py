"""What the warnings of dense updates say: which table, how large, what to do"""

import warnings

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import updates
from pieces import sparsity_warnings
from theano.sandbox.rng_mrg import MRG_RandomStreams
from toy import close, function, new_table

__all__ = []


def warnings_of(gradient_of, tables):
    """The messages of sgd's warnings for ``gradient_of(W, x)`` of some tables"""
    x = T.ivector("x")
    with sparsity_warnings() as caught:
        updates.sgd([gradient_of(W, x) for W in tables], tables, 0.1)
    return [str(warning.message) for warning in caught]


def penalised(W, x):
    return T.grad(T.sum(W[x]) + 0.1 * T.sum(W**2), W)


# --- Which table ----------------


def test_tables_of_one_name_are_told_apart_by_their_shapes():
    tables = [new_table((7, 3)), new_table((5, 2))]
    messages = warnings_of(penalised, tables)
    assert ["(7 x 3)" in message for message in messages] == [True, False]
    assert ["(5 x 2)" in message for message in messages] == [False, True]


def test_pythons_own_filter_shows_the_warnings_of_both():
    tables = [new_table((7, 3)), new_table((5, 2))]
    x = T.ivector("x")
    gradients = [penalised(W, x) for W in tables]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", updates.SparsityWarning)
        updates.sgd(gradients, tables, 0.1)
    assert len(caught) == 2


def test_table_of_a_layer_with_a_name_is_called_by_it():
    x = T.imatrix("x")
    words = lasagne.layers.InputLayer((None, 2), x)
    words = lasagne_sparse.layers.EmbeddingLayer(words, 7, 3, name="words")
    loss = lasagne.layers.get_output(words).sum() + T.sum(words.W**2)
    with sparsity_warnings() as caught:
        updates.sgd(loss, [words.W], 0.1)
    assert str(caught[0].message).startswith("table words.W is looked up")


# --- What to do ----------------

FACTOR = theano.shared(np.asarray(0.1, theano.config.floatX))

PENALTIES = {
    "l2": penalised,
    "l1 of a symbolic factor": lambda W, x: T.grad(
        T.sum(W[x]) + FACTOR * abs(W).sum(), W
    ),
    "added to the gradient": lambda W, x: T.grad(T.sum(W[x]), W) + 1e-4 * W,
    "divided by the batch": lambda W, x: T.grad(
        T.sum(W[x]) + T.sum(W**2) / x.shape[0], W
    ),
}

OTHERS = {
    "noise": lambda W, x: (
        T.grad(T.sum(W[x]), W) + MRG_RandomStreams(1).normal(W.shape, std=0.1)
    ),
    "normalised before": lambda W, x: T.grad(T.sum((W / W.norm(2))[x]), W),
    "weighed by the lookup": lambda W, x: T.grad(T.sum(W[x]) * T.sum(W**2), W),
    "weighed by row": lambda W, x: (
        T.grad(T.sum(W[x]), W) + W * new_table((7, 1), "weights")
    ),
}


@pytest.mark.parametrize("penalty", sorted(PENALTIES))
def test_remedy_for_a_penalty_is_one_on_the_subset(penalty):
    (message,) = warnings_of(PENALTIES[penalty], [new_table()])
    assert "A penalty on the whole table may be put on the rows" in message


@pytest.mark.parametrize("term", sorted(OTHERS))
def test_remedy_for_what_is_no_penalty_speaks_of_none(term):
    (message,) = warnings_of(OTHERS[term], [new_table()])
    assert "penalty" not in message
    assert "f(W[x]) in place of f(W)[x]" in message


# --- Norm constraints ----------------


def constrained(W, entry, **kwargs):
    """Constrains an entry; returns the result and the messages of its warnings"""
    with sparsity_warnings() as caught:
        result = updates.norm_constraint(entry, 0.5, **kwargs)
    return result, [str(warning.message) for warning in caught]


def test_norm_over_all_rows_of_a_table_warns_and_is_lasagnes():
    W, x = new_table(), T.ivector("x")
    entry = updates.sgd(T.sum(W[x]), [W], 0.1)[W]
    result, (message,) = constrained(W, entry)
    assert message.startswith("The norm constraint of table W ")
    assert "(7 x 3)" in message and "norm_axes=(1,)" in message
    theirs = lasagne.updates.norm_constraint(entry, 0.5)
    close(*function([x], [result, theirs])([1, 2, 1]))


def test_norm_over_all_columns_of_a_table_of_columns_warns():
    W, x = new_table(), T.ivector("x")
    entry = updates.sgd(T.sum(W[:, x]), [W], 0.1)[W]
    _, (message,) = constrained(W, entry, norm_axes=(1,))
    assert "norm_axes=(0,)" in message


def test_warning_of_a_norm_points_to_the_programs_line():
    W = new_table()
    entry = updates.sgd(T.sum(W[[1, 2]]), [W], 0.1)[W]
    with sparsity_warnings() as caught:
        updates.norm_constraint(entry, 0.5)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "axes, lookup", [((1,), lambda W: W[[1, 2]]), (None, lambda W: W[:, [1, 2]])]
)
def test_norm_of_each_row_does_not_warn(axes, lookup):
    W = new_table()
    entry = updates.sgd(T.sum(lookup(W)), [W], 0.1)[W]
    assert constrained(W, entry, norm_axes=axes)[1] == []


def test_norm_of_a_dense_parameter_does_not_warn():
    W = new_table()
    assert constrained(W, updates.sgd(T.sum(W), [W], 0.1)[W])[1] == []
