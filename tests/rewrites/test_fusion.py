"""Rules, and what is done to them, become one pass over the rows"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from devices import same_memory
from toy import EVERY_RULE
from lasagne_sparse import updates as rules
from lasagne_sparse.ops import unique_rows
from lasagne_sparse.ops.rows.row_update import RowUpdate
from theano.tensor.elemwise import CAReduce
from theano.tensor.subtensor import AdvancedIncSubtensor1, AdvancedSubtensor1

from fusion_checks import (
    C,
    F32,
    PYTHON,
    assert_one_pass,
    batches,
    close,
    coalesced,
    compiled,
    lookup,
    nodes,
    rowwise,
    table,
)


@pytest.mark.parametrize("name", EVERY_RULE)
def test_every_rule_is_one_pass(rng, name):
    W = table(rng, 6, 3)
    indices, g = T.ivector(), T.fmatrix()
    loss = (W[indices] * g).sum()
    learning_rate = T.fscalar()
    updates = getattr(rules, name)(loss, [W], learning_rate=learning_rate)
    function = compiled([indices, g, learning_rate], updates)
    expected = sum(v.ndim > 0 for v in updates)
    node = assert_one_pass(function, expected)
    assert not nodes(function, AdvancedSubtensor1)
    assert sum(o.kind == "summed" for o in node.op.program.operands) == 1


def clipped(loss, W):
    return rules.adam([T.clip(theano.grad(loss, W), -1, 1)], [W])


def with_total_norm(loss, W):
    gradients = rules.total_norm_constraint(theano.grad(loss, [W]), 5)
    return rules.adam(gradients, [W])


def with_norm(loss, W):
    updates = rules.adam(loss, [W])
    updates[W] = rules.norm_constraint(updates[W], 3, norm_axes=(1,))
    return updates


def with_norm_and_momentum(loss, W):
    return rules.apply_nesterov_momentum(with_norm(loss, W))


@pytest.mark.parametrize(
    "make", [clipped, with_total_norm, with_norm, with_norm_and_momentum]
)
@pytest.mark.parametrize("lookups", [1, 2])
def test_a_rule_and_what_is_done_to_it_are_one_pass(rng, make, lookups):
    W = table(rng, 6, 3)
    indices, g = [T.ivector(), T.ivector()][:lookups], T.fmatrix()
    loss = (sum(W[i] for i in indices) * g).sum()
    function = compiled(indices + [g], make(loss, W))
    assert_one_pass(function)
    assert not nodes(function, AdvancedSubtensor1)


def adam_row(state, t, g, rate=0.001, b1=0.9, b2=0.999, epsilon=1e-8):
    """Kingma and Ba (2014), Algorithm 1, in the form before Section 2.1's end."""
    w, m, v = state
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    step = rate * np.sqrt(1 - b2**t) / (1 - b1**t)
    return w - step * m / (np.sqrt(v) + epsilon), m, v


def test_adam_is_the_papers_algorithm_on_the_rows(rng):
    W = table(rng, 9, 3)
    indices, g = T.ivector(), T.fmatrix()
    updates = rules.adam((W[indices] * g).sum(), [W])
    function = compiled([indices, g], updates, C)
    tables = [v for v in updates if v.ndim]
    storage = [v.get_value(borrow=True, return_internal_type=True) for v in tables]
    state = [W.get_value().astype("float64")] + [np.zeros((9, 3)) for _ in "mv"]
    for t, (i, gradients) in enumerate(batches(rng, 9), 1):
        function(i.astype("int32"), gradients)
        for row, s in coalesced(i, gradients, 9).items():
            for array, new in zip(state, adam_row([a[row] for a in state], t, s)):
                array[row] = new
    assert len(tables) == 3
    for array in state:
        assert any(np.allclose(v.get_value(), array, 2e-5, 1e-6) for v in tables)
    for v, array in zip(tables, storage):
        assert same_memory(v.get_value(borrow=True, return_internal_type=True), array)


def test_a_history_of_one_number_per_row_is_in_the_same_pass(rng):
    W, history = table(rng, 8, 3), table(rng, 8)
    inputs, updates = rowwise(rng, W, history)
    function = compiled(inputs, updates, C)
    assert_one_pass(function, 2)
    assert not nodes(function, CAReduce)
    w, h = W.get_value(), history.get_value()
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients)
        for row, s in coalesced(i, gradients, 8).items():
            h[row] += (s**2).mean()
            w[row] -= 0.1 * s / np.sqrt(h[row] + 1e-6)
    close(W, w)
    close(history, h)


def test_a_constraint_on_the_norm_of_the_new_row_is_in_the_same_pass(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    written = T.inc_subtensor(subset, -G)
    new = written[rows]
    norm = T.sqrt(T.sum(T.sqr(new), axis=1, keepdims=True))
    new = new * (T.clip(norm, 0, 2) / (1e-7 + norm))
    function = compiled([indices, g], {W: T.set_subtensor(written[rows], new)}, C)
    assert_one_pass(function, 1)
    assert not nodes(function, CAReduce)
    w = W.get_value()
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients)
        for row, s in coalesced(i, gradients, 8).items():
            w[row] -= s
            w[row] *= min(np.sqrt((w[row] ** 2).sum()), 2) / (
                1e-7 + np.sqrt((w[row] ** 2).sum())
            )
    close(W, w)


def test_momentum_on_top_of_a_rule_is_in_the_same_pass(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    updates = rules.sgd((W[indices] * g).sum(), [W], learning_rate=0.5)
    updates = rules.apply_momentum(updates, momentum=0.9)
    function = compiled([indices, g], updates)
    assert_one_pass(function, 2)
    w, velocity = W.get_value(), np.zeros((8, 3))
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients)
        for row, s in coalesced(i, gradients, 8).items():
            velocity[row] = 0.9 * velocity[row] - 0.5 * s
            w[row] += velocity[row]
    close(W, w)


@pytest.mark.parametrize(
    "outer, inner",
    [
        (T.inc_subtensor, T.inc_subtensor),
        (T.inc_subtensor, T.set_subtensor),
        (T.set_subtensor, T.inc_subtensor),
    ],
)
def test_a_write_on_top_of_a_write_is_one_pass(rng, outer, inner):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    written = inner(subset, 2 * G)
    function = compiled([indices, g], {W: outer(written[rows], written[rows] * G)})
    assert_one_pass(function, 1)
    w = W.get_value()
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients)
        for row, s in coalesced(i, gradients, 8).items():
            first = 2 * s + (w[row] if inner is T.inc_subtensor else 0)
            w[row] = first * s + (first if outer is T.inc_subtensor else 0)
    close(W, w)


def test_two_lookups_of_one_table_are_one_pass(rng):
    W = table(rng, 8, 3)
    one, two, g, h = T.ivector(), T.ivector(), T.fmatrix(), T.fmatrix()
    rows, subset, G = lookup(W, T.concatenate([one, two]), g, h)
    function = compiled([one, two, g, h], {W: T.inc_subtensor(subset, T.sqr(G))}, C)
    (operand,) = assert_one_pass(function, 1).op.program.operands
    assert operand == ("summed", "unit", 2)
    w = W.get_value()
    for i, gradients in batches(rng, 8):
        function(
            i[:3].astype("int32"), i[3:].astype("int32"), gradients[:3], gradients[3:]
        )
        for row, s in coalesced(i, gradients, 8).items():
            w[row] += s**2
    close(W, w)


def test_columns_of_a_table_are_one_pass(rng):
    W = table(rng, 3, 8)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W.T, indices, g)
    function = compiled([indices, g], {W: T.inc_subtensor(subset, T.sqr(G)).T}, C)
    assert_one_pass(function, 1)
    w, storage = W.get_value(), W.get_value(borrow=True, return_internal_type=True)
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients)
        for column, s in coalesced(i, gradients, 8).items():
            w[:, column] += s**2
    close(W, w)
    assert same_memory(storage, W.get_value(borrow=True, return_internal_type=True))


@pytest.mark.parametrize("mode", [PYTHON, C])
def test_tables_of_rank_three_and_mixed_dtypes_are_one_pass(rng, mode):
    W, m = table(rng, 8, 2, 3), table(rng, 8, 2, 3, dtype="float64")
    indices, g, bias = T.ivector(), T.ftensor3(), T.fvector()
    rows, subset, G = lookup(W, indices, g)
    new = 0.5 * m[rows] + G / T.mean(T.abs_(G), axis=(1, 2), keepdims=True)
    updates = {
        W: T.inc_subtensor(subset, T.cast(new, F32) * bias),
        m: T.set_subtensor(m[rows], new),
    }
    function = compiled([indices, g, bias], updates, mode)
    assert_one_pass(function, 2)
    w, v = W.get_value(), m.get_value()
    for i, gradients in batches(rng, 8, num_units=6):
        gradients = gradients.reshape(-1, 2, 3)
        factors = rng.uniform(1, 2, 3).astype(F32)
        function(i.astype("int32"), gradients, factors)
        for row, s in coalesced(i, gradients, 8).items():
            v[row] = 0.5 * v[row] + s / np.abs(s).mean()
            w[row] += v[row] * factors
    close(W, w)
    close(m, v)
    assert W.get_value().dtype == F32


@pytest.mark.parametrize("value", [0.0, np.arange(3, dtype=F32)])
def test_a_constant_or_a_vector_may_be_set(rng, value):
    W = table(rng, 8, 3)
    indices = T.ivector()
    rows, _ = unique_rows(indices, W.shape[0])
    vector = T.fvector()
    written = vector if np.ndim(value) else value
    function = compiled([indices, vector], {W: T.set_subtensor(W[rows], written)}, C)
    assert_one_pass(function, 1)
    w = W.get_value()
    function([2, -1, 2], np.arange(3, dtype=F32))
    w[[2, -1]] = value
    close(W, w)


def test_equal_new_rows_reach_both_tables(rng):
    W, m, n = [table(rng, 8, 3) for _ in range(3)]
    rows, _ = unique_rows(T.constant([1, 2, 1]), W.shape[0])
    updates = {
        W: T.set_subtensor(W[rows], W[rows] + m[rows] + n[rows]),
        n: T.set_subtensor(n[rows], W[rows] + m[rows] + n[rows]),
        m: T.inc_subtensor(m[rows], np.float32(1)),
    }
    new = W.get_value() + m.get_value() + n.get_value()
    function = compiled([], updates, C)
    assert_one_pass(function, 3)
    function()
    for v in (W, n):
        np.testing.assert_allclose(v.get_value()[1:3], new[1:3], rtol=1e-6)


def test_an_old_row_is_there_until_the_last_loop_that_reads_it(rng):
    W, m = table(rng, 8, 3), table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    norm = T.sqrt(T.sum(T.sqr(G), axis=1, keepdims=True))
    updates = {
        W: T.inc_subtensor(subset, m[rows] / norm),
        m: T.set_subtensor(m[rows], m[rows] * 2 + T.sqr(G)),
    }
    function = compiled([indices, g], updates, C)
    assert len(assert_one_pass(function, 2).op.program.buffers) == 1
    w, v = W.get_value(), m.get_value()
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients)
        for row, s in coalesced(i, gradients, 8).items():
            w[row] += v[row] / np.sqrt((s**2).sum())
            v[row] = v[row] * 2 + s**2
    close(W, w)
    close(m, v)


def test_independent_tables_have_a_pass_each(rng):
    W, m = table(rng, 8, 3), table(rng, 8, 2)
    indices, g, h = T.ivector(), T.fmatrix(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    inverse = rows.owner.outputs[1]
    H = T.inc_subtensor(T.zeros_like(m[rows])[inverse], h)
    updates = {W: T.inc_subtensor(subset, G), m: T.inc_subtensor(m[rows], H)}
    function = compiled([indices, g, h], updates)
    assert len(nodes(function, RowUpdate)) == 2
    assert not nodes(function, AdvancedIncSubtensor1)


def test_what_others_need_too_is_computed_for_them(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    step = -0.1 * G * T.sqrt(T.sum(T.sqr(G)))
    function = compiled(
        [indices, g], {W: T.inc_subtensor(subset, step)}, outputs=[step]
    )
    operands = assert_one_pass(function, 1).op.program.operands
    assert "summed" not in [o.kind for o in operands]  # not added up twice
    w = W.get_value()
    i, gradients = next(batches(rng, 8))
    (returned,) = function(i.astype("int32"), gradients)
    sums = coalesced(i, gradients, 8)
    norm = np.sqrt(sum((s**2).sum() for s in sums.values()))
    for k, (row, s) in enumerate(sums.items()):
        np.testing.assert_allclose(returned[k], -0.1 * s * norm, rtol=1e-5)
        w[row] -= 0.1 * s * norm
    close(W, w)
