"""What scatters add up to: sums of sums, increments of increments, other lengths"""

import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.ops import UniqueRows, unique_rows
from lasagne_sparse.sparsity import row_gradient

NO_COMPILER = theano.Mode(linker="py", optimizer=None)

rng = np.random.RandomState(4)
W = theano.shared(rng.randn(6, 3), "W")
i, j, k = T.ivector("i"), T.lvector("j"), T.iscalar("k")
VALUES = {i: np.array([1, 4, -1, 1], "int32"), j: np.array([0, 4, 4]), k: np.int32(-2)}


def evaluated(*variables):
    f = theano.function(
        list(VALUES), variables, mode=NO_COMPILER, on_unused_input="ignore"
    )
    return f(*VALUES.values())


def by_i():
    return theano.grad((W[i] ** 3).sum(), W)


def by_j():
    return theano.grad((W[j] ** 2).sum(), W)


def on_top(base, step=lambda v: v):
    """An increment of rows of what is a gradient already"""
    return T.inc_subtensor(base[j], step(W[j]))


# name: (expression, the distinct rows that it touches)
EXPRESSIONS = {
    "a sum": (by_i() + by_j(), [0, 1, 4, 5]),
    "a sum, then a step": (T.clip(by_i() + by_j(), -1, 1), [0, 1, 4, 5]),
    "a step, then a sum": (T.clip(by_i(), -1, 1) + by_j(), [0, 1, 4, 5]),
    "an increment of an increment": (on_top(by_i()), [0, 1, 4, 5]),
    "an increment of a clipped one": (on_top(T.clip(by_i(), -1, 1)), [0, 1, 4, 5]),
    "a clipped increment of an increment": (
        T.clip(on_top(by_i()), -1, 1),
        [0, 1, 4, 5],
    ),
    "one row more": (T.inc_subtensor(by_i()[k], 5.0), [1, 4, 5]),
    "one row less": (T.set_subtensor(by_i()[1], 0.0), [1, 4, 5]),
    "one number for columns": (T.inc_subtensor(T.zeros_like(W)[:, 1:2], 1.0), [1]),
    "one number for rows": (T.inc_subtensor(T.zeros_like(W)[1:3], 1.0), [1, 2]),
    "one number for a column": (T.inc_subtensor(T.zeros_like(W)[:, 1], 1.0), [1]),
    "units of a slice": (T.inc_subtensor(T.zeros_like(W)[1:3], W[0]), [1, 2]),
    "a penalty of the rows": (by_i() + 2 * T.set_subtensor(by_j()[k], 0), [0, 1, 4, 5]),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_rows_and_values_are_those_of_the_whole(name):
    expression, rows = EXPRESSIONS[name]
    found = row_gradient(expression, W)
    whole, found_rows, scattered = evaluated(expression, found.rows, found.scatter())
    assert sorted(found_rows) == rows
    np.testing.assert_allclose(scattered, whole)


@pytest.mark.parametrize("name", ["a sum", "an increment of an increment"])
def test_sum_of_lookups_is_coalesced_at_once(name):
    found = row_gradient(EXPRESSIONS[name][0], W)
    nodes = theano.gof.graph.io_toposort([W, i, j, k], [found.rows, found.values])
    assert sum(isinstance(node.op, UniqueRows) for node in nodes) == 1
    sums = [n for n in nodes if type(n.op).__name__ == "AdvancedIncSubtensor1"]
    assert len(sums) == 1


def test_distinct_rows_counted_with_another_length_stay_what_they_are():
    """-1 is row 3 of 4, which is not row 5 of 6"""
    rows, inverse = unique_rows(i, 4)
    lookups = T.constant(np.array([-1]))
    gradient = theano.grad(W[rows][inverse].sum() + 2 * W[lookups].sum(), W)
    found = row_gradient(gradient, W)
    values = {i: np.array([-1, 0], "int32")}
    f = theano.function([i], [gradient, found.scatter()], mode=NO_COMPILER)
    whole, scattered = f(values[i])
    assert np.flatnonzero(whole.any(axis=1)).tolist() == [0, 3, 5]
    np.testing.assert_allclose(scattered, whole)


@pytest.mark.parametrize("row", [6, -7])
@pytest.mark.parametrize("edit", [T.set_subtensor, T.inc_subtensor])
def test_row_of_a_gradient_that_is_not_there_raises(edit, row):
    """Taken modulo the length of the table it would be another row"""
    gradient = edit(by_i()[row], 0.0)
    with pytest.raises(IndexError):
        evaluated(row_gradient(gradient, W).values)


def test_values_keep_a_dtype_above_that_of_the_table():
    table = theano.shared(np.ones((5, 1, 3), "float32"), broadcastable=(0, 1, 0))
    gradient = theano.grad((table[i] ** 2).sum(), table)
    doubled = T.switch(
        T.isnan(gradient), T.constant(0.1, dtype="float64") * table, gradient
    )
    assert doubled.dtype == "float64"
    found = row_gradient(doubled, table)
    assert found.scatter().dtype == "float64"


def test_building_is_linear_in_shared_steps():
    """The same sum for 2 ** 40 paths"""
    g = by_i()
    for _ in range(40):
        g = T.tanh(g) * g
    found = row_gradient(g, W)
    nodes = theano.gof.graph.io_toposort([W, i, j, k], [found.values])
    assert len(nodes) < 140


@pytest.mark.parametrize(
    "indices, distinct",
    [
        (T.arange(3), True),
        (T.arange(5)[::2], True),
        (T.constant([4, 0]), True),
        (T.constant([4, 0, 4]), False),
        (T.constant([-1, 0]), False),
        (T.arange(-1, 3), False),
        (j, False),
    ],
)
def test_rows_that_are_distinct_by_construction_are_taken_as_they_are(
    indices, distinct
):
    gradient = theano.grad((W[indices] ** 2).sum(), W)
    found = row_gradient(gradient, W)
    assert (found.rows is indices) == distinct
    whole, scattered = evaluated(gradient, found.scatter())
    np.testing.assert_allclose(scattered, whole)
