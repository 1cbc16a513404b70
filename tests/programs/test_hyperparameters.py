"""Do rates and momenta of every kind work?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from toy import (
    NUM_ROWS,
    NUM_UNITS,
    RULES,
    SOME_ROWS,
    check,
    close,
    function,
    new_table,
    same_bits,
)
from pieces import dense, embedded, trained, weights


def with_rate(make_rate, rule="adam"):
    def program(updates, x):
        network = dense(embedded(x))
        return trained(network, updates, rule, learning_rate=make_rate())

    return program


RATES = {
    "float": lambda: 0.1,
    "float32": lambda: np.float32(0.1),
    "array": lambda: np.array(0.1, theano.config.floatX),
    "shared": lambda: theano.shared(np.asarray(0.1, theano.config.floatX)),
    "expression": lambda: T.sqrt(theano.shared(np.asarray(0.1, theano.config.floatX))),
}


@pytest.mark.parametrize("rate", sorted(RATES))
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_learning_rate(rule, rate):
    check(with_rate(RATES[rate], rule))


def test_integer_learning_rate():
    x, W = T.ivector(), new_table()
    expected = W.get_value()
    expected[3] -= 2
    updates = lasagne_sparse.updates.sgd(T.sum(W[x]), [W], learning_rate=1)
    function([x], updates=updates)([3, 3])
    close(W.get_value(), expected)


def test_learning_rate_as_an_input():
    x, rate = T.imatrix(), T.scalar()
    words = embedded(x)
    loss, updates = trained(words, lasagne_sparse.updates, "sgd", learning_rate=rate)
    step = function([x, rate], loss, updates=updates)
    before = words.W.get_value()
    step(SOME_ROWS, 0)
    same_bits(before, words.W.get_value())
    step(SOME_ROWS, 0.1)
    assert not np.array_equal(before, words.W.get_value())


def test_learning_rate_that_changes_in_training():
    x = T.imatrix()
    rate = theano.shared(np.asarray(0, theano.config.floatX))
    words = embedded(x)
    loss, updates = trained(words, lasagne_sparse.updates, "sgd", learning_rate=rate)
    step = function([x], loss, updates=updates)
    before = words.W.get_value()
    step(SOME_ROWS)
    same_bits(before, words.W.get_value())
    rate.set_value(np.asarray(0.1, theano.config.floatX))
    step(SOME_ROWS)
    assert not np.array_equal(before, words.W.get_value())


def test_learning_rate_per_unit():
    def program(updates, x):
        W = new_table()
        rates = theano.shared(weights(NUM_UNITS) ** 2)
        loss = T.sum((W[x] - 0.5) ** 2)
        return loss, updates.adagrad(loss, [W], learning_rate=rates)

    check(program)


def test_learning_rate_per_row():
    def program(updates, x):
        W = new_table()
        rates = theano.shared(weights(NUM_ROWS, 1) ** 2, broadcastable=(False, True))
        loss = T.sum((W[x] - 0.5) ** 2)
        return loss, updates.adagrad(loss, [W], learning_rate=rates)

    check(program)


def test_learning_rate_by_the_loss():
    def program(updates, x):
        W = new_table()
        loss = T.mean((W[x] - 0.5) ** 2)
        return loss, updates.adam(loss, [W], learning_rate=0.1 * loss)

    check(program)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_float64_hyperparameters_do_not_upcast_a_float32_table(rule):
    x = T.imatrix()
    W = theano.shared(np.ones((NUM_ROWS, NUM_UNITS), "float32"))
    loss = T.sum(W[x] ** 2)
    updates = getattr(lasagne_sparse.updates, rule)(
        loss, [W], learning_rate=np.float64(0.1)
    )
    assert all(e.dtype == s.dtype for s, e in updates.items())
    function([x], updates=updates)(SOME_ROWS)
    assert W.get_value().dtype == "float32"


def test_momentum_as_a_shared_variable():
    def program(updates, x):
        network = dense(embedded(x))
        share = theano.shared(np.asarray(0.9, theano.config.floatX))
        return trained(
            network, updates, "nesterov_momentum", learning_rate=0.1, momentum=share
        )

    check(program)
