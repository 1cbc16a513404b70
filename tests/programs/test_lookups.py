"""Does a table train wherever and however it is looked up?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import (
    ConcatLayer,
    InputLayer,
    get_output,
)
from lasagne_sparse.layers import EmbeddingLayer
from toy import (
    NUM_ROWS,
    NUM_UNITS,
    RULES,
    SOME_ROWS,
    check,
    function,
    new_table,
    same_bits,
)
from pieces import STOCK, dense, embedded, looked_up, trained, weights


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_trains_a_table_and_dense_parameters(rule):
    check(lambda updates, x: trained(dense(embedded(x)), updates, rule))


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_stock_embedding_layer(rule):
    check(lambda updates, x: trained(dense(embedded(x, STOCK)), updates, rule))


LOOKUPS = {
    "matrix": lambda W, x: W[x],
    "vector": lambda W, x: W[x[0]] * W[x[1]],
    "flattened": lambda W, x: W[x.flatten()].reshape((2, 5, NUM_UNITS)),
    "take": lambda W, x: T.take(W, x, axis=0),
    "list of columns": lambda W, x: T.concatenate([W[x[:, i]] for i in range(5)]),
    "each element": lambda W, x: sum(W[x[i, j]] for i in range(2) for j in range(5)),
    "some units": lambda W, x: W[x, 1],
    "pairs": lambda W, x: W[x, x % NUM_UNITS],
    "rows, then units": lambda W, x: W[x.flatten()][:, 1:],
    "rows, then elements": lambda W, x: W[x.flatten()][T.arange(10), x.flatten() % 3],
    "row and batch": lambda W, x: T.batched_dot(
        W[x.flatten()], W[x.flatten()].dimshuffle(0, 1, "x")
    ),
    "max of the lookups": lambda W, x: W[x].max(axis=1) + W[x].sum(axis=1),
    "dot of two lookups": lambda W, x: T.dot(W[x[0]], W[x[1]].T),
    "transposed twice": lambda W, x: W.T[:, x.flatten()].T,
}


@pytest.mark.parametrize("lookup", sorted(LOOKUPS))
def test_lookup(lookup):
    check(looked_up(LOOKUPS[lookup]))


def test_vector_table():
    check(looked_up(lambda b, x: b[x], (NUM_ROWS,)))


def test_table_of_three_dimensions():
    check(looked_up(lambda W, x: W[x], (NUM_ROWS, 2, 3)))


def test_table_of_four_dimensions():
    check(looked_up(lambda W, x: W[x.flatten()], (NUM_ROWS, 2, 1, 3), "adagrad"))


def test_factors_with_item_biases():
    def program(updates, x):
        U, b, mean = new_table(), new_table((NUM_ROWS,), "b"), new_table((), "mean")
        users, items = x[0], x[1]
        V = new_table(seed=2)
        # Every row of each table is looked up by one of the two.
        both = T.concatenate([users, items])
        score = T.sum(U[both] * V[both], axis=1) + b[both] + mean
        loss = T.mean((score - 1) ** 2)
        return loss, updates.adam(loss, [U, V, b, mean], learning_rate=0.1)

    check(program)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_columns(rule):
    def program(updates, x):
        W = new_table((NUM_UNITS, NUM_ROWS))
        loss = T.sum((W[:, x.flatten()] - 0.5) ** 2)
        return loss, getattr(updates, rule)(loss, [W], **RULES[rule])

    ours = check(program)
    before = ours.values()
    ours.step(SOME_ROWS)
    for old, new in zip(before, ours.values()):
        if old.ndim == 2:
            same_bits(old[:, [0, 2, 3, 5]], new[:, [0, 2, 3, 5]])
            assert not np.array_equal(old[:, [1, 4, 6]], new[:, [1, 4, 6]])


def test_slice_of_a_table():
    def program(updates, x):
        W = new_table()
        loss = T.sum((W[1:5] - 0.5) ** 2)
        return loss, updates.adam(loss, [W])

    x = T.imatrix()
    loss, updates = program(lasagne_sparse.updates, x)
    values = [s.get_value() for s in updates]
    function([], updates=updates)()
    for shared, old in zip(updates, values):
        if old.ndim:
            new = shared.get_value()
            same_bits(old[[0, 5, 6]], new[[0, 5, 6]])
            assert np.all(old[1:5] != new[1:5])


def test_two_tables_and_dense_parameters():
    def program(updates, x):
        words = embedded(x)
        tags = EmbeddingLayer(
            InputLayer((2, 5), (x * 2) % NUM_ROWS), NUM_ROWS, 2, W=weights(NUM_ROWS, 2)
        )
        return trained(dense(ConcatLayer([words, tags], axis=2)), updates, "adam")

    # Doubled modulo 7, the rows that are looked up are others.
    check(program, left_alone=[3])


def test_one_table_in_two_layers():
    def program(updates, x):
        first = EmbeddingLayer(
            InputLayer((2, 3), x[:, :3]), NUM_ROWS, NUM_UNITS, W=new_table()
        )
        second = EmbeddingLayer(
            InputLayer((2, 2), x[:, 3:]), NUM_ROWS, NUM_UNITS, W=first.W
        )
        network = ConcatLayer([dense(first), dense(second)])
        return trained(network, updates, "adam")

    check(program)


def test_one_layer_for_two_inputs():
    def program(updates, x):
        layer = embedded(T.imatrix())
        first, second = get_output(layer, x[:, :2]), get_output(layer, x[:, 2:])
        loss = T.sum((first.sum(axis=1) - second.sum(axis=1) - 0.5) ** 2)
        return loss, updates.rmsprop(loss, [layer.W])

    check(program)


def test_skip_gram_with_negative_samples():
    def program(updates, x):
        centres, contexts = new_table(name="C"), new_table(name="O", seed=2)
        C, O = centres[x], contexts[x[:, ::-1]]
        negatives = contexts[(x + 1) % NUM_ROWS]
        loss = T.nnet.softplus(-(C * O).sum(2)).mean()
        loss += T.nnet.softplus((C * negatives).sum(2)).mean()
        return loss, updates.adagrad(loss, [centres, contexts], 0.1)

    check(program, left_alone=[3])


def test_lookup_of_a_lookup():
    # The rows of one table are chosen by a shared vector of indices.
    def program(updates, x):
        W = new_table()
        classes = theano.shared(np.array([3, 1, 0, 2, 6, 5, 4], "int32"))
        loss = T.sum((W[classes[x]] - 0.5) ** 2)
        return loss, updates.adam(loss, [W])

    # Rows 1, 4 and 6 look 1, 6 and 4 up.
    check(program)
