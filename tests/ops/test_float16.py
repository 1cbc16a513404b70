"""Tables of float16: arithmetic and accumulators of float32"""

import numpy as np
import oracle
import pytest
import theano
import theano.tensor as T
import toy
from lasagne_sparse import updates

NUM_ROWS, NUM_UNITS = 9, 3
BATCHES = [[1, 4, 1], [4, -1, 4], [0, 1, 1]]
# The squares of the large ones are more than float16 can hold (65504), the sum of the
# small ones would be lost in it.
SCALE = np.array([400.0, 1.0, 1e-4], "float32")


def trained(name, lookup, **hyperparameters):
    """A table after some steps of a rule, and what the loops make of it"""
    start = np.random.RandomState(1).uniform(-1, 1, (NUM_ROWS, NUM_UNITS))
    W = theano.shared(start.astype("float16"), "W")
    x, y = T.ivector("x"), T.fmatrix("y")
    loss = (lookup(W, x) * (y * SCALE)).sum()
    rule = getattr(updates, name)(loss, [W], **hyperparameters)
    step = toy.function([x, y], updates=rule)
    expected, histories = W.get_value(), [{} for _ in range(NUM_ROWS)]
    for t, batch in enumerate(BATCHES, 1):
        y_now = np.random.RandomState(t).uniform(0.5, 1, (len(batch), NUM_UNITS))
        y_now = y_now.astype("float32")
        step(batch, y_now)
        wide = expected.astype("float32")
        oracle.lazy_step(
            getattr(oracle, name),
            wide,
            batch,
            y_now * SCALE,
            histories,
            t,
            **hyperparameters,
        )
        expected = wide.astype("float16")
    return W, rule, expected


def plain(W, x):
    return W[x]


def in_two_parts(W, x):
    return T.concatenate([W[x[:1]], W[x[1:]]])


@pytest.mark.parametrize("lookup", [plain, in_two_parts])
@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "adam"])
def test_rule_computes_in_float32(name, lookup):
    W, rule, expected = trained(name, lookup, learning_rate=0.01)
    assert W.get_value().dtype == "float16"
    states = [v for v in rule if v.ndim and v is not W]
    assert all(v.dtype == "float32" for v in states)
    # One rounding to float16 a step: at most one unit in the last place.
    np.testing.assert_allclose(
        W.get_value().astype("float32"),
        expected.astype("float32"),
        rtol=2**-10,
        atol=1e-6,
    )


def test_small_steps_of_a_float16_table_reach_their_accumulator():
    W = theano.shared(np.ones((NUM_ROWS, 2), "float16"), "W")
    x = T.ivector("x")
    rule = updates.adagrad((W[x] * np.float32(1e-3)).sum(), [W], learning_rate=0.1)
    (accumulator,) = [v for v in rule if v is not W]
    step = toy.function([x], updates=rule)
    step([2, 2])
    np.testing.assert_allclose(accumulator.get_value()[2], 4e-6, rtol=1e-3)
