"""What the tests of fused updates share: tables, modes, and the plain loop"""

from collections import OrderedDict

import numpy as np
import theano
import theano.tensor as T
from lasagne_sparse.ops import unique_rows
from lasagne_sparse.ops.rows.row_update import RowUpdate
from theano.tensor.subtensor import AdvancedIncSubtensor1

__all__ = [
    "C",
    "F32",
    "PYTHON",
    "UNFUSED",
    "assert_one_pass",
    "batches",
    "close",
    "coalesced",
    "compiled",
    "lookup",
    "nodes",
    "rowwise",
    "table",
]

F32 = "float32"
# Graphs are looked at, and small numbers computed, without a compiler.
PYTHON = theano.Mode("py", "fast_run")
C = theano.Mode("c|py", "fast_run")
UNFUSED = theano.Mode("py", "fast_run").excluding("lasagne_sparse")


def table(rng, *shape, **kwargs):
    dtype = kwargs.pop("dtype", F32)
    return theano.shared(rng.uniform(0.5, 1.5, shape).astype(dtype), **kwargs)


def lookup(W, indices, *gradients):
    """What the symbolic half writes: the rows, and their coalesced gradient."""
    rows, inverse = unique_rows(indices, W.shape[0])
    subset = W[rows]
    gradient = gradients[0] if len(gradients) == 1 else T.concatenate(gradients)
    return rows, subset, T.inc_subtensor(T.zeros_like(subset)[inverse], gradient)


def compiled(inputs, updates, mode=PYTHON, outputs=(), **kwargs):
    return theano.function(
        inputs,
        list(outputs),
        updates=OrderedDict(updates),
        mode=mode,
        on_unused_input="ignore",
        **kwargs,
    )


def nodes(function, *ops):
    return [n for n in function.maker.fgraph.toposort() if isinstance(n.op, ops)]


def assert_one_pass(function, num_tables=None, left=()):
    """One RowUpdate, in place for all of its tables, and nothing beside it."""
    (node,) = nodes(function, RowUpdate)
    if num_tables is not None:
        assert len(node.outputs) == num_tables
    assert node.op.inplace == tuple(range(len(node.outputs)))
    assert not nodes(function, AdvancedIncSubtensor1)
    return node


def coalesced(indices, gradients, num_rows):
    """The plain loop: {row: summed gradient}, in the order of first appearance."""
    sums = OrderedDict()
    for i, g in zip(indices, gradients):
        row = int(i) % num_rows
        sums[row] = sums.get(row, 0) + g.astype("float64")
    return sums


def rowwise(rng, W, history):
    """A rule with one number per row, by hand: its inputs and updates"""
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    new = history[rows] + T.mean(T.sqr(G), axis=1)
    step = -0.1 * G / T.sqrt(new + 1e-6).dimshuffle(0, "x")
    updates = OrderedDict(
        [
            (W, T.inc_subtensor(subset, step)),
            (history, T.set_subtensor(history[rows], new)),
        ]
    )
    return [indices, g], updates


def batches(rng, num_rows, num_lookups=7, num_units=3, times=3):
    for _ in range(times):
        indices = rng.randint(-num_rows, num_rows, num_lookups)
        indices[-1] = indices[0]
        yield indices, rng.uniform(-1, 1, (num_lookups, num_units)).astype(F32)


def close(shared, expected):
    value = shared.get_value()
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)
