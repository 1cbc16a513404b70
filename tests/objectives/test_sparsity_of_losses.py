"""Do losses of large vocabularies read and update the rows of a few classes alone?"""

import warnings

import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from devices import on_host
from lasagne_sparse import assert_sparse, objectives, updates
from lasagne_sparse.ops import UniqueRows
from lasagne_sparse.ops.rows.row_update import RowUpdate
from lasagne_sparse.samplers import LogUniformSampler, UnigramSampler, in_batch
from loss_pieces import LOSSES
from modes import compiling_with

NUM_CLASSES, NUM_UNITS, BATCH, SAMPLES = 300, 4, 6, 10


def in_batch_softmax(h, targets, W, b, sample):
    sampler = UnigramSampler(1 / np.arange(1.0, NUM_CLASSES + 1), seed=2)
    return objectives.in_batch_softmax(h, targets, W, b, sampler)


def joined(h, targets, W, b, sample):
    return objectives.bpr_max(h, targets, W, b, in_batch(targets).joined(sample))


OTHERS = {"in_batch_softmax": in_batch_softmax, "joined": joined}
NAMES = LOSSES + list(OTHERS)


def make(name, tied):
    """Returns inputs, the mean loss, and all parameters"""
    rng = np.random.RandomState(3)
    floatX = theano.config.floatX
    W = theano.shared(rng.randn(NUM_CLASSES, NUM_UNITS).astype(floatX), "W")
    b = theano.shared(np.zeros(NUM_CLASSES, floatX), "b")
    M = theano.shared(np.eye(NUM_UNITS, dtype=floatX), "M")
    x, targets = T.ivector("x"), T.ivector("targets")
    E = W if tied else theano.shared(W.get_value(), "E")
    h = T.tanh(T.dot(E[x], M))
    loss = OTHERS.get(name) or getattr(objectives, name)
    negatives = LogUniformSampler(NUM_CLASSES, seed=1).draw(SAMPLES)
    # not at the frequent classes alone, so that untouched rows lie between others
    negatives = lasagne_sparse.samplers.Sample(
        7 * negatives.classes % NUM_CLASSES,
        lambda k: T.zeros_like(k, dtype=floatX) + 0.5,
    )
    mean = loss(h, targets, W, b, negatives if name != "joined" else plain(negatives))
    return [x, targets], mean.mean(), [W, b, M] + [E] * (not tied), negatives.classes


def plain(sample):
    return lasagne_sparse.samplers.Sample(sample.classes)


def train(name, tied, rule, linker="py", without=()):
    """Compiles a step that also returns which classes were drawn"""
    inputs, loss, params, classes = make(name, tied)
    with warnings.catch_warnings():
        warnings.simplefilter("error", updates.SparsityWarning)
        changes = getattr(updates, rule)(loss, params, learning_rate=0.1)
    with compiling_with(linker=linker):
        mode = theano.compile.get_default_mode().excluding(*without)
        return theano.function(
            inputs, [loss, classes], mode=mode, updates=changes
        ), params


@pytest.mark.parametrize("rule", ["sgd", "adagrad", "adam"])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", ["sampled_softmax", "bpr_max"])
def test_steps_are_sparse_under_rules(name, tied, rule):
    step, params = train(name, tied, rule)
    assert_sparse(step, [p for p in params if p.name != "M"])


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("sampled_softmax",)])
def test_steps_of_all_losses_are_sparse(name):
    step, params = train(name, True, "adagrad")
    assert_sparse(step, [p for p in params if p.name != "M"])


@pytest.mark.parametrize("tied, linker", [(False, "py"), (True, "cvm")])
def test_only_true_sampled_and_looked_up_rows_change(tied, linker):
    step, (W, b, *_) = train("sampled_softmax", tied, "adam", linker)
    before = W.get_value(), b.get_value()
    x, targets = np.array([[250, 3, 9, 9, 3, 1], [8, 9, 251, 8, 40, 2]], "int32")
    _, classes = step(x, targets)
    read = set(targets) | set(classes)
    for table, old in zip((W, b), before):
        changed = np.asarray(table.get_value() != old).reshape(NUM_CLASSES, -1)
        wanted = read | set(x) if tied and table is W else read
        assert set(np.flatnonzero(changed.any(axis=1))) == wanted


def test_rows_of_all_lookups_of_a_table_are_coalesced_and_updated_once():
    with on_host():
        step, (W, b, *_) = train("sampled_softmax", True, "adam")
    nodes = step.maker.fgraph.toposort()
    written = [n for n in nodes if isinstance(n.op, RowUpdate)]
    assert len(written) == 2  # W and b, each with its accumulators
    rows = [n for n in nodes if isinstance(n.op, UniqueRows)]
    assert sorted(str(n.op) for n in rows) == [
        "UniqueRows{table='W'}",
        "UniqueRows{table='b'}",
    ]


def test_no_array_has_a_row_for_each_example_and_sample():
    with on_host():
        step, _ = train("sampled_softmax", False, "adagrad")
    assert all(v.ndim < 3 for n in step.maker.fgraph.toposort() for v in n.outputs)


def test_rewrites_change_no_number():
    results = []
    for without in ([], ["lasagne_sparse"]):
        step, params = train("sampled_softmax", True, "adagrad", without=without)
        x = np.array([5, 3, 9, 9, 3, 1], "int32")
        losses = [step(x, x[::-1])[0] for _ in range(3)]
        results.append([np.array(losses)] + [p.get_value() for p in params])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-5)


def test_target_out_of_range_changes_nothing():
    step, params = train("sampled_softmax", True, "adagrad")
    before = [p.get_value() for p in params]
    x = np.array([5, 3, 9, 9, 3, 1], "int32")
    with pytest.raises(IndexError, match="index 300 at position 2 .* table 'W'"):
        step(x, np.array([1, 2, 300, 4, 5, 6], "int32"))
    for param, old in zip(params, before):
        np.testing.assert_array_equal(param.get_value(), old)


def test_too_many_distinct_samples_change_nothing():
    W = theano.shared(np.ones((5, 2), theano.config.floatX), "W")
    sampler = LogUniformSampler(5, seed=1, name="s")
    size = T.lscalar()
    h = T.constant(np.ones((2, 2), theano.config.floatX))
    loss = objectives.nce(h, [0, 1], W, None, sampler.draw(size)).sum()
    with compiling_with(linker="py"):
        step = theano.function([size], loss, updates=updates.sgd(loss, [W], 1.0))
    with pytest.raises(ValueError, match="cannot draw 6 distinct classes of 5"):
        step(6)
    assert (W.get_value() == 1).all()
    assert sampler.states[0].get_value().tolist() == [1, 0, 0]
    step(5)
    assert (W.get_value() != 1).any()
