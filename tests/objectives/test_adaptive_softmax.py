"""Is the adaptive softmax PyTorch's? See torch_oracle/make_constants.py"""

import json
import os

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import objectives, updates
from loss_pieces import float64
from modes import compiling_with

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "torch_oracle", "constants.json")) as _file:
    CONSTANTS = json.load(_file)
CUTOFFS = CONSTANTS["cutoffs"]
NAMES = ["head.weight", "head.bias"] + [
    "tail.%d.%d.weight" % (i, j) for i in range(2) for j in range(2)
]


@pytest.fixture(scope="module")
def compiled():
    """A function of h and targets: losses, all ln P, gradients by h and the tables"""
    with float64():
        given = {n: np.array(CONSTANTS["parameters"][n]) for n in NAMES}
        head, b, *rest = [theano.shared(given[n], n) for n in NAMES]
        tails = [(rest[2 * i].T, rest[2 * i + 1]) for i in range(2)]
        h, targets = T.matrix(), T.ivector()
        args = CUTOFFS, head, tails, b
        loss = objectives.adaptive_softmax(h, targets, *args)
        everything = objectives.adaptive_log_probabilities(h, *args)
        gradients = theano.grad(loss.sum(), [h, head, b] + rest)
        return theano.function([h, targets], [loss, everything] + gradients)


@pytest.mark.parametrize("result", CONSTANTS["results"])
def test_losses_and_gradients_are_pytorchs(compiled, result):
    h, targets = np.array(CONSTANTS["h"]), np.array(result["targets"], "int32")
    loss, everything, *gradients = compiled(h, targets)
    np.testing.assert_allclose(loss, result["loss"], rtol=1e-10)
    np.testing.assert_allclose(everything, result["log_prob"], rtol=1e-10)
    for name, gradient in zip(["h"] + NAMES, gradients):
        wanted = result["gradients"][name]
        wanted = 0 if wanted is None else wanted  # PyTorch leaves that cluster out
        np.testing.assert_allclose(gradient, wanted, rtol=1e-9, atol=1e-12)


def test_probabilities_sum_to_one(compiled, rng):
    everything = compiled(rng.randn(3, 8), np.zeros(3, "int32"))[1]
    np.testing.assert_allclose(np.exp(everything).sum(axis=1), 1, rtol=1e-12)


def test_a_batch_without_classes_of_a_cluster_trains():
    floatX = theano.config.floatX
    head = theano.shared(np.zeros((6, 2), floatX), "head")
    tails = [
        tuple(theano.shared(np.ones(s, floatX)) for s in ((2, 1), (5, 1)))
        for _ in range(2)
    ]
    targets = T.ivector()
    h = T.constant(np.ones((3, 2), floatX))
    loss = objectives.adaptive_softmax(h, targets, [4, 9], head, tails).mean()
    params = [head] + [part for tail in tails for part in tail]
    with compiling_with(linker="py"):
        step = theano.function([targets], loss, updates=updates.sgd(loss, params, 0.5))
    losses = [float(step(np.array([0, 3, 1], "int32"))) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    np.testing.assert_allclose(losses[0], np.log(6), rtol=1e-5)


@pytest.mark.parametrize("wrong", [20, -21])
def test_target_out_of_range_is_named(compiled, wrong):
    with pytest.raises(IndexError, match="index %d at position 0" % wrong):
        compiled(np.ones((1, 8)), np.array([wrong], "int32"))


@pytest.mark.parametrize("cutoffs", [[], [0, 4], [4, 4], [5, 3]])
def test_cutoffs_must_ascend(cutoffs):
    with pytest.raises(ValueError, match="cutoffs must be positive and ascending"):
        objectives.adaptive_softmax(T.matrix(), T.ivector(), cutoffs, T.matrix(), [])


def test_each_cluster_has_a_tail():
    with pytest.raises(ValueError, match="each of the 2 cutoffs, got 0"):
        objectives.adaptive_softmax(T.matrix(), T.ivector(), [2, 4], T.matrix(), [])
