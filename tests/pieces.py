"""What the tests of programs share: pieces that programs of users are made of"""

import contextlib
import warnings

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import (
    DenseLayer,
    InputLayer,
    get_all_params,
    get_output,
)
from lasagne_sparse.layers import EmbeddingLayer
from lasagne_sparse.updates import SparsityWarning
from toy import (
    NUM_ROWS,
    NUM_UNITS,
    RULES,
    new_table,
)


__all__ = [
    "STOCK",
    "weights",
    "embedded",
    "dense",
    "squares",
    "trained",
    "looked_up",
    "sparsity_warnings",
]


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


def looked_up(lookup, shape=(NUM_ROWS, NUM_UNITS), rule="adam"):
    """A program without layers: the loss is made of ``lookup(W, x)``"""

    def program(updates, x):
        W = new_table(shape)
        loss = T.sum((lookup(W, x) - 0.5) ** 2)
        return loss, getattr(updates, rule)(loss, [W], **RULES[rule])

    return program


@contextlib.contextmanager
def sparsity_warnings():
    """Records our warnings; Theano's own, of NumPy's changes, are ignored"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SparsityWarning)
        yield caught
