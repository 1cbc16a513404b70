"""The small examples learn what they are to learn"""

import sys

import numpy as np
import pytest

from modes import compiling_with
from tree import EXAMPLES

sys.path.insert(0, EXAMPLES)

import lasagne_sparse
import nolearn_style
import theano
import training_loop


@pytest.fixture(autouse=True)
def smaller(monkeypatch):
    """Networks that learn in fewer steps; the two use the same compiled modules"""
    monkeypatch.setattr(training_loop, "NUM_WORDS", 500)
    monkeypatch.setattr(nolearn_style, "NUM_WORDS", 500)
    with theano.configparser.change_flags(floatX="float32"):
        yield


def test_plain_loop_learns(capsys):
    assert training_loop.main(num_epochs=2) > 0.9
    assert "epoch  2: loss" in capsys.readouterr().out


def test_estimator_learns(capsys):
    assert nolearn_style.main(num_epochs=3) > 0.9
    assert "score" in capsys.readouterr().out


def test_estimator_names_an_unknown_argument():
    with pytest.raises(TypeError, match="unknown argument 'momentum'"):
        nolearn_style.NeuralNet([], momentum=0.9)


def test_estimator_takes_other_rules():
    class Rule:
        def __call__(self, loss, params, **kwargs):
            self.kwargs = kwargs
            return lasagne_sparse.updates.sgd(loss, params, **kwargs)

    rule = Rule()
    layers = [
        (training_loop.lasagne.layers.InputLayer, {"shape": (None, 2)}),
        (lasagne_sparse.layers.EmbeddingLayer, {"input_size": 9, "output_size": 2}),
        (training_loop.lasagne.layers.DenseLayer, {"num_units": 3}),
    ]
    net = nolearn_style.NeuralNet(layers, rule, update_learning_rate=0.5, verbose=0)
    with compiling_with(mode="Mode", linker="py"):
        assert net.predict(np.zeros((4, 2), "int32")).shape == (4,)
    assert rule.kwargs == {"learning_rate": 0.5}
