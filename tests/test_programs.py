"""Do programs that use Lasagne keep their results with our updates?

Each test is a small program of a kind that people write. By Lasagne's own rules,
where every row is looked up, and by exact bits, for rows that are not.
"""

import contextlib
import warnings
from collections import OrderedDict

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import (
    Conv1DLayer,
    ConcatLayer,
    DenseLayer,
    DimshuffleLayer,
    ElemwiseSumLayer,
    FlattenLayer,
    GRULayer,
    InputLayer,
    LSTMLayer,
    RecurrentLayer,
    SliceLayer,
    get_all_params,
    get_output,
)
from lasagne_sparse.layers import EmbeddingLayer
from lasagne_sparse.updates import SparsityWarning
from theano.compile.debugmode import DebugMode
from toy import (
    EVERY_ROW,
    NUM_ROWS,
    NUM_UNITS,
    RULES,
    SOME_ROWS,
    check,
    close,
    fast_compiled,
    function,
    new_table,
    same_bits,
)

__all__ = []

STOCK = lasagne.layers.EmbeddingLayer


def weights(*shape):
    """An initializer's values, the same at each call"""
    values = np.random.RandomState(sum(shape)).uniform(-1, 1, shape)
    return values.astype(theano.config.floatX)


def embedded(x, layer=EmbeddingLayer, W=None):
    """A layer that looks the batch up, shape ``(2, 5, NUM_UNITS)``"""
    W = new_table() if W is None else W
    return layer(InputLayer((2, 5), x), NUM_ROWS, NUM_UNITS, W=W)


def dense(network, num_units=2):
    num_inputs = int(np.prod(network.output_shape[1:]))
    return DenseLayer(
        network, num_units, W=weights(num_inputs, num_units), nonlinearity=T.tanh
    )


def squares(network):
    """A loss that weighs each of the network's outputs"""
    output = get_output(network)
    return T.sum((output - 0.5) ** 2)


def trained(network, updates, rule="adagrad", loss=None, **kwargs):
    loss = squares(network) if loss is None else loss
    params = get_all_params(network, trainable=True)
    kwargs = kwargs or RULES[rule]
    return loss, getattr(updates, rule)(loss, params, **kwargs)


# --- Where tables are looked up -------------------------------------------------------


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_trains_a_table_and_dense_parameters(rule):
    check(lambda updates, x: trained(dense(embedded(x)), updates, rule))


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_stock_embedding_layer(rule):
    check(lambda updates, x: trained(dense(embedded(x, STOCK)), updates, rule))


def looked_up(lookup, shape=(NUM_ROWS, NUM_UNITS), rule="adam"):
    """A program without layers: the loss is made of ``lookup(W, x)``"""

    def program(updates, x):
        W = new_table(shape)
        loss = T.sum((lookup(W, x) - 0.5) ** 2)
        return loss, getattr(updates, rule)(loss, [W], **RULES[rule])

    return program


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


@pytest.fixture
def no_c_in_scan(monkeypatch):
    """Lets scan's inner functions do without C too, which takes long to build"""
    monkeypatch.setattr(
        theano.compile.mode,
        "instantiated_default_mode",
        theano.compile.get_mode("FAST_COMPILE"),
    )


# --- Networks -------------------------------------------------------------------------


def masked(make):
    """A network with a recurrent layer over the batch, and a mask"""

    def program(updates, x):
        words = embedded(x)
        mask = InputLayer((2, 5), T.neq(x, 3))
        recurrent = make(words, 2, mask_input=mask)
        params = get_all_params(recurrent)
        for i, param in enumerate(params[1:]):
            param.set_value(weights(*param.get_value().shape) if param.ndim else i)
        return trained(recurrent, updates, "adagrad")

    return program


@pytest.mark.parametrize("make", [RecurrentLayer, GRULayer, LSTMLayer])
def test_recurrent_layer_with_mask(make, no_c_in_scan):
    check(masked(make), fast_compiled)


def test_unrolled_recurrent_layer():
    def make(*args, **kwargs):
        return RecurrentLayer(*args, unroll_scan=True, **kwargs)

    check(masked(make), fast_compiled)


def convolved(input, W, *shapes, **kwargs):
    # Theano's own has C code only, and Lasagne 0.1 calls it by old names.
    length = input.shape[2] - W.shape[2] + 1
    taps = [
        T.tensordot(input[:, :, k : k + length], W[:, :, 2 - k], axes=[[1], [1]])
        for k in range(3)
    ]
    return sum(taps).dimshuffle(0, 2, 1)


def test_convolution_over_embeddings():
    def program(updates, x):
        words = DimshuffleLayer(embedded(x), (0, 2, 1))
        network = Conv1DLayer(
            words, 2, 3, W=weights(2, NUM_UNITS, 3), convolution=convolved
        )
        return trained(dense(network), updates, "adagrad")

    check(program)


def test_bag_of_words():
    def program(updates, x):
        words = embedded(x)
        bag = (
            lasagne.layers.ExpressionLayer(words, lambda e: e.mean(axis=1), (2, 3))
            if hasattr(lasagne.layers, "ExpressionLayer")
            else lasagne.layers.FeaturePoolLayer(words, 5, pool_function=T.mean)
        )
        return trained(dense(bag), updates, "adam")

    check(program)


def test_dropout_after_the_lookup_keeps_it_sparse():
    def program(updates, x):
        network = lasagne.layers.DropoutLayer(embedded(x), 0.5)
        return trained(dense(network), updates, "sgd")

    lasagne.random.set_rng(np.random.RandomState(1))
    x = T.imatrix()
    loss, updates = program(lasagne_sparse.updates, x)
    W = [s for s in updates if s.name == "W" and s.get_value().shape[0] == NUM_ROWS][0]
    before = W.get_value()
    function([x], loss, updates=updates)(SOME_ROWS)
    same_bits(before[[0, 2, 3, 5]], W.get_value()[[0, 2, 3, 5]])


def test_slice_layer_reads_the_last_word():
    def program(updates, x):
        network = ElemwiseSumLayer([SliceLayer(embedded(x), i, 1) for i in range(1)])
        return trained(network, updates, "sgd")

    # Column 0 holds 1 and 4 only.
    x = T.imatrix()
    loss, updates = program(lasagne_sparse.updates, x)
    (W,) = updates
    before = W.get_value()
    function([x], loss, updates=updates)(SOME_ROWS)
    same_bits(before[[0, 2, 3, 5, 6]], W.get_value()[[0, 2, 3, 5, 6]])
    assert np.all(before[[1, 4]] != W.get_value()[[1, 4]])


def test_flattened_input_of_a_dense_layer():
    check(lambda updates, x: trained(dense(FlattenLayer(embedded(x))), updates))


# --- Lists of gradients ---------------------------------------------------------------


def with_gradients(edit, rule="adam", **kwargs):
    """A program that computes gradients itself, edits them, and gives a list"""

    def program(updates, x):
        network = dense(embedded(x))
        loss = squares(network)
        params = get_all_params(network)
        gradients = edit(theano.grad(loss, params), updates)
        return loss, getattr(updates, rule)(gradients, params, **RULES[rule])

    return program


def finite(g):
    return T.switch(T.or_(T.isnan(g), T.isinf(g)), 0, g)


EDITS = {
    "nothing": lambda gs, updates: gs,
    "clip": lambda gs, updates: [T.clip(g, -0.1, 0.1) for g in gs],
    "clip by a symbolic bound": lambda gs, updates: [
        T.clip(g, -c, c) for c in [theano.shared(abs(weights(1)[0]))] for g in gs
    ],
    "grad_clip": lambda gs, updates: [
        theano.gradient.grad_clip(g, -0.1, 0.1) for g in gs
    ],
    "scale": lambda gs, updates: [0.5 * g for g in gs],
    "divide by a shared number": lambda gs, updates: [
        g / theano.shared(weights(1)[0]) for g in gs
    ],
    "negate twice": lambda gs, updates: [-(-g) for g in gs],
    "NaN to zero": lambda gs, updates: [T.switch(T.isnan(g), 0, g) for g in gs],
    "NaN to zeros_like": lambda gs, updates: [
        T.switch(T.isnan(g), T.zeros_like(g), g) for g in gs
    ],
    "not finite to zero": lambda gs, updates: [finite(g) for g in gs],
    "NaN guard by the total norm": lambda gs, updates: [
        T.switch(T.isnan(sum(T.sum(h**2) for h in gs)), 0, g) for g in gs
    ],
    "cast": lambda gs, updates: [T.cast(g, theano.config.floatX) for g in gs],
    "sign": lambda gs, updates: [T.sgn(g) for g in gs],
    "total norm, ours": lambda gs, updates: (
        lasagne_sparse.updates.total_norm_constraint(gs, 0.5)
    ),
    "total norm, Lasagne's": lambda gs, updates: lasagne.updates.total_norm_constraint(
        gs, 0.5
    ),
    "total norm by hand": lambda gs, updates: [
        g * T.minimum(1, 0.5 / T.sqrt(sum((h**2).sum() for h in gs))) for g in gs
    ],
    "norm of each, L2": lambda gs, updates: [
        T.switch(T.ge(g.norm(2), 0.5), g * 0.5 / g.norm(2), g) for g in gs
    ],
    "norm_constraint over all, ours": lambda gs, updates: [
        lasagne_sparse.updates.norm_constraint(g, 0.5, range(g.ndim)) for g in gs
    ],
    "norm_constraint over all, Lasagne's": lambda gs, updates: [
        lasagne.updates.norm_constraint(g, 0.5, range(g.ndim)) for g in gs
    ],
    "norm_constraint of units": lambda gs, updates: [
        updates.norm_constraint(g, 0.5) if g.ndim > 1 else g for g in gs
    ],
    "norm_constraint of rows": lambda gs, updates: [
        updates.norm_constraint(g, 0.5, norm_axes=(1,)) if g.ndim > 1 else g for g in gs
    ],
    "clip, then total norm, then scale": lambda gs, updates: [
        2 * g
        for g in updates.total_norm_constraint([T.clip(g, -1, 1) for g in gs], 0.5)
    ],
    "one unit kept still": lambda gs, updates: [
        g * np.arange(NUM_UNITS).astype(theano.config.floatX) if i == 0 else g
        for i, g in enumerate(gs)
    ],
}


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_list_of_gradients(edit):
    check(with_gradients(EDITS[edit]))


def test_gradients_from_several_losses():
    def program(updates, x):
        network = dense(embedded(x))
        params = get_all_params(network)
        output = get_output(network)
        losses = [T.sum((output[:, i] - i) ** 2) for i in range(2)]
        gradients = [
            sum(gs) for gs in zip(*[theano.grad(loss, params) for loss in losses])
        ]
        return sum(losses), updates.adam(gradients, params, learning_rate=0.1)

    check(program)


def test_gradients_with_a_loss_that_is_clipped_on_the_way():
    def program(updates, x):
        output = theano.gradient.grad_clip(get_output(embedded(x)), -0.1, 0.1)
        loss = T.sum((output - 0.5) ** 2)
        (W,) = [v for v in theano.gof.graph.inputs([loss]) if v.name == "W"]
        return loss, updates.adam(loss, [W], learning_rate=0.1)

    check(program)


def test_returned_norm_is_that_of_the_whole_gradient():
    x = T.imatrix()
    network = dense(embedded(x))
    gradients = theano.grad(squares(network), get_all_params(network))
    norms = [
        module.total_norm_constraint(gradients, 0.5, return_norm=True)[1]
        for module in (lasagne_sparse.updates, lasagne.updates)
    ]
    close(*function([x], norms)(SOME_ROWS))


# --- What is listed, and what is not --------------------------------------------------


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


@contextlib.contextmanager
def sparsity_warnings():
    """Records our warnings; Theano's own, of NumPy's changes, are ignored"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SparsityWarning)
        yield caught


# --- Penalties and other uses of the whole table --------------------------------------


def penalised(penalty, rule="adam"):
    def program(updates, x):
        words = embedded(x)
        network = dense(words)
        loss = squares(network) + penalty(words, network)
        return trained(network, updates, rule, loss)

    return program


PENALTIES = {
    "by hand": lambda words, network: 0.1 * T.sum(words.W**2),
    "l2 of the layer": lambda words, network: (
        0.1
        * lasagne.regularization.regularize_layer_params(
            words, lasagne.regularization.l2
        )
    ),
    "l1 of the network": lambda words, network: (
        0.1
        * lasagne.regularization.regularize_network_params(
            network, lasagne.regularization.l1
        )
    ),
    "symbolic factor": lambda words, network: (
        theano.shared(weights(1)[0]) * T.sum(words.W**2)
    ),
    "tied softmax": lambda words, network: T.nnet.categorical_crossentropy(
        T.nnet.softmax(T.dot(get_output(words)[:, 0], words.W.T)), T.constant([1, 2])
    ).sum(),
    "mean of the table": lambda words, network: words.W.mean() ** 2,
}


@pytest.mark.parametrize("penalty", sorted(PENALTIES))
def test_penalty_on_the_whole_table_is_dense_and_warns(penalty):
    with sparsity_warnings() as caught:
        check(penalised(PENALTIES[penalty]), left_alone=[])
    (warning,) = caught
    assert "table W is looked up" in str(warning.message)


def test_warning_names_the_line_of_the_penalty():
    x = T.imatrix()
    words = embedded(x)
    loss = squares(words) + T.sum(words.W**2)  # the line to name
    with sparsity_warnings() as caught:
        lasagne_sparse.updates.sgd(loss, [words.W], 0.1)
    message = str(caught[0].message)
    assert "the line to name" in message
    assert "layer.subset" in message


def test_warning_points_to_the_programs_line():
    x = T.imatrix()
    words = embedded(x)
    loss = squares(words) + T.sum(words.W**2)
    with sparsity_warnings() as caught:
        lasagne_sparse.updates.sgd(loss, [words.W], 0.1)
    assert caught[0].filename == __file__


def test_remedy_for_a_tied_softmax_is_another_loss():
    x = T.imatrix()
    words = embedded(x)
    loss = PENALTIES["tied softmax"](words, None)
    with sparsity_warnings() as caught:
        lasagne_sparse.updates.sgd(loss, [words.W], 0.1)
    assert "sampled loss" in str(caught[0].message)


@pytest.mark.parametrize("zero", [0, 0.0, np.float32(0)])
def test_penalty_with_factor_zero_is_absent(zero):
    check(penalised(lambda words, network: zero * T.sum(words.W**2)))


def test_penalty_on_the_subset_is_sparse():
    def program(updates, x):
        words = embedded(x)
        network = dense(words)
        loss = squares(network)  # looks up
        return trained(network, updates, "adam", loss + 0.1 * T.sum(words.subset**2))

    check(program)


def test_penalty_on_the_layers_output_is_sparse():
    check(penalised(lambda words, network: 0.1 * T.sum(get_output(words) ** 2)))


def test_penalty_on_other_parameters_does_not_warn():
    check(penalised(lambda words, network: 0.1 * T.sum(network.W**2)))


def test_loss_divided_by_the_tables_shape_is_sparse():
    check(penalised(lambda words, network: squares(words) / words.W.shape[0]))


def scanned(x, W):
    outputs, _ = theano.scan(lambda i: W[i], sequences=[x])
    return T.sum((outputs - 0.5) ** 2)


@pytest.mark.parametrize("shape", ["a row a step", "rows a step"])
def test_lookup_inside_a_scan_is_dense_and_warns(shape, no_c_in_scan):
    def program(updates, x):
        W = new_table()
        loss = scanned(x if shape == "rows a step" else x.flatten(), W)
        return loss, updates.adam(loss, [W], learning_rate=0.1)

    with sparsity_warnings() as caught:
        check(program, fast_compiled, left_alone=[])
    (warning,) = caught
    assert "before the scan" in str(warning.message)


def test_lookup_before_the_scan_is_sparse(no_c_in_scan):
    def program(updates, x):
        W = new_table()
        outputs, _ = theano.scan(
            lambda row, total: total + row,
            sequences=[W[x.T]],
            outputs_info=[T.zeros((2, NUM_UNITS), W.dtype)],
        )
        loss = T.sum((outputs - 0.5) ** 2)
        return loss, updates.adam(loss, [W], learning_rate=0.1)

    check(program, fast_compiled)


# --- Updates that are edited, wrapped, merged -----------------------------------------


def edited(edit, rule="adam"):
    """A program that gets updates of a rule, and changes the dictionary"""

    def program(updates, x):
        network = dense(embedded(x))
        loss, result = trained(network, updates, rule)
        W = get_all_params(network)[0]
        return loss, edit(updates, result, W) or result

    return program


@pytest.mark.parametrize("rule", ["sgd", "adagrad", "adam"])
@pytest.mark.parametrize("apply", ["apply_momentum", "apply_nesterov_momentum"])
def test_momentum_on_top_of_a_rule(rule, apply):
    check(edited(lambda updates, result, W: getattr(updates, apply)(result), rule))


def test_momentum_on_top_for_the_dense_parameters_only():
    def edit(updates, result, W):
        others = [p for p in result if p.ndim and p is not W][-2:]
        return updates.apply_momentum(result, others)

    check(edited(edit, "sgd"))


def test_momentum_on_top_for_the_table_only():
    check(
        edited(
            lambda updates, result, W: updates.apply_nesterov_momentum(
                result, [W], 0.5
            ),
            "rmsprop",
        )
    )


def test_norm_constraint_of_the_tables_rows():
    def edit(updates, result, W):
        result[W] = updates.norm_constraint(result[W], 0.7, norm_axes=(1,))

    # Lasagne constrains every row, so that only rows looked up are comparable.
    check(edited(edit))


def test_norm_constraint_of_the_tables_units_is_lasagnes():
    def edit(updates, result, W):
        result[W] = updates.norm_constraint(result[W], 0.7)

    check(edited(edit), left_alone=[])


def test_norm_constraint_of_dense_parameters():
    def edit(updates, result, W):
        for param in result:
            if param.ndim == 2 and param is not W and param.name == "W":
                result[param] = updates.norm_constraint(result[param], 0.7)

    check(edited(edit, "sgd"))


def test_padding_row_set_to_zero_in_the_entry():
    def edit(updates, result, W):
        result[W] = T.set_subtensor(result[W][0], 0)

    ours = check(edited(edit), left_alone=[2, 3, 5])
    W = next(s for s in ours.updates if s.name == "W")
    assert not W.get_value()[0].any()


def test_padding_row_set_to_zero_by_hand_and_momentum_on_top():
    def edit(updates, result, W):
        result[W] = T.set_subtensor(result[W][0], 0)
        return updates.apply_momentum(result, [W])

    check(edited(edit, "sgd"), left_alone=[])


def test_each_entry_wrapped():
    def edit(updates, result, W):
        for shared, expression in result.items():
            result[shared] = T.switch(T.isnan(expression), shared, expression)

    check(edited(edit), walks_table=True)


def test_each_entry_behind_a_condition():
    def edit(updates, result, W):
        go = theano.shared(np.int8(1))
        for shared, expression in result.items():
            result[shared] = theano.ifelse.ifelse(go, expression, shared)

    check(edited(edit), fast_compiled)


def test_table_clipped_to_a_range():
    def edit(updates, result, W):
        result[W] = T.clip(result[W], -0.6, 0.6)

    check(edited(edit), left_alone=[])


def test_rows_of_unit_norm():
    def edit(updates, result, W):
        result[W] = result[W] / result[W].norm(2, axis=1, keepdims=True)

    check(edited(edit), left_alone=[])


def test_weight_decay_in_the_entry():
    def edit(updates, result, W):
        result[W] = result[W] - 0.01 * W

    check(edited(edit), left_alone=[])


def test_entries_merged_with_others():
    def edit(updates, result, W):
        count = theano.shared(np.int64(0), "count")
        result.update({count: count + 1})

    ours = check(edited(edit, "sgd"))
    assert [s for s in ours.updates if s.name == "count"][0].get_value() == 4


def test_moving_average_of_the_table():
    def edit(updates, result, W):
        average = theano.shared(W.get_value(), "average")
        result[average] = 0.9 * average + 0.1 * result[W]

    check(edited(edit, "sgd"), left_alone=[])


def test_two_rules_for_two_tables_in_one_dictionary():
    def program(updates, x):
        A, B = new_table(name="A"), new_table(name="B", seed=2)
        loss = T.sum((A[x] * B[x] - 0.5) ** 2)
        result = updates.adam(loss, [A])
        result.update(updates.adagrad(loss, [B], 0.1))
        return loss, result

    check(program)


def test_updates_given_as_a_list_of_pairs():
    x = T.imatrix()
    network = dense(embedded(x))
    loss, updates = trained(network, lasagne_sparse.updates, "sgd")
    pairs = [(shared, expression) for shared, expression in updates.items()]
    before = get_all_params(network)[0].get_value()
    function([x], loss, updates=pairs)(SOME_ROWS)
    assert not np.array_equal(before, get_all_params(network)[0].get_value())


def test_entries_are_those_of_the_faq():
    # inc_subtensor of the table's subset, set_subtensor of an accumulator's.
    x = T.ivector()
    W = new_table()
    updates = lasagne_sparse.updates.adagrad(T.sum(W[x] ** 2), [W], 0.1)
    accumulator, table = updates
    assert table is W
    increment, setting = updates[W].owner, updates[accumulator].owner
    assert not increment.op.set_instead_of_inc
    assert setting.op.set_instead_of_inc
    assert increment.inputs[0] is W
    assert setting.inputs[0] is accumulator
    assert increment.inputs[2] is setting.inputs[2]


def test_training_loop_of_ones_own():
    # Each entry computed by a function of its own, then assigned.
    def steps(updates):
        x = T.imatrix()
        network = dense(embedded(x))
        loss, result = trained(network, updates, "adagrad")
        step = function([x], list(result.values()))
        for shared, value in zip(result, step(EVERY_ROW[0])):
            shared.set_value(value)
        return [shared.get_value() for shared in result]

    for one, other in zip(steps(lasagne_sparse.updates), steps(lasagne.updates)):
        close(one, other)


# --- Hyperparameters ------------------------------------------------------------------


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


# --- Several functions, and rules of one's own ----------------------------------------


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


# --- Modes ----------------------------------------------------------------------------


MODES = {
    "FAST_RUN": lambda: "FAST_RUN",
    "FAST_COMPILE": lambda: "FAST_COMPILE",
    # The Ops' own tests run their C in DebugMode.
    "DebugMode": lambda: DebugMode(optimizer="fast_run", check_c_code=False),
}


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("rule", ["sgd", "adagrad"])
def test_every_mode(rule, mode):
    def compile(inputs, outputs, updates):
        return theano.function(inputs, outputs, updates=updates, mode=MODES[mode]())

    check(lambda updates, x: trained(embedded(x), updates, rule), compile)
