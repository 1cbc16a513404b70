"""Writes of rows that people spell by hand become one pass, at any indices"""

import numpy as np
import pytest
import theano.tensor as T
from lasagne_sparse import updates as rules
from lasagne_sparse.graph import without_transfers
from lasagne_sparse.ops import Gather, UniqueRows, unique_rows
from theano.tensor.subtensor import AdvancedSubtensor1

from fusion_checks import (
    PYTHON,
    UNFUSED,
    C,
    F32,
    assert_one_pass,
    batches,
    close,
    compiled,
    lookup,
    nodes,
    table,
)


def test_the_recipe_of_the_faq_adds_what_repeats(rng):
    W = table(rng, 8, 3)
    indices, g = T.bvector(), T.fmatrix()
    subset = W[indices]
    function = compiled(
        [indices, g], {W: T.inc_subtensor(subset, -0.1 * g * subset)}, C
    )
    assert_one_pass(function, 1)
    assert len(nodes(function, UniqueRows)) == 1
    w = W.get_value()
    for i, gradients in batches(rng, 8):
        function(i.astype("int8"), gradients)
        old = w.copy()
        for row, s in zip(i, gradients):
            w[row] -= 0.1 * s * old[row]
    close(W, w)


@pytest.mark.parametrize(
    "make, linear",
    [
        (lambda g, c: -c * g, True),
        (lambda g, c: g / c, True),
        (lambda g, c: -g, True),
        (lambda g, c: c / g, False),
        (lambda g, c: c * (c + g**2), False),
    ],
)
def test_what_is_computed_of_each_lookup_is_in_the_same_pass(rng, make, linear):
    """What scales each of them by one number scales their sum instead"""
    W = table(rng, 8, 3)
    indices, g, rate = T.ivector(), T.fmatrix(), T.fscalar()
    step = make(g, rate)
    if not linear:  # computed on the way only where it is known to have all rows
        step = step * W[indices]
    function = compiled([indices, g, rate], {W: T.inc_subtensor(W[indices], step)})
    node = assert_one_pass(function, 1)
    given = [without_transfers(v) for v in node.inputs]
    assert function.maker.fgraph.inputs[1] in given
    assert bool(node.op.program.sums) != linear
    w = W.get_value()
    for i, gradients in batches(rng, 8):
        function(i.astype("int32"), gradients, 0.5)
        old = w.copy()
        for row, gradient in zip(i, gradients):
            w[row] += make(gradient, 0.5) * (1 if linear else old[row])
    close(W, w)


@pytest.mark.parametrize("shape", [(), (3,), (1, 3)])
def test_one_step_for_all_is_added_once_per_lookup(rng, shape):
    W = table(rng, 8, 3)
    indices = T.ivector()
    step = T.TensorType(F32, [n == 1 for n in shape])()
    function = compiled([indices, step], {W: T.inc_subtensor(W[indices], step)})
    assert_one_pass(function, 1)
    w, value = W.get_value(), rng.uniform(size=shape).astype(F32)
    function([1, -1, 1], value)
    for row in (1, -1, 1):
        w[row] += value.reshape(-1)
    close(W, w)


def test_of_several_values_set_to_a_row_the_last_stays(rng):
    W, m = table(rng, 8, 3), table(rng, 8)
    # negative ones would mean other rows of a table of another length
    indices, y = T.vector(dtype="uint32"), T.fmatrix()
    updates = {
        W: T.set_subtensor(W[indices], T.sqr(y) + m[indices].dimshuffle(0, "x")),
        m: T.set_subtensor(m[indices], y.sum(axis=1)),
    }
    function = compiled([indices, y], updates, C)
    assert_one_pass(function, 2)
    w, v = W.get_value(), m.get_value()
    for i, values in batches(rng, 8):
        i = i % 8
        function(i.astype("uint32"), values)
        old = v.copy()
        for row, value in zip(i, values):
            w[row] = value**2 + old[row]
            v[row] = value.sum()
    close(W, w)
    close(m, v)


@pytest.mark.parametrize("write", [rules.add_rows, rules.set_rows])
def test_rows_are_added_and_set_in_one_pass(rng, write):
    W = table(rng, 8, 3)
    rows, values = T.ivector(), T.fmatrix()
    function = compiled([rows, values], write(W, rows, values))
    assert_one_pass(function, 1)
    assert len(nodes(function, AdvancedSubtensor1, Gather)) == 0
    w = W.get_value()
    for i, new in batches(rng, 8):
        function(i.astype("int32"), new)
        for row, value in zip(i, new):
            w[row] = value + (w[row] if write is rules.add_rows else 0)
    close(W, w)


@pytest.mark.parametrize("bad", [8, -9])
def test_a_bad_index_changes_nothing(rng, bad):
    W = table(rng, 8, 3, name="W")
    indices, g = T.ivector(), T.fmatrix()
    function = compiled([indices, g], {W: T.inc_subtensor(W[indices], g)})
    before = W.get_value()
    with pytest.raises(IndexError, match="index %d at position 1 .* table 'W'" % bad):
        function([1, bad], np.ones((2, 3), F32))
    np.testing.assert_array_equal(W.get_value(), before)


def test_a_gradient_that_does_not_fit_changes_nothing(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    rows, subset, G = lookup(W, indices, g)
    function = compiled([indices, g], {W: T.inc_subtensor(subset, G)}, C)
    assert_one_pass(function, 1)
    before = W.get_value()
    with pytest.raises(ValueError, match="rows of operand 0 have 2 elements"):
        function([1, 2], np.ones((2, 2), F32))
    np.testing.assert_array_equal(W.get_value(), before)


# Indices that are distinct by construction

DISTINCT = {
    "arange": lambda n: T.arange(n),
    "every second row": lambda n: T.arange(0, 2 * n, 2),
    "arange backwards": lambda n: T.arange(n - 1, -1, -1),
    "constants": lambda n: T.constant([5, 0, 3]),
    "some of the rows": lambda n: unique_rows(T.arange(n) - n, 8)[0][::-1],
}


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.parametrize("mode", [PYTHON, C])
def test_distinct_rows_need_not_be_made_distinct(rng, name, mode):
    num_rows = T.iscalar()
    indices = DISTINCT[name](num_rows)
    written = []
    for chosen in (UNFUSED, mode):
        rng.seed(3)
        W, m = table(rng, 8, 3), table(rng, 8, 3)
        updates = {
            W: T.set_subtensor(W[indices], W[indices] * m[indices] + 1),
            m: T.inc_subtensor(m[indices], W[indices]),
        }
        function = compiled([num_rows], updates, chosen)
        function(3)
        written.append([W.get_value(), m.get_value()])
    assert_one_pass(function, 2)
    made = nodes(function, UniqueRows)
    assert len(made) == (1 if name == "some of the rows" else 0)
    for one, other in zip(*written):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("num_rows", [9, 12])
def test_a_distinct_row_that_is_not_there_changes_nothing(rng, num_rows, host_only):
    W, n = table(rng, 8, 3), T.iscalar()
    before = W.get_value()
    for mode in (PYTHON, C):
        write = {W: T.inc_subtensor(W[T.arange(n)], 1)}
        with pytest.raises(IndexError):
            compiled([n], write, mode)(num_rows)
        np.testing.assert_array_equal(W.get_value(), before)


def test_rows_from_both_ends_are_made_distinct(rng):
    """-1 and 7 are one row"""
    W = table(rng, 8, 3)
    write = {W: T.inc_subtensor(W[T.constant([-1, 7])], 1)}
    function = compiled([], write)
    assert nodes(function, UniqueRows)
    expected = W.get_value()
    expected[7] += 2
    function()
    close(W, expected)
