"""Rows of different shapes, and values that are spread: the results without fusion"""

from collections import OrderedDict

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from fusion_checks import C, PYTHON, UNFUSED, assert_one_pass, nodes
from lasagne_sparse import updates as rules
from lasagne_sparse.ops import unique_rows
from lasagne_sparse.ops.rows.row_map import RowMap
from lasagne_sparse.ops.rows.row_update import RowUpdate

F64 = "float64"
i, j, y = T.lvector("i"), T.lvector("j"), T.dmatrix("y")
LOOKUPS = [1, 2, 1]

pytestmark = pytest.mark.usefixtures("host_only")


def shared(*shape, **kwargs):
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape) / 7
    return theano.shared(values, **kwargs)


def results(build, mode, inputs, arguments):
    outputs, updates = build()
    function = theano.function(
        inputs,
        outputs,
        updates=OrderedDict(updates),
        mode=mode,
        on_unused_input="ignore",
    )
    outputs = function(*arguments)
    tables = [table.get_value() for table in OrderedDict(updates)]
    return function, list(outputs) + tables


def same_without_fusion(build, inputs=(i, j), arguments=(LOOKUPS, [0, 3, 2])):
    """Returns the function that is compiled for C"""
    _, expected = results(build, UNFUSED, inputs, arguments)
    for mode in (PYTHON, C):
        function, found = results(build, mode, inputs, arguments)
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            np.testing.assert_allclose(one, other, rtol=1e-10)
    return function


# What is spread

VALUES = [(1, 3), (3, 1), (1, 1), (3, 3)]
WRITES = [
    lambda W: T.inc_subtensor(W[i], y),
    lambda W: T.inc_subtensor(W[i], -2 * y / 3.0),
    lambda W: T.inc_subtensor(W[i], T.exp(y) * y),
    lambda W: T.set_subtensor(W[i], y),
    lambda W: rules.add_rows(W, i, y)[W],
]


@pytest.mark.parametrize("write", WRITES)
def test_values_are_spread_as_an_increment_spreads_them(write):
    def build():
        W = shared(4, 3)
        return [], {W: write(W)}

    for shape in VALUES:
        value = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
        function = same_without_fusion(build, (i, y), (LOOKUPS, value))
        assert len(nodes(function, RowUpdate)) == 1


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (1, 1), (2, 3)])
def test_of_values_that_are_spread_each_is_summed_once(shape):
    """The sum over the units is that of the value, not of what it is spread to"""

    def build():
        W = shared(4, 3)
        rows, _ = unique_rows(i, 4)
        value = y * y.sum(axis=1).dimshuffle(0, "x")
        return [], {W: T.inc_subtensor(W[rows], value)}

    same_without_fusion(build, (i, y), (LOOKUPS, np.full(shape, 1.5)))


@pytest.mark.parametrize("pattern", [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1)])
def test_values_with_one_element_by_type_are_spread(pattern):
    value = T.TensorType(F64, [bool(b) for b in pattern])("value")
    shape = [1 if b else n for b, n in zip(pattern, (3, 3, 2))]

    def build():
        W = shared(4, 3, 2)
        return [], {W: T.inc_subtensor(W[i], value)}

    same_without_fusion(build, (i, value), (LOOKUPS, np.full(shape, 1.5)))


def test_a_row_for_all_is_read_before_the_rows_that_it_meets():
    def build():
        W, accu = shared(5, 3), shared(5)
        v = T.as_tensor_variable(np.array([1.0, 2.0, 3.0])) * T.cast(i.sum(), F64)

        def rule(loss_or_grads, params):
            (g,) = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
            return OrderedDict([(accu, accu + (v * g**2).sum(axis=1))])

        return [], rules.sparse(rule)((W[i] ** 2).sum(), [W])

    assert_one_pass(same_without_fusion(build), 1)


# Rows of one shape


@pytest.mark.parametrize("pattern", [(0, 0, 1), (0, 1, 0), (0, 1, 1)])
@pytest.mark.parametrize("rule", ["norm_constraint", "rowwise_adagrad"])
def test_an_axis_of_length_one_is_one_of_the_units(pattern, rule):
    shape = [1 if b else n for b, n in zip(pattern, (4, 3, 2))]

    def build():
        W = shared(*shape, broadcastable=[bool(b) for b in pattern])
        loss = T.sum(W[i] ** 2)
        if rule == "rowwise_adagrad":
            return [], rules.rowwise_adagrad(loss, [W], 0.1)
        updates = rules.sgd(loss, [W], 0.1)
        updates[W] = rules.norm_constraint(updates[W], 1.0, norm_axes=(1, 2))
        return [], updates

    assert_one_pass(same_without_fusion(build))


def factored(loss_or_grads, params):
    """One second moment for each row and head"""
    (p,), (g,) = params, lasagne.updates.get_or_compute_grads(loss_or_grads, params)
    a = theano.shared(np.zeros((6, 3, 1)), broadcastable=(False, False, True))
    new = a + T.mean(g**2, axis=2, keepdims=True)
    return OrderedDict([(a, new), (p, p - 0.1 * g / T.sqrt(new + 0.1))])


def by_rule():
    W = shared(6, 3, 2)
    return [], rules.sparse(factored)(T.sum(W[i] ** 2), [W])


def with_a_shared_scale():
    W, V, S = shared(6, 3), shared(6, 5), shared(6)
    scale = S[i].dimshuffle(0, "x")
    return [], {t: T.set_subtensor(t[i], t[i] * scale) for t in (W, V)}


def with_sums_of_other_rows(*shape):
    def build():
        U, V = shared(4, 3), shared(*shape)
        rows, _ = unique_rows(i, 4)
        scale = V[rows].sum(axis=1).dimshuffle(0, "x")
        return [], {U: T.inc_subtensor(U[rows], U[rows] * scale)}

    return build


def with_sums_of_shorter_rows():
    U = shared(4, 3, 2)
    V = shared(4, 3, 1, broadcastable=(False, False, True))
    rows, _ = unique_rows(i, 4)
    scale = V[rows].sum(axis=(1, 2)).dimshuffle(0, "x", "x")
    return [], {U: T.inc_subtensor(U[rows], U[rows] * V[rows] * scale)}


def products_of_sums(*shape):
    def build():
        U, V = shared(4, 3), shared(*shape)
        return [U[i].sum(axis=1) * V[j].sum(axis=1)], {}

    return build


@pytest.mark.parametrize(
    "build",
    [
        by_rule,
        with_a_shared_scale,
        with_sums_of_other_rows(6, 5),
        with_sums_of_other_rows(6, 1),
        with_sums_of_shorter_rows,
        products_of_sums(6, 5),
        products_of_sums(6, 1),
    ],
)
def test_rows_of_different_shapes_are_not_taken_for_rows_of_one(build):
    same_without_fusion(build)


def test_sums_of_rows_of_different_shapes_have_a_map_each():
    function = same_without_fusion(products_of_sums(6, 5))
    assert len(nodes(function, RowMap)) == 2


def test_an_accumulator_that_is_only_spread_to_has_a_pass_of_its_own():
    """Nothing says that its rows are as long as those of the table"""

    def build():
        W, accu = shared(4, 3), shared(4, 1)
        rows, _ = unique_rows(i, 4)
        step = accu[rows] + 1
        updates = [(accu, T.set_subtensor(accu[rows], step))]
        return [], updates + [(W, T.inc_subtensor(W[rows], step))]

    assert len(nodes(same_without_fusion(build), RowUpdate)) == 2


# Which rows


def two_tables(indices):
    W, V = shared(4, 2), shared(10, 2)
    w, v = W[indices], V[indices]
    updates = [(W, T.set_subtensor(w, w + v)), (V, T.set_subtensor(v, w * v))]
    return [], updates


@pytest.mark.parametrize("lookups", [[-1, 2, 1], [-1, -4], [0, 3]])
def test_negative_indices_count_from_the_end_of_each_table(lookups):
    same_without_fusion(lambda: two_tables(i), (i,), (lookups,))


def test_negative_indices_are_read_from_the_end_of_each_table():
    def build():
        W, V = shared(4, 2), shared(10, 2)
        return [], {W: T.set_subtensor(W[i], W[i] + V[i])}

    same_without_fusion(build, (i,), ([-1, 2, 1],))


def test_unsigned_indices_are_the_same_rows_of_all_tables():
    k = T.vector(dtype="uint8")
    function = same_without_fusion(lambda: two_tables(k), (k,), ([3, 0],))
    assert_one_pass(function, 2)


# What else broke


def test_a_function_that_numpy_does_not_have_is_computed_in_python():
    build = lambda: ([T.erf(shared(4, 3)[i]).sum()], {})  # noqa: E731
    assert nodes(same_without_fusion(build), RowMap)


@pytest.mark.parametrize("linker", ["py", "c|py"])
def test_a_graph_without_shapes_is_rewritten(linker):
    """Theano's ShapeOpt is a rewrite as others, and may be excluded"""
    mode = theano.Mode(linker, "fast_run").excluding("ShapeOpt")
    expected, found = [], []
    for chosen, values in ((UNFUSED, expected), (mode, found)):
        W, V = shared(4, 3), shared(4, 3)
        updates = rules.adagrad((W[i] ** 2).sum() + (V[i] * W[i]).sum(), [W, V])
        updates[W] = rules.norm_constraint(updates[W], 0.5, norm_axes=(1,))
        function = theano.function(
            [i], (W[i] * V[i]).sum(), updates=updates, mode=chosen
        )
        values.extend([function(LOOKUPS)] + [v.get_value() for v in updates])
        X = shared(4, 3)
        write = {X: T.inc_subtensor(X[i], 1.0)}
        theano.function([i], updates=OrderedDict(write), mode=chosen)(LOOKUPS)
        values.append(X.get_value())
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-10)
