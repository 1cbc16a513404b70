"""Do several functions share tables, and users' own rules work?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

from collections import OrderedDict

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import (
    get_all_params,
    get_output,
)
from toy import (
    EVERY_ROW,
    NUM_ROWS,
    NUM_UNITS,
    SOME_ROWS,
    check,
    close,
    function,
    new_table,
    same_bits,
)
from pieces import dense, embedded, squares, trained


def test_rule_rebuilt_in_mid_training():
    def values(updates):
        x = T.imatrix()
        network = dense(embedded(x))
        for rate in (0.1, 0.01):
            loss, result = trained(network, updates, "adam", learning_rate=rate)
            step = function([x], loss, updates=result)
            for batch in EVERY_ROW:
                step(batch)
        return [p.get_value() for p in get_all_params(network)]

    for one, other in zip(values(lasagne_sparse.updates), values(lasagne.updates)):
        close(one, other)


def test_two_functions_on_one_table_by_different_rules():
    def values(updates):
        x = T.imatrix()
        W = new_table()
        fit = T.sum((W[x] - 0.5) ** 2)
        pull = T.sum(abs(W[x[:, 0]] - W[x[:, 1]]))
        steps = [
            function([x], fit, updates=updates.adam(fit, [W], 0.1)),
            function([x], pull, updates=updates.sgd(pull, [W], 0.1)),
        ]
        for batch in EVERY_ROW:
            for step in steps:
                step(batch)
        return W.get_value()

    close(values(lasagne_sparse.updates), values(lasagne.updates))


def test_eval_function_sees_what_training_did():
    x = T.imatrix()
    words = embedded(x)
    network = dense(words)
    loss, updates = trained(network, lasagne_sparse.updates, "sgd")
    output = get_output(network, deterministic=True)
    train = function([x], loss, updates=updates)
    evaluate = function([x], [output, words.W])
    before, _ = evaluate(SOME_ROWS)
    train(SOME_ROWS)
    after, table = evaluate(SOME_ROWS)
    assert not np.array_equal(before, after)
    same_bits(table, words.W.get_value())


def test_outputs_of_training_are_of_before_the_update():
    x = T.imatrix()
    words = embedded(x)
    loss, updates = trained(words, lasagne_sparse.updates, "sgd")
    train = function([x], [words.W.copy(), get_output(words), loss], updates=updates)
    before = words.W.get_value()
    table, output, _ = train(SOME_ROWS)
    same_bits(before, table)
    same_bits(before[SOME_ROWS], output)


def test_batches_cut_from_a_shared_variable_by_givens():
    x, start = T.imatrix("x"), T.iscalar()
    data = theano.shared(np.concatenate(EVERY_ROW))
    words = embedded(x)
    loss, updates = trained(words, lasagne_sparse.updates, "sgd")
    givens = {x: data[start : start + 2]}
    train = function([start], loss, updates=updates, givens=givens)
    before = words.W.get_value()
    train(2)  # the second batch, which has every row
    assert np.all(before != words.W.get_value())


def test_table_set_by_the_user_between_steps():
    x = T.imatrix()
    words = embedded(x)
    loss, updates = trained(words, lasagne_sparse.updates, "sgd", learning_rate=0.1)
    step = function([x], loss, updates=updates)
    step(SOME_ROWS)
    words.W.set_value(np.zeros((NUM_ROWS, NUM_UNITS), theano.config.floatX))
    step(SOME_ROWS)
    expected = np.zeros((NUM_ROWS, NUM_UNITS), theano.config.floatX)
    np.add.at(expected, SOME_ROWS.ravel(), 0.1)  # each lookup's gradient is -1
    close(words.W.get_value(), expected)


def test_table_grown_by_the_user_between_steps():
    # A larger vocabulary: set_value with more rows. SGD keeps no history.
    x = T.imatrix()
    words = embedded(x)
    loss, updates = trained(words, lasagne_sparse.updates, "sgd", learning_rate=0.1)
    step = function([x], loss, updates=updates)
    words.W.set_value(np.zeros((NUM_ROWS + 2, NUM_UNITS), theano.config.floatX))
    step(SOME_ROWS + 2)
    expected = np.zeros((NUM_ROWS + 2, NUM_UNITS), theano.config.floatX)
    np.add.at(expected, SOME_ROWS.ravel() + 2, 0.1)
    close(words.W.get_value(), expected)


def zeros_of(param):
    value = param.get_value(borrow=True)
    return theano.shared(np.zeros_like(value), broadcastable=param.broadcastable)


def smorms3(loss_or_grads, params, learning_rate=0.001, epsilon=1e-16):
    """Funk (2015), 'RMSprop loses to SMORMS3': as found in programs"""
    updates = OrderedDict()
    gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
    for param, g in zip(params, gradients):
        mem = theano.shared(np.ones_like(param.get_value(borrow=True)))
        g1, g2 = zeros_of(param), zeros_of(param)
        r = 1 / (mem + 1)
        g1_new, g2_new = (1 - r) * g1 + r * g, (1 - r) * g2 + r * g**2
        ratio = g1_new**2 / (g2_new + epsilon)
        updates[g1], updates[g2] = g1_new, g2_new
        updates[mem] = 1 + mem * (1 - ratio)
        updates[param] = param - g * T.minimum(learning_rate, ratio) / (
            T.sqrt(g2_new) + epsilon
        )
    return updates


def averaged(loss_or_grads, params, learning_rate=0.1, decay=0.9):
    """A rule with a state that is no accumulator: an average of the parameter"""
    updates = OrderedDict()
    gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
    for param, g in zip(params, gradients):
        average = theano.shared(param.get_value())
        updates[param] = param - learning_rate * g
        updates[average] = decay * average + (1 - decay) * updates[param]
    return updates


def row_history(loss_or_grads, params, learning_rate=0.1):
    """A rule with one number per row, kept as a column"""
    updates = OrderedDict()
    gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
    for param, g in zip(params, gradients):
        value = param.get_value(borrow=True)
        axes = tuple(range(1, param.ndim))
        history = theano.shared(
            np.zeros_like(value.sum(axis=axes, keepdims=True)),
            broadcastable=(False,) + (True,) * len(axes),
        )
        square = (g**2).sum(axis=axes, keepdims=True) if axes else g**2
        updates[history] = history + square
        updates[param] = param - learning_rate * g / T.sqrt(updates[history] + 1e-6)
    return updates


def layerwise(loss_or_grads, params, learning_rate=0.1):
    """A rule that scales by the norm of each whole gradient"""
    updates = OrderedDict()
    gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
    for param, g in zip(params, gradients):
        updates[param] = param - learning_rate * g / T.sqrt((g**2).sum() + 1e-6)
    return updates


def of_rules(loss_or_grads, params, learning_rate=0.1):
    """A rule that calls Lasagne's"""
    updates = lasagne.updates.rmsprop(loss_or_grads, params, learning_rate)
    return lasagne.updates.apply_nesterov_momentum(updates, params)


@pytest.mark.parametrize("rule", [smorms3, averaged, row_history, layerwise, of_rules])
def test_rule_of_someone_else(rule):
    def program(updates, x):
        network = dense(embedded(x))
        loss = squares(network)
        is_ours = updates is lasagne_sparse.updates
        chosen = updates.sparse(rule) if is_ours else rule
        return loss, chosen(loss, get_all_params(network), learning_rate=0.1)

    check(program)


def test_rule_that_decays_every_row_is_lazy():
    # Weight decay in the rule reaches the rows that are looked up, and only those.
    def decayed(loss_or_grads, params, learning_rate=0.1):
        gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
        return OrderedDict(
            (p, p - learning_rate * (g + 0.01 * p)) for p, g in zip(params, gradients)
        )

    def program(updates, x):
        W = new_table()
        loss = T.sum((W[x] - 0.5) ** 2)
        is_ours = updates is lasagne_sparse.updates
        return loss, (updates.sparse(decayed) if is_ours else decayed)(loss, [W])

    check(program)


def test_sparse_rule_made_sparse_again():
    def program(updates, x):
        W = new_table()
        loss = T.sum((W[x] - 0.5) ** 2)
        rule = updates.adam
        if updates is lasagne_sparse.updates:
            rule = updates.sparse(rule)
        return loss, rule(loss, [W])

    check(program)


def test_dense_rule_given_sparse_gradients_stays_right():
    # Lasagne's own rule beside ours, in one program.
    def program(updates, x):
        W = new_table()
        loss = T.sum((W[x] - 0.5) ** 2)
        gradients = lasagne_sparse.updates.total_norm_constraint(
            theano.grad(loss, [W]), 0.5
        )
        return loss, lasagne.updates.adam(gradients, [W])

    check(program, left_alone=[])
