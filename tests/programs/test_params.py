"""Is what ``params`` lists trained, and nothing else touched?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne_sparse
import theano
import theano.tensor as T
from lasagne.layers import (
    InputLayer,
    get_all_params,
    get_output,
)
from toy import (
    NUM_ROWS,
    SOME_ROWS,
    check,
    close,
    function,
    new_table,
    same_bits,
)
from pieces import dense, embedded, squares, trained, weights


def test_frozen_table_keeps_its_bits():
    x = T.imatrix()
    words = embedded(x)
    network = dense(words)
    words.params[words.W].remove("trainable")
    before = words.W.get_value()
    loss, updates = trained(network, lasagne_sparse.updates, "adam")
    function([x], loss, updates=updates)(SOME_ROWS)
    assert words.W not in updates
    same_bits(before, words.W.get_value())


def test_table_left_out_of_the_list_keeps_its_bits():
    x = T.imatrix()
    network = dense(embedded(x))
    W, *others = get_all_params(network)
    before = W.get_value()
    loss = squares(network)
    updates = lasagne_sparse.updates.adam(loss, others)
    function([x], loss, updates=updates)(SOME_ROWS)
    assert W not in updates
    same_bits(before, W.get_value())


def test_thawed_table_trains_again():
    def program(updates, x):
        words = embedded(x)
        network = dense(words)
        words.params[words.W].remove("trainable")
        assert words.W not in trained(network, updates)[1]
        words.params[words.W].add("trainable")
        return trained(network, updates)

    check(program)


def test_params_without_a_table_are_lasagnes():
    def program(updates, x):
        network = dense(InputLayer((2, 5), T.cast(x, theano.config.floatX)))
        return trained(network, updates, "adam")

    check(program, left_alone=[])


def test_table_that_is_an_expression_is_left_to_lasagne():
    # The parameter is V, and W = tanh(V) is looked up. Rows of W are of V's rows.
    def program(updates, x):
        V = new_table(name="V")
        loss = T.sum((T.tanh(V)[x] - 0.5) ** 2)
        return loss, updates.adam(loss, [V], learning_rate=0.1)

    check(program, walks_table=True)


def test_table_made_of_another_is_dense():
    def program(updates, x):
        V = new_table(name="V")
        factor = weights(NUM_ROWS, NUM_ROWS)
        loss = T.sum((T.dot(factor, V)[x] - 0.5) ** 2)
        return loss, updates.adam(loss, [V], learning_rate=0.1)

    check(program, left_alone=[])


def test_params_may_be_a_subset():
    def program(updates, x):
        words = embedded(x)
        network = dense(words)
        loss = squares(network)
        params = get_all_params(network)
        if updates is lasagne_sparse.updates:
            params[0] = words.subset
        return loss, updates.adam(loss, params, learning_rate=0.1)

    check(program)


def test_params_may_be_a_users_own_subset():
    def program(updates, x):
        W = new_table()
        subset = W[x.flatten()]
        loss = T.sum((subset - 0.5) ** 2)
        params = [subset] if updates is lasagne_sparse.updates else [W]
        return loss, updates.adam(loss, params, learning_rate=0.1)

    check(program)


def test_params_may_be_subsets_of_two_inputs():
    def program(updates, x):
        layer = embedded(T.imatrix())
        first, second = x[:, :2], x[:, 2:]
        output = T.concatenate([get_output(layer, i) for i in (first, second)], axis=1)
        loss = T.sum((output - 0.5) ** 2)
        params = [layer.W]
        if updates is lasagne_sparse.updates:
            params = [layer.subset_for(first), layer.subset_for(second)]
        return loss, updates.adam(loss, params, learning_rate=0.1)

    check(program)


def test_params_may_be_a_subset_of_columns():
    x = T.ivector()
    W = new_table()
    subset = W[:, x]
    loss = T.sum((subset - 0.5) ** 2)
    updates = lasagne_sparse.updates.sgd(loss, [subset], learning_rate=0.1)
    expected = W.get_value()
    expected[:, 2] -= 0.1 * 2 * 2 * (expected[:, 2] - 0.5)  # looked up twice
    function([x], updates=updates)([2, -1])
    close(W.get_value(), expected)
