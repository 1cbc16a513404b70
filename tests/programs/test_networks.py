"""Do networks over looked-up rows train as under Lasagne's own rules?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano.tensor as T
from lasagne.layers import (
    Conv1DLayer,
    DimshuffleLayer,
    ElemwiseSumLayer,
    FlattenLayer,
    GRULayer,
    InputLayer,
    LSTMLayer,
    RecurrentLayer,
    SliceLayer,
    get_all_params,
)
from toy import (
    NUM_ROWS,
    NUM_UNITS,
    SOME_ROWS,
    check,
    fast_compiled,
    function,
    same_bits,
)
from pieces import dense, embedded, trained, weights


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
