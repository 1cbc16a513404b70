"""The rewrites about looking rows up: the graphs they make, and where they do not"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from graph_text import compile_to_python, text_of
from lasagne_sparse.ops import Gather, SegmentSum, UniqueRows, unique_rows
from lasagne_sparse.ops.rows.row_map import RowMap
from theano.gof.opt import check_stack_trace

N = "UniqueRows{W}.%d(x, Shape_i(W))"


pytestmark = pytest.mark.usefixtures("host_only")


@pytest.fixture
def table(rng):
    return theano.shared(rng.randn(10, 3).astype("float32"), name="W")


def text(inputs, output, **kwargs):
    return text_of(compile_to_python(inputs, output, **kwargs).maker.fgraph.outputs[0])


def same_without_rewrites(inputs, output, *values):
    """Asserts that the rewrites change no number; returns it"""
    ours = compile_to_python(inputs, output)(*values)
    plain = compile_to_python(inputs, output, excluding=["lasagne_sparse"])(*values)
    np.testing.assert_allclose(ours, plain, rtol=1e-6)
    return ours


# --- table[rows][inverse] -> table[indices] ---------------------------------------


def test_lookup_through_subset_reads_the_table_directly(table):
    x = T.ivector("x")
    rows, inverse = unique_rows(x, table.shape[0], "W")
    output = table[rows][inverse]
    assert text([x], output) == "Gather{W}(W, x)"
    same_without_rewrites([x], output, [3, -1, 9, 3])


def test_lookup_through_columns_reads_them_directly(table):
    x = T.ivector("x")
    rows, inverse = unique_rows(x, table.shape[1])
    output = table[:, rows][:, inverse]
    assert text([x], output) == "DimShuffle(Gather{W.T}(DimShuffle(W), x))"
    same_without_rewrites([x], output, [2, -1, 0])


def test_other_number_of_rows_keeps_the_detour(table):
    """-1 is row 4 for the lookup, and would be row 9 of the table"""
    x = T.ivector("x")
    rows, inverse = unique_rows(x, 5)
    output = table[rows][inverse]
    assert "UniqueRows" in text([x], output)
    found = same_without_rewrites([x], output, [-1, 0])
    np.testing.assert_array_equal(found, table.get_value()[[4, 0]])


def test_inverse_of_another_lookup_keeps_the_detour(table):
    x, z = T.ivector("x"), T.ivector("z")
    rows, _ = unique_rows(x, table.shape[0])
    _, inverse = unique_rows(z, table.shape[0])
    output = table[rows][inverse]
    assert "UniqueRows{None}.1(z" in text([x, z], output)
    same_without_rewrites([x, z], output, [3, 5, 3], [1, 2])


# --- AdvancedSubtensor1 -> Gather -------------------------------------------------


def test_lookup_in_a_shared_variable_names_it(table):
    x = T.lvector("x")
    f = compile_to_python([x], table[x])
    assert text_of(f.maker.fgraph.outputs[0]) == "Gather{W}(W, x)"
    with pytest.raises(IndexError, match="index 10 at position 1 .* table 'W'"):
        f([0, 10])


def test_lookup_in_an_input_is_a_gather():
    table, x = T.ftensor3("V"), T.bvector("x")
    assert text([table, x], table[x]) == "Gather{V}(V, x)"


def test_lookup_in_an_expression_stays(table):
    x = T.lvector("x")
    assert "AdvancedSubtensor1" in text([x], T.dot(table, table.T)[x])


def test_lookup_in_a_view_of_other_rank_stays():
    vector, x = T.fvector("v"), T.lvector("x")
    assert "AdvancedSubtensor1" in text([vector, x], vector.dimshuffle(0, "x")[x])


def test_old_rows_are_read_before_they_are_written(table, rng):
    x, y = T.lvector(), T.fmatrix()
    old = table.get_value()
    f = theano.function(
        [x, y], table[x] * 2, updates=[(table, T.inc_subtensor(table[x], y))]
    )
    assert any(isinstance(n.op, RowMap) for n in f.maker.fgraph.apply_nodes)
    found = f([1, 2, 1], np.ones((3, 3), "float32"))
    np.testing.assert_array_equal(found, 2 * old[[1, 2, 1]])
    np.testing.assert_allclose(table.get_value()[1], old[1] + 2, rtol=1e-6)


# --- inc_subtensor(zeros[inverse], values) -> SegmentSum ------------------------------


def subset_sum(values, indices, table, where=None):
    """The gradient of a subset as the symbolic half writes it"""
    rows, inverse = unique_rows(indices, table.shape[0], "W")
    zeros = T.zeros_like(table[rows])
    return T.inc_subtensor(zeros[inverse if where is None else inverse[where]], values)


def test_gradient_of_a_subset_is_a_segment_sum(table, rng):
    x, g = T.ivector("x"), T.fmatrix("g")
    output = subset_sum(g, x, table)
    expected = "SegmentSum(%s, %s, Assert{}(g, EQ(Shape_i(g), Shape_i(W))))"
    found = text([x, g], output).replace("Assert(", "Assert{}(")
    assert found == expected % (N % 2, N % 3)
    same_without_rewrites([x, g], output, [3, -1, 9, 3], rng.randn(4, 3).astype("f"))


def test_gradient_with_the_units_of_the_table_needs_no_assertion(table):
    x = T.ivector("x")
    rows, inverse = unique_rows(x, table.shape[0], "W")
    subset = table[rows]
    output = theano.grad((subset[inverse] ** 2).sum(), subset)
    product = "RowMap{W}(x, W)"
    assert text([x], output) == "SegmentSum(%s, %s, %s)" % (N % 2, N % 3, product)
    same_without_rewrites([x], output, [3, -1, 9, 3])


def test_rows_of_another_length_are_refused(table):
    x, g = T.ivector("x"), T.fmatrix("g")
    f = compile_to_python([x, g], subset_sum(g, x, table))
    with pytest.raises(AssertionError, match="as long as those of its table"):
        f([1, 2], np.ones((2, 2), "float32"))


def test_joined_gradients_stay_apart(table, rng):
    x, a, b = T.ivector("x"), T.fmatrix("a"), T.fmatrix("b")
    output = subset_sum(T.concatenate([a, b]), x, table)
    f = compile_to_python([x, a, b], output)
    (node,) = [n for n in f.maker.fgraph.apply_nodes if isinstance(n.op, SegmentSum)]
    assert len(node.inputs) == 4
    assert not any(isinstance(n.op, T.Join) for n in f.maker.fgraph.apply_nodes)
    a, b = rng.randn(1, 3).astype("f"), rng.randn(3, 3).astype("f")
    expected = np.zeros((3, 3), "f")
    np.add.at(expected, [1, 2, 0, 1], np.concatenate([a, b]))
    np.testing.assert_allclose(f([4, 9, 2, 4], a, b), expected, rtol=1e-6)


@pytest.mark.parametrize("swapped", [False, True])
def test_slices_of_the_inverse_make_one_sum(table, rng, swapped):
    x, z, a, b = T.ivector("x"), T.ivector("z"), T.fmatrix("a"), T.fmatrix("b")
    both, n = T.concatenate([x, z]), x.shape[0]
    parts = [
        subset_sum(a, both, table, slice(0, n)),
        subset_sum(b, both, table, slice(n, n + z.shape[0])),
    ]
    output = T.add(*(parts[::-1] if swapped else parts))
    found = text([x, z, a, b], output)
    assert found.startswith("SegmentSum(")
    assert found.index("Assert(a") < found.index("Assert(b")
    a_value, b_value = rng.randn(2, 3).astype("f"), rng.randn(3, 3).astype("f")
    values = [[4, 9], [-1, 4, 0], a_value, b_value]
    same_without_rewrites([x, z, a, b], output, *values)


@pytest.mark.parametrize(
    "where", [slice(1, None), slice(0, 2), slice(None, None, -1)], ids=str
)
def test_part_of_the_inverse_stays_a_scatter(table, rng, where):
    x, g = T.ivector("x"), T.fmatrix("g")
    output = subset_sum(g, x, table, where)
    assert "SegmentSum" not in text([x, g], output)
    lookups = np.array([3, -1, 9, 3], "int32")
    g_value = rng.randn(len(lookups[where]), 3).astype("f")
    same_without_rewrites([x, g], output, lookups, g_value)


def test_overlapping_slices_are_added_twice(table, rng):
    x, a, b = T.ivector("x"), T.fmatrix("a"), T.fmatrix("b")
    output = subset_sum(a, x, table) + subset_sum(b, x, table, slice(1, None))
    assert "AdvancedIncSubtensor1" in text([x, a, b], output)
    values = rng.randn(3, 3).astype("f"), rng.randn(2, 3).astype("f")
    same_without_rewrites([x, a, b], output, [4, 9, -1], *values)


def test_other_zeros_stay(table, rng):
    """Zeros with another number of rows than the distinct ones"""
    x, g = T.ivector("x"), T.fmatrix("g")
    _, inverse = unique_rows(x, table.shape[0])
    output = T.inc_subtensor(T.zeros((7, 3), "float32")[inverse], g)
    assert "SegmentSum" not in text([x, g], output)
    values = same_without_rewrites([x, g], output, [5, 5], rng.randn(2, 3).astype("f"))
    assert values.shape == (7, 3)


def test_set_subtensor_stays(table):
    x, g = T.ivector("x"), T.fmatrix("g")
    rows, inverse = unique_rows(x, table.shape[0])
    output = T.set_subtensor(T.zeros_like(table[rows])[inverse], g)
    assert "SegmentSum" not in text([x, g], output)


@pytest.mark.parametrize(
    "kind, shape",
    [(T.fscalar, ()), (T.fvector, (3,)), (T.frow, (1, 3)), (T.fcol, (4, 1))],
    ids=["scalar", "vector", "row", "column"],
)
def test_values_that_are_spread(table, rng, kind, shape):
    x, g = T.ivector("x"), kind("g")
    output = subset_sum(g, x, table)
    assert text([x, g], output).startswith("SegmentSum")
    value = np.asarray(rng.randn(*shape), "float32")
    same_without_rewrites([x, g], output, [3, -1, 9, 3], value)


def test_values_of_another_dtype_are_cast(rng):
    table = theano.shared(rng.randn(10, 3), name="W")
    x, g = T.ivector("x"), T.fmatrix("g")
    output = subset_sum(g, x, table)
    assert "SegmentSum" in text([x, g], output)
    found = same_without_rewrites([x, g], output, [3, 3], rng.randn(2, 3).astype("f"))
    assert found.dtype == "float64"


def test_gradient_of_a_vector_of_biases(rng):
    biases, x = theano.shared(rng.randn(8).astype("float32"), name="b"), T.ivector("x")
    rows, inverse = unique_rows(x, biases.shape[0])
    subset = biases[rows]
    output = theano.grad((subset[inverse] ** 2).sum(), subset)
    assert text([x], output).startswith("SegmentSum")
    same_without_rewrites([x], output, [3, -1, 7, 3])


# --- all of them -------------------------------------------------------------------


def test_new_nodes_tell_where_they_come_from(table):
    x = T.ivector("x")
    rows, inverse = unique_rows(x, table.shape[0])
    subset = table[rows]
    f = theano.function(
        [x],
        [subset[inverse], theano.grad((subset[inverse] ** 2).sum(), subset)],
        mode=theano.Mode(linker="py", optimizer="fast_run"),
    )
    for op_class in (RowMap, SegmentSum):
        ops = [n.op for n in f.maker.fgraph.apply_nodes if isinstance(n.op, op_class)]
        assert ops
        assert check_stack_trace(f, ops_to_check=type(ops[0]))


def test_one_flag_switches_them_off(table):
    x = T.ivector("x")
    rows, inverse = unique_rows(x, table.shape[0])
    f = compile_to_python([x], table[rows][inverse], excluding=["lasagne_sparse"])
    ops = [type(n.op) for n in f.maker.fgraph.toposort()]
    assert UniqueRows in ops
    assert Gather not in ops
