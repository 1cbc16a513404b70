"""Are penalties and other uses of the whole table right, and told of?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import (
    get_output,
)
from toy import (
    NUM_UNITS,
    check,
    fast_compiled,
    new_table,
)
from pieces import dense, embedded, sparsity_warnings, squares, trained, weights


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
    assert "lasagne_sparse.objectives.sampled_softmax(" in str(caught[0].message)


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
def test_lookup_inside_a_scan_is_sparse(shape, no_c_in_scan):
    def program(updates, x):
        W = new_table()
        loss = scanned(x if shape == "rows a step" else x.flatten(), W)
        return loss, updates.adam(loss, [W], learning_rate=0.1)

    check(program, fast_compiled)


def test_lookup_of_more_and_more_rows_inside_a_scan_is_dense_and_warns(no_c_in_scan):
    def program(updates, x):
        W = new_table()
        ones = x.flatten()
        sums, _ = theano.scan(lambda i: T.sum(W[ones[:i]] ** 2), sequences=[ones])
        loss = T.sum(sums)
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
