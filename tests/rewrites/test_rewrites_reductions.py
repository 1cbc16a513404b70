"""The rewrite of sums over a gradient: what it makes of them, and where it does not"""

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from graph_text import compile_to_python, text_of
from lasagne_sparse.ops import SegmentSum, UniqueRows, unique_rows
from lasagne_sparse.ops.total import Total
from theano.gof.opt import check_stack_trace
from theano.tensor.subtensor import AdvancedIncSubtensor1

X, Z = T.ivector("x"), T.ivector("z")
LOOKUPS = [3, -1, 9, 3], [0, 9]


pytestmark = pytest.mark.usefixtures("host_only")


@pytest.fixture
def table(rng):
    return theano.shared(rng.randn(10, 3).astype("float32"), name="W")


def one_lookup(table):
    return theano.grad((table[X] ** 2).sum() + 0 * Z.sum(), table)


def two_lookups(table):
    return theano.grad((table[X] ** 2).sum() + (table[Z] ** 3).sum(), table)


def through_subset(table):
    rows, inverse = unique_rows(X, table.shape[0], "W")
    return theano.grad((table[rows][inverse] ** 2).sum() + 0 * Z.sum(), table)


def of_columns(table):
    return theano.grad((table[:, X % 3] ** 2).sum() + 0 * Z.sum(), table)


GRADIENTS = [one_lookup, two_lookups, through_subset, of_columns]


def compiled(output, **kwargs):
    return compile_to_python([X, Z], output, on_unused_input="ignore", **kwargs)


def check(output):
    """Asserts that nothing is scattered, and that the number is the same"""
    ours = compiled(output)
    ops = [type(node.op) for node in ours.maker.fgraph.apply_nodes]
    assert AdvancedIncSubtensor1 not in ops
    plain = compiled(output, excluding=["lasagne_sparse"])
    plain_ops = [type(node.op) for node in plain.maker.fgraph.apply_nodes]
    assert AdvancedIncSubtensor1 in plain_ops
    np.testing.assert_allclose(ours(*LOOKUPS), plain(*LOOKUPS), rtol=1e-5)
    np.testing.assert_allclose(ours([], []), plain([], []), rtol=1e-5)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_square_is_summed_over_the_rows_looked_up(table, gradient):
    check(T.sum(gradient(table) ** 2))


@pytest.mark.parametrize(
    "reduce",
    [
        lambda g, w: abs(g).sum(),
        lambda g, w: (T.clip(g, -1, 1) ** 2).sum(),
        lambda g, w: T.sqrt(T.sum((0.5 * g) ** 2)),
        lambda g, w: (g * w).sum(),
        lambda g, w: T.switch(T.isnan(g), 0, g).sum(),
        lambda g, w: (g**2).mean(),
        lambda g, w: (g**2).sum(axis=0),
        lambda g, w: (g * w[0]).sum(axis=0),
        lambda g, w: T.isnan(g).any(),
        lambda g, w: T.ge(g, -9).all(),
        lambda g, w: g.norm(2),
        lambda g, w: g.max(),
        lambda g, w: (g - 9).max(axis=0),
        lambda g, w: T.minimum(g, 3).min(),
        lambda g, w: (g * T.dot(w, T.eye(3))).sum(),
    ],
)
def test_what_makes_zero_of_zero(table, reduce):
    check(reduce(one_lookup(table), table))


@pytest.mark.parametrize(
    "reduce",
    [
        lambda g, w: T.exp(g).sum(),
        lambda g, w: (g + 1).sum(),
        lambda g, w: (g + w).sum(),
        lambda g, w: (g * T.cumsum(w, axis=0)).sum(),
        lambda g, w: T.argmax(g),
        lambda g, w: T.set_subtensor(T.zeros_like(w)[X], w[X]).sum(),
        lambda g, w: T.inc_subtensor(w[X], w[X]).sum(),
        lambda g, w: T.isnan(g).all(),
        lambda g, w: T.eq(g, 0).any(),
    ],
)
def test_what_needs_all_rows_stays(table, reduce):
    output = reduce(one_lookup(table), table)
    ours, plain = compiled(output), compiled(output, excluding=["lasagne_sparse"])
    ops = [type(node.op) for node in ours.maker.fgraph.apply_nodes]
    assert SegmentSum not in ops
    np.testing.assert_allclose(ours(*LOOKUPS), plain(*LOOKUPS), rtol=1e-5)


def test_constant_as_large_as_the_table_keeps_its_size():
    """It is broadcast against one number a row: three units, not one"""
    v = T.vector()
    g = T.inc_subtensor(T.zeros((5,))[X], v)
    output = T.maximum(g.dimshuffle(0, "x"), T.zeros((5, 3))).sum()
    both = [
        compile_to_python([X, v], output, excluding=excluding)([1, 2], [1, 2])
        for excluding in ([], ["lasagne_sparse"])
    ]
    assert both == [9, 9]


def test_sum_over_units_keeps_its_rows(table):
    output = (one_lookup(table) ** 2).sum(axis=1)
    assert compiled(output)(*LOOKUPS).shape == (10,)


def test_gradient_and_clipped_gradient_in_one_sum(table):
    """Two scatters with different steps before the sum"""
    g, h = one_lookup(table), theano.grad((table[Z] ** 3).sum(), table)
    output = T.sum((T.clip(g, -1, 1) + h) ** 2)
    ours, plain = compiled(output), compiled(output, excluding=["lasagne_sparse"])
    assert any(isinstance(n.op, UniqueRows) for n in ours.maker.fgraph.apply_nodes)
    np.testing.assert_allclose(ours(*LOOKUPS), plain(*LOOKUPS), rtol=1e-5)


def test_graph_of_one_lookup(table):
    (output,) = compiled(T.sum(one_lookup(table) ** 2)).maker.fgraph.outputs
    unique = "UniqueRows{W}.%d(x, Shape_i(W))"
    sums = "SegmentSum(%s, %s, RowMap{W}(x, W))" % (unique % 2, unique % 3)
    assert text_of(output).replace("sqr(", "Sqr(") == "Total(Sqr(%s))" % sums


def test_distinct_rows_are_found_once(table):
    """The norm uses what the update has coalesced"""
    rows, inverse = unique_rows(X, table.shape[0], "W")
    subset = table[rows]
    loss = (subset[inverse] ** 2).sum()
    (clipped,) = [
        theano.grad(loss, subset) / T.sqrt(T.sum(theano.grad(loss, table) ** 2))
    ]
    nodes = compiled(clipped).maker.fgraph.apply_nodes
    assert sum(isinstance(n.op, UniqueRows) for n in nodes) == 1
    assert sum(isinstance(n.op, SegmentSum) for n in nodes) == 1


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_total_norm_constraint_of_lasagne(table, gradient):
    _, norm = lasagne.updates.total_norm_constraint(
        [gradient(table)], 1.0, return_norm=True
    )
    check(norm)


def test_index_out_of_range_is_still_found(table):
    f = compiled(T.sum(one_lookup(table) ** 2))
    with pytest.raises(IndexError, match="table 'W' with 10 rows"):
        f([3, 10], [])


def test_new_nodes_tell_where_they_come_from(table):
    f = compiled(T.sum(one_lookup(table) ** 2))
    assert check_stack_trace(f, ops_to_check=Total)
