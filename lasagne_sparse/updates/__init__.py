"""Functions to generate Theano update dictionaries for training

They are those of :mod:`lasagne.updates` by name, by signature and by what they
do to dense parameters. A table that is looked up is updated in the rows that
were looked up, and nowhere else, at a cost that does not grow with the table.

Rules
-----

.. autosummary::
    :nosignatures:

    sgd
    momentum
    nesterov_momentum
    adagrad
    rmsprop
    adadelta
    adam
    adamax
    amsgrad
    rowwise_adagrad

Making a rule sparse
--------------------

.. autosummary::
    :nosignatures:

    sparse
    get_or_compute_grads
    SparsityWarning

Update modification
-------------------

.. autosummary::
    :nosignatures:

    apply_momentum
    apply_nesterov_momentum
    norm_constraint
    total_norm_constraint

Writing rows
------------

.. autosummary::
    :nosignatures:

    add_rows
    set_rows

Examples
--------
>>> import lasagne, numpy as np, theano
>>> import theano.tensor as T
>>> from lasagne_sparse.layers import EmbeddingLayer
>>> from lasagne_sparse.updates import adagrad
>>> x, y = T.imatrix('x'), T.vector('y')
>>> network = lasagne.layers.InputLayer((None, 3), x)
>>> network = EmbeddingLayer(network, input_size=1000, output_size=4)
>>> network = lasagne.layers.DenseLayer(network, 1, nonlinearity=None)
>>> prediction = lasagne.layers.get_output(network).flatten()
>>> loss = lasagne.objectives.squared_error(prediction, y).mean()
>>> params = lasagne.layers.get_all_params(network, trainable=True)
>>> updates = adagrad(loss, params, learning_rate=0.1)
>>> train = theano.function([x, y], loss, updates=updates)
"""

from .rows import add_rows, set_rows
from .rules import (
    adadelta,
    adagrad,
    adam,
    adamax,
    amsgrad,
    momentum,
    nesterov_momentum,
    rmsprop,
    rowwise_adagrad,
    sgd,
)
from .sparsity_warning import SparsityWarning
from .transform import get_or_compute_grads, sparse
from .wrappers import (
    apply_momentum,
    apply_nesterov_momentum,
    norm_constraint,
    total_norm_constraint,
)

__all__ = [
    "sgd",
    "momentum",
    "nesterov_momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "adamax",
    "amsgrad",
    "rowwise_adagrad",
    "sparse",
    "get_or_compute_grads",
    "SparsityWarning",
    "apply_momentum",
    "apply_nesterov_momentum",
    "norm_constraint",
    "total_norm_constraint",
    "add_rows",
    "set_rows",
]
