"""Do output layers give the loss in training, and all classes in evaluation?"""

import functools
import pickle

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import assert_sparse, layers, objectives, updates
from lasagne_sparse.samplers import UniformSampler, UnigramSampler
from modes import compiling_with

NUM_CLASSES, NUM_UNITS = 20, 4
COUNTS = 1 / np.arange(1.0, NUM_CLASSES + 1)

MAKERS = {
    "sampled": lambda h, t: layers.SampledSoftmaxLayer(h, t, NUM_CLASSES, 8),
    "nce": lambda h, t: layers.NCELayer(h, t, NUM_CLASSES, 8, b=None),
    "negative": lambda h, t: layers.NegativeSamplingLayer(h, t, NUM_CLASSES, 8),
    "bpr-max": lambda h, t: layers.SampledOutputLayer(
        h, t, NUM_CLASSES, 8, objectives.bpr_max, UniformSampler(NUM_CLASSES)
    ),
    "hierarchical": lambda h, t: layers.HierarchicalSoftmaxLayer(h, t, COUNTS),
    "adaptive": lambda h, t: layers.AdaptiveSoftmaxLayer(
        h, t, NUM_CLASSES, [5, 10], b=lasagne.init.Constant(0)
    ),
}


@pytest.fixture(scope="module")
def networks():
    """{name: (layer, function of h and targets: loss, probabilities, best three)}"""
    found = {}
    for name, maker in MAKERS.items():
        h, targets = T.matrix("h"), T.ivector("targets")
        lasagne.random.set_rng(np.random.RandomState(1))
        layer = maker(lasagne.layers.InputLayer((None, NUM_UNITS), h), targets)
        outputs = [
            lasagne.layers.get_output(layer),
            lasagne.layers.get_output(layer, deterministic=True),
            *layer.get_top_k_for(h, 3),
        ]
        with compiling_with(linker="py"):
            functions = [
                theano.function([h, targets], part, on_unused_input="ignore")
                for part in (outputs[:1], outputs[1:2], outputs[2:])
            ]
        found[name] = layer, functools.partial(call_all, functions)
    return found


def call_all(functions, *values):
    """Returns what functions return, put together; training and evaluation are apart"""
    return [array for f in functions for array in f(*values)]


@pytest.mark.parametrize("name", MAKERS)
def test_output_is_a_loss_and_deterministic_output_all_probabilities(networks, name):
    layer, f = networks[name]
    h = np.random.RandomState(2).randn(5, NUM_UNITS).astype(theano.config.floatX)
    loss, probabilities, classes, values = f(h, np.arange(5, dtype="int32"))
    assert loss.shape == (5,) and np.isfinite(loss).all()
    assert loss.dtype == probabilities.dtype == theano.config.floatX
    assert lasagne.layers.get_output_shape(layer) == (None,)
    assert probabilities.shape == (5, NUM_CLASSES)
    if name != "negative":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    order = np.argsort(-probabilities, axis=1)[:, :3]
    np.testing.assert_array_equal(classes, order)
    best = np.take_along_axis(probabilities, order, axis=1)
    np.testing.assert_allclose(values, best, rtol=1e-5)


@pytest.mark.parametrize("name", ["hierarchical", "adaptive"])
def test_exact_losses_are_those_of_the_probabilities(networks, name):
    h = np.random.RandomState(2).randn(5, NUM_UNITS).astype(theano.config.floatX)
    targets = np.array([0, 19, 7, 12, -1], "int32")
    loss, probabilities, _, _ = networks[name][1](h, targets)
    np.testing.assert_allclose(
        loss, -np.log(probabilities[np.arange(5), targets]), rtol=2e-4
    )


def test_parameters_have_names_and_tags():
    layer = layers.SampledSoftmaxLayer(
        (None, NUM_UNITS), T.ivector(), NUM_CLASSES, 8, name="out"
    )
    assert [p.name for p in layer.get_params()] == ["out.W", "out.b"]
    assert layer.W.get_value().shape == (NUM_CLASSES, NUM_UNITS)
    assert layer.b.get_value().shape == (NUM_CLASSES,)
    assert layer.get_params(regularizable=True) == [layer.W]
    without = layers.NCELayer((None, 2), T.ivector(), 5, 2, b=None)
    assert without.b is None and without.get_params() == [without.W]
    lasagne.layers.get_output(layer, {layer.input_layers[0]: T.matrix()})
    assert [s.name for s in layer.sampler.states] == ["out/draw0"]


def test_sizes_of_clusters_are_pytorchs():
    layer = layers.AdaptiveSoftmaxLayer((None, 8), T.ivector(), 20, [4, 9], 2.0)
    shapes = [p.get_value().shape for p in layer.get_params()]
    assert shapes == [(6, 8), (8, 4), (5, 4), (8, 2), (11, 2)]


def test_axes_of_the_input_are_flattened():
    h = T.tensor3()
    layer = layers.NCELayer((None, 2, 3), T.ivector(), 5, 2)
    assert layer.W.get_value().shape == (5, 6)
    found = layer.get_output_for([h, T.ivector()], deterministic=True)
    array = np.ones((4, 2, 3), theano.config.floatX)
    assert found.eval({h: array}).shape == (4, 5)


def test_targets_may_come_from_a_layer():
    targets = lasagne.layers.InputLayer((None,), T.ivector("t"))
    layer = layers.NCELayer((None, 3), targets, 5, 2)
    assert layer.input_layers[1] is targets


@pytest.mark.parametrize("name", ["sampled", "hierarchical"])
def test_networks_learn_with_tied_tables_and_sparse_steps(name):
    words, following = T.ivector("words"), T.ivector("following")
    network = lasagne.layers.InputLayer((None,), words)
    embedding = layers.EmbeddingLayer(network, 200, 4, name="words")
    if name == "sampled":
        sampler = UnigramSampler(np.ones(200), seed=1)
        network = layers.SampledSoftmaxLayer(
            embedding, following, 200, 20, sampler=sampler, W=embedding.W, name="out"
        )
        assert network.W is embedding.W
    else:
        network = layers.HierarchicalSoftmaxLayer(
            embedding, following, np.arange(1, 201), name="out"
        )
    loss = lasagne.layers.get_output(network).mean()
    params = lasagne.layers.get_all_params(network, trainable=True)
    with compiling_with(linker="py"):
        changes = updates.adagrad(loss, params, learning_rate=0.5)
        step = theano.function([words, following], loss, updates=changes)
    assert_sparse(step, params)
    x = np.arange(10, dtype="int32")
    losses = [float(step(x, 100 + x)) for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_network_survives_pickling():
    layer = layers.SampledSoftmaxLayer((None, 3), T.ivector(), 9, 4)
    again = pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(again.W.get_value(), layer.W.get_value())


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: layers.NCELayer((None, 3), T.vector("t"), 5, 2), TypeError, "got t"),
        (lambda: layers.NCELayer((None, 3), T.ivector(), 0, 2), ValueError, "got 0"),
        (
            lambda: layers.NCELayer((None, None), T.ivector(), 5, 2),
            ValueError,
            r"how many units its input has, got the shape \(None, None\)",
        ),
        (
            lambda: layers.NCELayer(
                (None, 3), T.ivector(), 5, 2, sampler=UniformSampler(6)
            ),
            ValueError,
            "draws from 6 classes, but the layer has 5",
        ),
        (
            lambda: layers.AdaptiveSoftmaxLayer((None, 3), T.ivector(), 5, [2, 5]),
            ValueError,
            r"between 1 and num_units - 1 = 4, got \[2, 5\]",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_more_distinct_samples_than_classes_are_refused():
    layer = layers.NCELayer((None, 3), T.ivector(), 5, 6)
    with pytest.raises(ValueError, match="cannot draw 6 distinct classes of 5"):
        layer.get_output_for([T.matrix(), T.ivector()])
