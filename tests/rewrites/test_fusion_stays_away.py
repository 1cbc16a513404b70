"""Where writes of rows must not become one, or be careful, and what comes out"""

import numpy as np
import theano
import theano.tensor as T
from lasagne_sparse.ops import unique_rows
from lasagne_sparse.ops.rows.row_update import RowUpdate

from fusion_checks import (
    F32,
    PYTHON,
    UNFUSED,
    batches,
    close,
    compiled,
    lookup,
    nodes,
    rowwise,
    table,
)


def test_a_scatter_into_zeros_is_no_table(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    dense = T.inc_subtensor(T.zeros_like(W)[indices], g)
    function = compiled([indices, g], (), outputs=[dense * W])
    assert not nodes(function, RowUpdate)


def test_float16_is_left_alone(rng, host_only):
    W = table(rng, 8, 3, dtype="float16")
    rows = T.lvector()
    distinct, _ = unique_rows(rows, W.shape[0])
    updates = {W: T.inc_subtensor(W[distinct], np.float16(1))}
    function = compiled([rows], updates)
    assert not nodes(function, RowUpdate)
    w = W.get_value()
    function([1, 1])
    w[1] += 1
    np.testing.assert_array_equal(W.get_value(), w)


def test_a_value_that_waits_for_another_write_is_right(rng):
    W, m = table(rng, 8, 3), table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    new_m = T.inc_subtensor(m[rows], subset * G)
    step = G * m[rows] * T.sum(T.sqr(new_m))  # of all rows
    updates = {W: T.inc_subtensor(subset, step), m: new_m}
    function, plain = [
        compiled([indices, g], updates, mode) for mode in (PYTHON, UNFUSED)
    ]
    arguments = [1, 2, 1], np.ones((3, 3), F32)
    start, results = (W.get_value(), m.get_value()), []
    for f in (function, plain):
        W.set_value(start[0])
        m.set_value(start[1])
        f(*arguments)
        results.append((W.get_value(), m.get_value()))
    for fused, unfused in zip(*results):
        np.testing.assert_allclose(fused, unfused, rtol=1e-5)


def test_two_writes_to_the_same_rows_of_a_table_stay_apart(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    updates = {W: T.inc_subtensor(subset, G)}
    function = compiled([indices, g], updates, outputs=[T.set_subtensor(subset, G)[:3]])
    assert len(nodes(function, RowUpdate)) == 2
    w = W.get_value()
    (other,) = function([1, 2, 1], np.ones((3, 3), F32))
    expected = w.copy()
    expected[1], expected[2] = 2, 1
    np.testing.assert_array_equal(other, expected[:3])
    w[1] += 2
    w[2] += 1
    close(W, w)


def test_what_was_written_at_indices_that_repeat_is_read_back(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    read = T.inc_subtensor(W[indices], g)[indices]
    function = compiled([indices, g], (), outputs=[read])
    (read,) = function([1, 2, 1], np.ones((3, 3), F32))
    w = W.get_value()
    np.testing.assert_allclose(read, [w[1] + 2, w[2] + 1, w[1] + 2], rtol=1e-6)


def test_a_first_write_that_is_needed_too_stays(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    written = T.inc_subtensor(subset, G)
    updates = {W: T.set_subtensor(written[rows], 10 * written[rows])}
    function = compiled([indices, g], updates, outputs=[written[:3].sum(axis=1)])
    w = W.get_value()
    assert all(n.op.inplace for n in nodes(function, RowUpdate))
    (first,) = function([1, 2, 1], np.ones((3, 3), F32))
    w[1] += 2
    w[2] += 1
    np.testing.assert_allclose(first, w[:3].sum(axis=1), rtol=1e-6)
    w[1:3] *= 10
    close(W, w)


def test_old_rows_that_are_returned_are_the_old_ones(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    function = compiled(
        [indices, g], {W: T.inc_subtensor(subset, G)}, outputs=[W, W[:2].sum()]
    )
    w = W.get_value()
    old, total = function([1, 2, 1], np.ones((3, 3), F32))
    np.testing.assert_array_equal(old, w)
    np.testing.assert_allclose(total, w[:2].sum(), rtol=1e-5)
    # all of the old table is asked for, so a copy there must be
    assert nodes(function, RowUpdate)[0].op.inplace == ()


def test_only_the_table_that_must_stay_is_copied(rng):
    W, m = table(rng, 8, 3, name="W"), table(rng, 8, 3, name="m")
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    new_m = T.set_subtensor(m[rows], G * m[rows])
    updates = {W: T.inc_subtensor(subset, G * m[rows])}
    function = compiled([indices, g], updates, outputs=[new_m])
    (node,) = nodes(function, RowUpdate)
    in_place = [node.inputs[3 + i].name for i in node.op.inplace]
    assert in_place == ["W"]
    before = m.get_value()
    function([1, 2, 1], np.ones((3, 3), F32))
    np.testing.assert_array_equal(m.get_value(), before)


def test_without_the_rewrites_the_numbers_are_the_same(rng):
    W, history = table(rng, 8, 3), table(rng, 8)
    start = W.get_value(), history.get_value()
    inputs, updates = rowwise(rng, W, history)
    results = []
    for mode in (PYTHON, UNFUSED):
        function = compiled(inputs, updates, mode)
        assert bool(nodes(function, RowUpdate)) == (mode is PYTHON)
        W.set_value(start[0])
        history.set_value(start[1])
        for i, gradients in batches(np.random.RandomState(1), 8):
            function(i.astype("int32"), gradients)
        results.append((W.get_value(), history.get_value()))
    for fused, unfused in zip(*results):
        np.testing.assert_allclose(fused, unfused, rtol=1e-5)


def test_debug_mode_finds_nothing_wrong(rng, host_only):
    W, history = table(rng, 8, 3), table(rng, 8)
    inputs, updates = rowwise(rng, W, history)
    mode = theano.compile.DebugMode(check_preallocated_output="ALL")
    function = compiled(inputs, updates, mode)
    assert nodes(function, RowUpdate)
    i, gradients = next(batches(rng, 8))
    function(i.astype("int32"), gradients)


def test_the_new_node_knows_where_it_was_written(rng):
    W, history = table(rng, 8, 3), table(rng, 8)
    inputs, updates = rowwise(rng, W, history)
    function = compiled(inputs, updates)
    for output in nodes(function, RowUpdate)[0].outputs:
        assert any(
            "test_fusion" in entry[0] for trace in output.tag.trace for entry in trace
        )
