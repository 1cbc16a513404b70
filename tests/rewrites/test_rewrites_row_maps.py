"""The rewrite that puts RowMap in: when it does, when not, and what comes out"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from graph_text import text_of
from lasagne_sparse import updates as rules
from lasagne_sparse.ops import Gather
from lasagne_sparse.ops.rows.row_map import RowMap
from theano.configparser import change_flags
from theano.gof.opt import check_stack_trace
from theano.ifelse import ifelse
from theano.tensor.elemwise import CAReduce, Elemwise

PYTHON = theano.Mode("py", "fast_run")
C = theano.Mode("c|py", "fast_run")
PLAIN = theano.Mode("py", "fast_run").excluding("lasagne_sparse")

pytestmark = pytest.mark.usefixtures("host_only")


@pytest.fixture
def W(rng):
    return theano.shared(rng.uniform(0.5, 1.5, (8, 3)).astype("float32"), "W")


@pytest.fixture
def V(rng):
    return theano.shared(rng.uniform(0.5, 1.5, (6, 3)).astype("float32"), "V")


@pytest.fixture
def bias(rng):
    return theano.shared(rng.uniform(0.5, 1.5, 8).astype("float32"), "bias")


I, J, Y, X = T.ivector("i"), T.lvector("j"), T.fvector("y"), T.fmatrix("x")
ROWS = np.array([3, -1, 3, 0, 7], "int32")
OTHERS = np.array([5, 0, -6, 2, 2])


def values_of(variable, rng):
    known = {I: ROWS, J: OTHERS}
    if variable in known:
        return known[variable]
    shape = (5,) if variable.ndim == 1 else (5, 3)
    return rng.uniform(-1, 1, shape).astype("float32")


def nodes(function, *ops):
    return [n for n in function.maker.fgraph.toposort() if isinstance(n.op, ops)]


def check(rng, inputs, outputs, mode=C):
    """Compiles, compares with the graph without our rewrites; returns the function."""
    with change_flags(on_opt_error="raise"):
        function = theano.function(inputs, outputs, mode=mode)
    plain = theano.function(inputs, outputs, mode=PLAIN)
    values = [values_of(v, rng) for v in inputs]
    for one, other in zip(function(*values), plain(*values)):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    return function


def assert_one_map(function, left=()):
    """One RowMap, and no gather or array of rows beside it"""
    (node,) = nodes(function, RowMap)
    assert not nodes(function, Gather, CAReduce)
    assert [type(n.op.scalar_op).__name__ for n in nodes(function, Elemwise)] == list(
        left
    )
    return node


@pytest.mark.parametrize("mode", [PYTHON, C], ids=["python", "c"])
def test_a_dot_product_of_two_lookups_is_one_map(rng, W, V, mode):
    function = check(rng, [I, J], [(W[I] * V[J]).sum(axis=1)], mode)
    assert len(assert_one_map(function).outputs) == 1


def test_rows_that_something_else_needs_are_an_output(rng, W, V):
    product = W[I] * V[J]
    function = check(rng, [I, J], [product.sum(axis=1), W[I]])
    assert len(assert_one_map(function).outputs) == 2


def test_a_loss_is_summed_in_the_same_pass(rng, W, V, bias):
    error = (W[I] * V[J]).sum(axis=1) + bias[I] - Y
    function = check(rng, [I, J, Y], [T.sum(error**2), error])
    assert assert_one_map(function).op.tables == ("W", "V", "bias")


def test_a_sum_of_all_elements_is_summed_in_the_same_pass(rng, W):
    function = check(rng, [I, X], [T.sum((W[I] - X) ** 2), W[I] - X])
    assert assert_one_map(function).op.program.totals == ("float32",)


def test_a_sum_over_units_is_used_per_unit(rng, W):
    """Rows of unit length: the second loop waits for the first"""
    rows = W[I]
    unit = rows / T.sqrt((rows**2).sum(axis=1, keepdims=True))
    function = check(rng, [I, X], [T.tanh(unit) - X, T.sum(unit * X)])
    assert_one_map(function)


def test_what_is_the_same_for_all_lookups_takes_part(rng, W):
    row, number = theano.shared(np.ones((1, 3), "float32")), T.fscalar()
    scaled = T.addbroadcast(row, 0) * number * W[I]
    function = theano.function([I, number], scaled, mode=C)
    # the product of the row and the number is computed once
    assert_one_map(function, left=["Mul"])
    np.testing.assert_allclose(function(ROWS, 2), 2 * W.get_value()[ROWS])


def test_one_row_for_all_lookups_is_no_lookup_of_each(rng, W):
    """``W[[3]]`` has one row by its type, which NumPy's rules repeat"""
    function = check(rng, [I, X], [W[[3]] * X, (W[[3]] * W[I]).sum(axis=1)])
    assert nodes(function, RowMap)


def test_a_number_of_each_lookup_times_a_row_for_all(rng, bias):
    """No operand has a row of each lookup to tell the shape of the outcome"""
    row = T.addbroadcast(theano.shared(np.ones((1, 3), "float32")), 0)
    outer = bias[I].dimshuffle(0, "x") * row
    check(rng, [I], [outer, outer.sum(axis=1), outer.sum()])
    check(rng, [I, X], [outer * X, bias[I] * 2])


def test_tables_of_rank_three_and_mixed_dtypes(rng):
    one = theano.shared(rng.uniform(size=(8, 2, 3)).astype("float32"))
    other = theano.shared(rng.uniform(size=(6, 2, 3)))
    product = one[I] * other[J]
    function = check(rng, [I, J], [product, product.sum(axis=(1, 2)), product.sum()])
    assert_one_map(function)


def test_columns_are_rows_of_the_transposed_table(rng, W):
    columns = W.T[J % 3]
    function = check(rng, [J], [T.sqr(columns), columns.sum()])
    assert nodes(function, RowMap)


def test_a_lookup_alone_stays_a_gather(rng, W):
    function = check(rng, [I], [W[I]])
    assert not nodes(function, RowMap)
    function = check(rng, [I], [W[I].dimshuffle(0, "x", 1)])
    assert not nodes(function, RowMap)


def test_what_waits_for_something_else_is_left_out(rng, W):
    """The softmax needs the product and the last sum needs both: no circle"""
    product = W[I] * X
    function = check(rng, [I, X], [(product * T.nnet.softmax(product)).sum(axis=1)])
    (node,) = nodes(function, RowMap)
    assert len(node.outputs) == 1


def test_lookups_that_wait_for_something_else_are_left_out(rng, W, V):
    """Indices that are computed of rows"""
    rows = T.cast(T.argmax(W[I] * X, axis=1), "int32")
    function = check(rng, [I, X], [W[I] * X + V[rows]])
    assert nodes(function, RowMap)


def test_lookups_that_never_meet_are_two_maps(rng, W, V):
    function = check(rng, [I, J], [T.sqr(W[I]), T.tanh(V[J])])
    assert len(nodes(function, RowMap)) == 2


def test_only_the_branch_of_an_ifelse_that_is_taken_looks_up(W, V):
    which = T.iscalar()
    rows = W[I]
    branches = ifelse(which, (rows * V[J]).sum(), rows.sum())
    lazy = theano.Mode("vm", "fast_run")
    function = theano.function([which, I, J], branches, mode=lazy)
    expected = W.get_value()[ROWS].sum()
    np.testing.assert_allclose(function(0, ROWS, OTHERS + 100), expected, rtol=1e-5)
    with pytest.raises(IndexError):
        function(1, ROWS, OTHERS + 100)


def test_a_softmax_over_units_is_not_a_map(rng, W):
    function = check(rng, [I], [T.nnet.softmax(W[I]), W[I].max(axis=1)])
    assert not nodes(function, RowMap)


def test_float16_is_left_alone(rng):
    half = theano.shared(rng.uniform(size=(8, 3)).astype("float16"))
    function = theano.function([I], half[I] * half[I], mode=PYTHON)
    assert not nodes(function, RowMap)


def test_a_bad_index_changes_nothing(W, V):
    before = W.get_value()
    error = (W[I] * V[J]).sum()
    updates = rules.sgd(error, [W], learning_rate=0.1)
    function = theano.function([I, J], error, updates=updates, mode=C)
    assert nodes(function, RowMap)
    with pytest.raises(IndexError, match="index 6 at position 2 .* table 'V' with 6"):
        function(ROWS[:3], np.array([0, 1, 6]))
    np.testing.assert_array_equal(W.get_value(), before)


def test_as_many_indices_of_each_table_are_expected(W, V):
    function = theano.function([I, J], W[I] * V[J], mode=C)
    with pytest.raises(ValueError, match="5 rows of one table meet 3 of another"):
        function(ROWS, OTHERS[:3])


def test_the_new_node_knows_where_it_was_written(W, V):
    function = theano.function([I, J], (W[I] * V[J]).sum(axis=1), mode=PYTHON)
    assert check_stack_trace(function, ops_to_check=RowMap)


def test_one_flag_switches_it_off(W, V):
    mode = PYTHON.excluding("lasagne_sparse")
    function = theano.function([I, J], (W[I] * V[J]).sum(axis=1), mode=mode)
    assert not nodes(function, RowMap, Gather)


def test_the_text_of_a_graph_names_the_tables(W, V):
    function = theano.function([I, J], (W[I] * V[J]).sum(axis=1), mode=PYTHON)
    assert text_of(function.maker.fgraph.outputs[0]) == "RowMap{W, V}(i, j, W, V)"


def test_debug_mode_finds_nothing_wrong(rng, W, V, bias):
    mode = theano.compile.DebugMode(optimizer="fast_run", stability_patience=2)
    error = (W[I] * V[J]).sum(axis=1) + bias[I] - Y
    check(rng, [I, J, Y], [T.sum(error**2), error], mode)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_numbers_that_c_does_not_spell_are_operands(rng, W, number):
    rows = T.switch(W[I] * 2 > np.float32(number), W[I], np.float32(number))
    check(rng, [I], [rows.sum(axis=1)])
    loss = T.sum(T.switch(W[I] * 2 > np.float32(-np.inf), W[I] ** 2, 0))
    changes = rules.sgd(loss, [W], np.float32(0.5))
    before = W.get_value()
    theano.function([I], updates=changes, mode=C)([1])
    np.testing.assert_allclose(W.get_value()[1], 0 * before[1], atol=1e-6)
