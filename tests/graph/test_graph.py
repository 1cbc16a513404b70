"""Known constants, and operations that keep zeros zero"""

import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.graph import (
    constant_value,
    is_full_slice,
    is_zeros,
    table_of,
    value_at,
)

W = theano.shared(np.ones((3, 2)), "W")
g, s = T.dmatrix("g"), T.dscalar("s")


@pytest.mark.parametrize(
    "expression, value",
    [
        (T.constant(2.5), 2.5),
        (T.constant(np.full((2, 2), 3.0)), 3),
        (T.zeros_like(W), 0),
        (T.alloc(7.0, W.shape[0], 2), 7),
        (-T.ones_like(W) * 2 + 5, 3),
        (0 * W, 0),
        (T.zeros_like(W).dimshuffle(1, 0), 0),
        (T.constant(np.arange(4.0)), None),
        (W, None),
        (0 * W + s, None),
        (T.zeros_like(W) / 0.0, None),
    ],
)
def test_constant_value(expression, value):
    assert constant_value(expression) == value


def test_empty_constant_has_no_value():
    assert constant_value(T.constant(np.zeros((0, 2)))) is None


def test_zeros_are_told_from_other_constants():
    assert is_zeros(T.zeros_like(W))
    assert not is_zeros(T.ones_like(W))


def value_of_zeros(expression):
    """What an expression of `g` is where `g` is zero, if that is known"""
    node = expression.owner
    return value_at(node, [0 if v is g else constant_value(v) for v in node.inputs])


@pytest.mark.parametrize(
    "expression",
    [
        g * s,
        s * g,
        -g,
        g / s,
        g**2,
        T.sqrt(g),
        abs(g),
        T.sgn(g),
        T.clip(g, -1, 1),
        T.clip(g, 0, 1),
        T.clip(g, -s, s),
        T.maximum(g, -2.0),
        T.switch(T.constant(True), g, s),
        T.cast(g, "float32"),
    ],
)
def test_keeps_zeros(expression):
    assert value_of_zeros(expression) == 0


@pytest.mark.parametrize(
    "expression",
    [
        g + s,
        s - g,
        T.exp(g),
        T.clip(g, 1, 2),
        T.clip(g, s, 2 * s),
        T.maximum(g, 1.0),
        g / 0.0,
        s / g,
    ],
)
def test_does_not_keep_zeros(expression):
    assert value_of_zeros(expression) != 0


@pytest.mark.parametrize("subset", [W, W[[1]], W[0], W[:, [1]], W[T.imatrix()], W[1:]])
def test_table_of_a_subset(subset):
    assert table_of(subset) is W


@pytest.mark.parametrize("other", [2 * W, T.dmatrix()[[0]], None, 3])
def test_what_is_no_subset_has_no_table(other):
    assert table_of(other) is None


def test_full_slice():
    assert is_full_slice(slice(None))
    assert not is_full_slice(slice(1))
    assert not is_full_slice(s)


# --- Graphs that share their parts, and deep ones ----------------


def shared_steps(depth):
    """``h = tanh(h) * h`` again and again: 2 ** depth paths"""
    h = T.vector()
    for _ in range(depth):
        h = T.tanh(h) * h
    return h


@pytest.mark.parametrize("depth", [40, 3000])
def test_constants_are_looked_for_once_on_all_paths(depth):
    assert constant_value(shared_steps(depth)) is None


def test_number_that_python_cannot_compute_is_not_known():
    assert constant_value(T.zeros((3,)) ** -1) in (None, np.inf)
    assert constant_value(T.zeros((3,), "int32") ** T.constant(np.int8(-1))) is None


def test_copy_with_another_input_has_a_number_of_its_own():
    x = T.scalar()
    doubled = 2 * x
    assert constant_value(doubled) is None
    copy = theano.clone(doubled, replace={x: T.constant(3.0, dtype=x.dtype)})
    assert constant_value(copy) == 6
