"""Are rules that nobody has seen lazy as a whole, or dense as a whole?

A rule's table and states are found by what its expressions read. What cannot be told is
updated densely, all of it, and warned of: a table of which half the state is lazy
follows neither rule.
"""

import lasagne
import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import assert_sparse, updates
from pieces import sparsity_warnings
from toy import function, new_table

__all__ = []


def zeros(*shape, **kwargs):
    return theano.shared(np.zeros(shape, theano.config.floatX), **kwargs)


def rule(step):
    """A rule of ``step(param, gradient, updates)``, which returns the new param"""

    def update(loss_or_grads, params):
        gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
        changes = {}
        for param, gradient in zip(params, gradients):
            changes[param] = step(param, gradient, changes)
        return changes

    return update


def momentum_through_a_matrix(W, g, changes):
    """A product with a matrix works row by row"""
    m = zeros(*W.get_value().shape)
    changes[m] = 0.5 * m + g
    return W - 0.1 * T.dot(changes[m], T.eye(3))


def momentum_over_rows(W, g, changes):
    """A sum over the rows before does not"""
    m = zeros(*W.get_value().shape)
    changes[m] = 0.5 * m + g
    return W - 0.1 * T.cumsum(changes[m], axis=0)


def a_step_later(W, g, changes):
    """A state that no gradient enters: the velocity of the step before"""
    shape = W.get_value().shape
    m, before = zeros(*shape), zeros(*shape)
    changes[before] = m
    changes[m] = 0.9 * m + g
    return W - 0.1 * (m - before + g)


def rate_that_decays(W, g, changes):
    """A state that depends on nothing but itself, and is read row by row"""
    rate = theano.shared(np.ones(len(W.get_value()), theano.config.floatX))
    changes[rate] = 0.5 * rate
    return W - rate.dimshuffle(0, "x") * g


def factored(W, g, changes):
    """One second moment for each row, one for each column: the latter is no row's"""
    by_row, by_column = zeros(len(W.get_value())), zeros(W.get_value().shape[1])
    changes[by_row] = by_row + T.sum(g**2, axis=1)
    changes[by_column] = by_column + T.sum(g**2, axis=0)
    product = changes[by_row].dimshuffle(0, "x") * changes[by_column]
    return W - 0.1 * g / T.sqrt(product + 1e-3)


def trained(update, shape=(7, 3), batches=([0], [1], [1, 2], [1]), dense=False):
    """Trains a table; returns the values of all its updates' variables"""
    W, i = new_table(shape), T.ivector()
    update = update if dense else updates.sparse(update)
    changes = update(T.sum(W[i] ** 2), [W])
    step = function([i], updates=list(changes.items()))
    for batch in batches:
        step(batch)
    return W, step, [v.get_value() for v in changes]


def put_back(update, shape=(7, 3), batches=([0], [1], [1, 2], [1])):
    """Lazy semantics by hand: a dense step, then rows not looked up as they were"""
    W, i = new_table(shape), T.ivector()
    changes = update(T.sum(W[i] ** 2), [W])
    step = function([i], updates=list(changes.items()))
    for batch in batches:
        before = [v.get_value() for v in changes]
        step(batch)
        others = np.setdiff1d(np.arange(shape[0]), batch)
        for variable, old in zip(changes, before):
            if len(old) == shape[0]:
                new = variable.get_value()
                new[others] = old[others]
                variable.set_value(new)
    return [v.get_value() for v in changes]


LAZY = [momentum_through_a_matrix, a_step_later, rate_that_decays, factored]


@pytest.mark.parametrize("step", LAZY, ids=lambda step: step.__name__)
def test_rule_is_lazy_as_a_whole(step):
    W, compiled, values = trained(rule(step))
    for value, expected in zip(values, put_back(rule(step))):
        np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert_sparse(compiled, [W])


def test_rule_that_needs_all_rows_is_dense_as_a_whole_and_warns(host_only):
    with sparsity_warnings() as caught:
        _, _, values = trained(rule(momentum_over_rows))
    assert "can only be computed for all rows" in str(caught[0].message)
    _, _, expected = trained(rule(momentum_over_rows), dense=True)
    for value, other in zip(values, expected):
        np.testing.assert_allclose(value, other, rtol=1e-5)


def test_column_state_of_a_square_table_is_no_rows_state():
    """Rows that are not looked up do not move under the dense rule either"""
    _, _, values = trained(rule(factored), (4, 4))
    _, _, expected = trained(rule(factored), (4, 4), dense=True)
    for value, other in zip(values, expected):
        np.testing.assert_allclose(value, other, rtol=1e-5)


def test_tables_beside_one_another_keep_their_own_rows():
    W, V, i, j = new_table(), new_table((7, 3), "V"), T.ivector(), T.ivector()
    loss = T.sum(W[i] ** 2) + T.sum(V[j] ** 2)
    changes = updates.sparse(rule(a_step_later))(loss, [W, V])
    step = function([i, j], updates=list(changes.items()))
    assert_sparse(step, [W, V])
    before = [v.get_value() for v in changes]
    step([1, 2], [5])
    moved = [
        np.flatnonzero((v.get_value() != b).any(axis=1)).tolist()
        for v, b in zip(changes, before)
    ]
    assert sorted(map(tuple, moved)) == [(), (), (1, 2), (1, 2), (5,), (5,)]


def delayed(W, g, changes):
    """A table that moves by the step before: no gradient enters its own expression"""
    m = theano.shared(np.full(W.get_value().shape, 0.25, theano.config.floatX))
    changes[m] = g
    return W - 0.1 * m


def test_table_that_moves_by_the_step_before_is_lazy():
    W, compiled, values = trained(rule(delayed))
    for value, expected in zip(values, put_back(rule(delayed))):
        np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert_sparse(compiled, [W])
