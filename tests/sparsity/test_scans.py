"""Gradients of lookups inside of scan against those that Theano adds up in the loop"""

import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import assert_sparse, updates
from lasagne_sparse.sparsity import out_of_scans
from pieces import sparsity_warnings
from theano.scan_module.scan_op import Scan
from toy import function, new_table

# On OpenCL Theano's scan asks arrays for CUDA's pointers; its C takes long to build.
pytestmark = pytest.mark.usefixtures("host_only", "no_c_in_scan")

FLOAT = theano.config.floatX
ROWS, UNITS = 9, 3
x, v, k = T.imatrix("x"), T.ivector("v"), T.ivector("k")
VALUES = {x: [[1, -2], [2, 5], [1, 1]], v: [1, 6, 1], k: [1, 3, 2]}


def weights(*shape):
    return np.random.RandomState(7).uniform(-1, 1, shape).astype(FLOAT)


def scan(step, *sequences, **kwargs):
    outputs, _ = theano.scan(step, sequences=list(sequences), **kwargs)
    return outputs


def recurrent(W, U):
    def step(i, h):
        return T.tanh(W[i] + T.dot(h, U) * W[i])

    return scan(step, x, outputs_info=[T.zeros((2, UNITS), FLOAT)])


def decoder(W, U):
    """A network that looks up what it said before"""

    def step(h):
        return T.tanh(h + W[T.argmax(T.dot(h, U), axis=1)])

    return scan(step, outputs_info=[T.constant(weights(2, UNITS))], n_steps=4)


def nested(W, U):
    def step(row):
        return scan(lambda i: T.tanh(W[i]), row).sum(axis=0)

    return scan(step, x)


LOOPS = {
    "a row a step": lambda W, U: scan(lambda i: W[i] ** 2, v),
    "rows a step": lambda W, U: scan(lambda i: W[i] ** 2, x),
    "two lookups a step": lambda W, U: scan(lambda i: W[i] * W[v].sum(axis=0), v),
    "elements": lambda W, U: scan(lambda i, j: W[i, j % UNITS] ** 2, x, x),
    "columns": lambda W, U: scan(lambda i: W[:, abs(i) % UNITS] ** 2, x),
    "recurrent": recurrent,
    "decoder": decoder,
    "nested": nested,
    "after a loop": lambda W, U: scan(lambda h, i: h * W[i], recurrent(W, U), x),
    "to and fro": lambda W, U: scan(lambda i: W[i] ** 2, v, go_backwards=True),
}


def loss_of(name, W, U):
    return T.sum(LOOPS[name](W, U) ** 2)


def compiled(outputs, **kwargs):
    kwargs.update(on_unused_input="ignore", mode="FAST_COMPILE")
    return theano.function(list(VALUES), outputs, **kwargs)


@pytest.mark.parametrize("name", sorted(LOOPS))
def test_gradients_are_what_they_were(name):
    W, U = new_table((ROWS, UNITS)), theano.shared(weights(UNITS, UNITS))
    before = theano.grad(loss_of(name, W, U), [W, U], disconnected_inputs="ignore")
    after = out_of_scans(before)
    assert after[0] is not before[0]
    assert [g.type for g in after] == [g.type for g in before]
    results = compiled([*before, *after])(*VALUES.values())
    for one, other in zip(results[:2], results[2:]):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(LOOPS))
def test_update_is_sparse(name):
    W, U = new_table((ROWS, UNITS)), theano.shared(weights(UNITS, UNITS))
    with sparsity_warnings() as caught:
        changes = updates.sgd(loss_of(name, W, U), [W], 0.1)
    assert not caught
    step = function(list(VALUES), updates=changes, on_unused_input="ignore")
    assert_sparse(step, [W])
    before = W.get_value()
    step(*VALUES.values())
    changed = W.get_value() != before
    assert changed.any()
    assert not changed.all()


def test_loops_of_what_is_dense_are_left_alone():
    W, U = new_table((ROWS, UNITS)), theano.shared(weights(UNITS, UNITS))
    output = scan(lambda row, h: T.tanh(row + T.dot(h, U)), W[x], outputs_info=[W[v]])
    before = theano.grad(T.sum(output), [W, U])
    assert out_of_scans(before) == before


@pytest.mark.parametrize(
    "step",
    [
        lambda W: lambda n: T.sum(W[:n] ** 2),
        lambda W: lambda n: T.sum(W[v[:n]] ** 2),
        lambda W: lambda n: T.sum(W[v[v > n]] ** 2),
        lambda W: lambda n: T.sum(W[n]) + T.sum(T.dot(W, W.T)),
    ],
    ids=["slice", "slice of indices", "mask", "all of it"],
)
def test_steps_without_one_number_of_rows_are_left_alone(step):
    W = new_table((ROWS, UNITS))
    before = theano.grad(T.sum(scan(step(W), k)), [W])
    assert out_of_scans(before) == before


def test_state_that_something_else_reads_is_left_alone():
    W = new_table((ROWS, UNITS))
    (gradient,) = theano.grad(T.sum(scan(lambda i: W[i] ** 2, v)), [W])
    all_steps = gradient.owner.inputs[0]
    before = [gradient, all_steps.sum()]
    assert out_of_scans(before) == before


def test_loop_is_built_once_for_all_gradients():
    W, U = new_table((ROWS, UNITS)), theano.shared(weights(UNITS, UNITS))
    before = theano.grad(T.sum(recurrent(W, U) ** 2), [W, U])
    step = compiled(out_of_scans(before))
    loops = [n for n in step.maker.fgraph.toposort() if isinstance(n.op, Scan)]
    assert len(loops) == 2  # forwards and backwards
