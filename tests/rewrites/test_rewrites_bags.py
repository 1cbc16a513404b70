"""Sums of lookups: no array of all their rows, forwards and backwards

Each spelling is compiled with the rewrites and without, over one rule that has the
gradient once, and one that needs its norm too; arrays are looked at when it runs.
"""

import ctypes

import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import DimshuffleLayer, GlobalPoolLayer, InputLayer, get_output
from lasagne_sparse.layers import EmbeddingBagLayer, EmbeddingLayer
from lasagne_sparse.ops import BagSum
from lasagne_sparse.updates import adagrad, sgd, total_norm_constraint
from toy import close, same_bits
from watching import watched

__all__ = []

pytestmark = pytest.mark.usefixtures("host_only")

FLOAT = theano.config.floatX
ROWS, UNITS, BATCH, LENGTH = 60, 7, 8, 9
#: Of ten rows alone: the distinct ones are fewer than an array of all lookups.
INDICES = np.random.RandomState(1).choice(np.arange(-4, 6), (BATCH, LENGTH))
MASK = np.random.RandomState(2).randint(0, 2, (BATCH, LENGTH)).astype(FLOAT)
TARGETS = np.random.RandomState(3).uniform(-1, 1, (BATCH, UNITS)).astype(FLOAT)
MIX = np.random.RandomState(4).uniform(-1, 1, (LENGTH, LENGTH)).astype(FLOAT)

x, mask, y = T.imatrix("x"), T.matrix("mask"), T.matrix("y")


def each(v):
    return v.dimshuffle(0, 1, "x")


def weights():
    """Of a layer, as far as the rewrites see"""
    return T.nnet.sigmoid(T.dot(mask, MIX))


def layer_of(W, **options):
    source = InputLayer((None, None), x)
    return get_output(EmbeddingBagLayer(source, ROWS, UNITS, W=W, **options))


def pooled(W):
    source = EmbeddingLayer(InputLayer((None, None), x), ROWS, UNITS, W=W)
    return get_output(GlobalPoolLayer(DimshuffleLayer(source, (0, 2, 1))))


MASKED = dict(mask_input=InputLayer((None, None), mask))
WEIGHTED = InputLayer((None, None), mask)
SPELLINGS = {
    "sum": lambda W: W[x].sum(axis=1),
    "mean": lambda W: W[x].mean(axis=1),
    "masked mean": lambda W: (
        (W[x] * each(mask)).sum(axis=1) / (1 + mask.sum(axis=1).dimshuffle(0, "x"))
    ),
    "divided lookups": lambda W: (-2 * W[x] / each(1 + mask)).sum(axis=1),
    "weights of a layer": lambda W: (each(weights()) * W[x]).sum(axis=1),
    "time first": lambda W: (W[x.T] * each(mask.T)).sum(axis=0),
    "several axes": lambda W: W[T.stack([x, x + 1], axis=2)].sum(axis=(1, 2)),
    "an axis between": lambda W: W[T.stack([x, -x], axis=2)].sum(axis=1).sum(axis=1),
    "all": lambda W: W[x].sum(axis=(0, 1)) + 0 * y,
    "pooling layer": pooled,
    "two bags": lambda W: W[x].sum(axis=1) * W[x[:, ::-1] + 1].mean(axis=1),
    "bag and lookup": lambda W: W[x].sum(axis=1) * W[x[:, 0]],
    "layer, sum": lambda W: layer_of(W, combiner="sum"),
    "layer, mean": lambda W: layer_of(W, padding_idx=2, **MASKED),
    "layer, sqrtn": lambda W: layer_of(W, combiner="sqrtn", weights=weights()),
    "layer, frozen": lambda W: layer_of(W, frozen_rows=[1, 2], **MASKED),
}


def clipped(loss, params):
    gradients = total_norm_constraint(theano.grad(loss, params), 3.0)
    return sgd(gradients, params, 0.1)


def stepped(W, output, rule, compile):
    """What a step gives and writes, from the same start"""
    loss = T.sum(T.sqr(output - y))
    updates = rule(loss, [W])
    by_mask = theano.grad(loss, mask, disconnected_inputs="ignore")
    function = compile([x, mask, y], [loss, by_mask], updates)
    before = [v.get_value() for v in updates]
    results = function(INDICES.astype("int32"), MASK, TARGETS)
    after = [v.get_value() for v in updates]
    for variable, value in zip(updates, before):
        variable.set_value(value)
    return results + after, function


def without(inputs, outputs, updates):
    mode = theano.Mode("py", "fast_run").excluding("lasagne_sparse")
    return theano.function(
        inputs, outputs, updates=updates, mode=mode, on_unused_input="ignore"
    )


@pytest.mark.parametrize("rule", [lambda g, p: adagrad(g, p, 0.1), clipped])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_array_of_all_lookups(spelling, rule):
    table = np.random.RandomState(5).uniform(-1, 1, (ROWS, UNITS)).astype(FLOAT)
    W = theano.shared(table, "W")
    output = SPELLINGS[spelling](W)
    sizes = {}

    def compile(inputs, outputs, updates):
        function, seen = watched(inputs, outputs, updates)
        sizes["of"] = seen
        return function

    ours, function = stepped(W, output, rule, compile)
    theirs, _ = stepped(W, output, rule, without)
    for one, other in zip(ours, theirs):
        close(one, other)
    too_large = BATCH * LENGTH * UNITS
    assert [str(n) for n, size in sizes["of"].items() if size >= too_large] == []
    assert any(isinstance(node.op, BagSum) for node in sizes["of"])
    lasagne_sparse.assert_sparse(function, [W])


def ops_of(outputs, updates=None):
    """The names of the Ops that are left"""
    function = watched([x, mask, y], outputs, updates)[0]
    return [type(node.op).__name__ for node in function.maker.fgraph.toposort()]


@pytest.mark.parametrize(
    "output",
    [
        lambda W: (W[x] * W[x]).sum(axis=1),  # two lookups
        lambda W: (W[x] * y.dimshuffle(0, "x", 1)).sum(axis=1),  # differs by unit
        lambda W: W[x].sum(axis=2),  # the units
        lambda W: T.sqr(W[x]).sum(axis=1),
        lambda W: T.tanh(W)[x].sum(axis=1),  # no table
        lambda W: W[x].reshape((8, 9, 7, 1)).sum(axis=1),  # other rows than the table's
        lambda W: W[x].max(axis=1),
        lambda W: T.cast(W, "float16")[x].sum(axis=1),
    ],
)
def test_stays_away(output):
    W = theano.shared(np.ones((ROWS, UNITS), FLOAT), "W")
    assert "BagSum" not in ops_of(output(W))


def test_gradient_of_a_whole_table_is_no_bag():
    W = theano.shared(np.ones((ROWS, UNITS), FLOAT), "W")
    gradient = theano.grad(T.sqr(W[x]).sum(), W)
    assert "BagSum" not in ops_of(T.sqr(gradient).sum())


def test_factor_of_another_shape_is_refused_still():
    W = theano.shared(np.ones((ROWS, UNITS), FLOAT), "W")
    function, _ = watched([x, mask], (W[x] * each(mask)).sum(axis=1))
    with pytest.raises((AssertionError, ValueError), match="shape|mis-match"):
        function(INDICES.astype("int32"), MASK.T)


def test_bad_index_changes_nothing():
    W = theano.shared(np.ones((ROWS, UNITS), FLOAT), "W")
    loss = T.sum(T.sqr(W[x].sum(axis=1) - y))
    function, _ = watched([x, y], loss, adagrad(loss, [W], 0.1))
    bad = INDICES.astype("int32")
    bad[3, 2] = ROWS
    with pytest.raises(IndexError, match="index 60 at position 29 .* table 'W'"):
        function(bad, TARGETS)
    same_bits(W.get_value(), np.ones((ROWS, UNITS), FLOAT))


def test_step_in_c_gives_the_same_bits_for_any_number_of_threads():
    W = theano.shared(np.random.RandomState(5).rand(500, 64).astype("float32"), "W")
    indices, s = T.imatrix(), T.fmatrix()
    loss = T.sum(T.sqr((W[indices] * each(s)).sum(axis=1)))
    step = theano.function([indices, s], updates=adagrad(loss, [W], 0.1))
    names = [type(node.op).__name__ for node in step.maker.fgraph.apply_nodes]
    assert names.count("BagSum") == names.count("RowUpdate") == 1
    batch = np.random.RandomState(6).randint(0, 500, (512, 40)).astype("int32")
    numbers = np.random.RandomState(7).rand(512, 40).astype("float32")
    variables = [v for v in step.get_shared() if v.ndim == 2]
    start = [v.get_value() for v in variables]
    results = []
    omp = ctypes.CDLL("libgomp.so.1")
    threads = omp.omp_get_max_threads()
    try:
        for number in (1, 2, 3):
            for variable, value in zip(variables, start):
                variable.set_value(value)
            omp.omp_set_num_threads(number)
            step(batch, numbers)
            results.append([v.get_value() for v in variables])
    finally:
        omp.omp_set_num_threads(threads)
    same_bits(results[0], results[1])
    same_bits(results[1], results[2])
