"""Do sampled losses reach TensorFlow's numbers?

They were made by ``tensorflow_oracle/make_constants.py``.
"""

import json
import os

import numpy as np
import pytest
import theano.tensor as T
from lasagne_sparse import objectives
from lasagne_sparse.samplers import LogUniformSampler, Sample
from loss_pieces import float64

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "tensorflow_oracle", "constants.json")) as _file:
    GIVEN = {name: np.array(value) for name, value in json.load(_file).items()}


def sample():
    """The fixed sample, with the number of tries that it took"""
    log_p = LogUniformSampler(len(GIVEN["weights"]), seed=1).log_probability
    tries = float(GIVEN["num_tries"])
    return Sample(
        T.constant(GIVEN["sampled"]),
        lambda k: T.log(-T.expm1(tries * T.log1p(-T.exp(log_p(k))))),
    )


@pytest.mark.parametrize(
    "name, theirs, count",
    [
        ("sampled_softmax", "sampled_softmax_loss", "one"),
        ("sampled_softmax", "sampled_softmax_loss", "two"),
        ("nce", "nce_loss", "one"),
    ],
)
def test_losses_are_those_of_tensorflow(name, theirs, count):
    targets = GIVEN[count]
    with float64():
        loss = getattr(objectives, name)(
            GIVEN["inputs"], targets, GIVEN["weights"], GIVEN["biases"], sample()
        )
        found = loss.eval()
    np.testing.assert_allclose(found, GIVEN["%s/%s" % (theirs, count)], rtol=1e-10)


def test_one_true_class_may_come_as_a_vector():
    with float64():
        loss = objectives.sampled_softmax(
            GIVEN["inputs"],
            GIVEN["one"][:, 0],
            GIVEN["weights"],
            GIVEN["biases"],
            sample(),
        )
        found = loss.eval()
    np.testing.assert_allclose(found, GIVEN["sampled_softmax_loss/one"], rtol=1e-10)


def test_expected_count_of_a_draw_is_tensorflows():
    sampler = LogUniformSampler(11, seed=1)
    drawn = sampler.draw(5)
    with float64():
        tries = drawn.classes.owner.outputs[1]
        found, count = (
            T.exp(drawn.log_expected(np.arange(11))).eval(),
            np.asarray(tries.eval()),
        )
    k = np.arange(11)
    p = (np.log(k + 2.0) - np.log(k + 1.0)) / np.log1p(11)
    assert count >= 5
    # both functions start from the same state, and so draw the same
    np.testing.assert_allclose(found, -np.expm1(count * np.log1p(-p)), rtol=1e-6)
