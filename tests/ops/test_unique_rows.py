"""UniqueRows against loops over the indices, in C and in Python"""

import functools

import hypothesis.strategies as st
import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from theano.compile.debugmode import DebugMode

from lasagne_sparse.ops import UniqueRows, unique_rows
from op_checks import check_inferred_shape

LINKERS = ["c", "py"]
DTYPES = sorted(T.integer_dtypes)


@functools.lru_cache(maxsize=None)
def compiled(dtype="int64", linker="c", table="W"):
    """A function of the Op alone: with the linker 'c', nothing runs in Python"""
    indices, num_rows = T.vector(dtype=dtype), T.lscalar()
    outputs = UniqueRows(table)(indices, num_rows)
    mode = theano.Mode(linker=linker, optimizer=None)
    return theano.function([indices, num_rows], outputs, mode=mode)


def oracle(indices, num_rows):
    wanted = [int(index) % num_rows for index in indices]
    rows = sorted(set(wanted))
    place = {row: k for k, row in enumerate(rows)}
    groups = [[] for _ in rows]
    for position, row in enumerate(wanted):
        groups[place[row]].append(position)
    offsets = [0]
    for group in groups:
        offsets.append(offsets[-1] + len(group))
    order = [position for group in groups for position in group]
    return rows, [place[row] for row in wanted], order, offsets


def check(function, indices, num_rows):
    found = function(indices, num_rows)
    for result, expected in zip(found, oracle(indices, num_rows)):
        assert result.dtype == "int64"
        np.testing.assert_array_equal(result, expected)


@given(
    st.integers(1, 40).flatmap(
        lambda n: st.tuples(st.lists(st.integers(-n, n - 1), max_size=60), st.just(n))
    )
)
def test_any_indices_are_grouped_by_row(drawn):
    indices, num_rows = drawn
    for linker in LINKERS:
        check(compiled(linker=linker), np.array(indices, "int64"), num_rows)


# 2 ** 33 rows and more do not fit into 32 bits; numbers of bits around whole digits
@pytest.mark.parametrize(
    "num_rows", [1, 2, 255, 256, 257, 4096, 4097, 10**7, 2**32, 2**33 + 1, 2**62]
)
@pytest.mark.parametrize("num_lookups", [5, 3000])
def test_tables_of_any_size(num_rows, num_lookups, rng):
    drawn = rng.randint(0, num_rows, num_lookups)
    indices = np.where(rng.rand(num_lookups) < 0.5, drawn, drawn // 1000)
    check(compiled(), np.append(indices, [num_rows - 1, -num_rows]), num_rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("linker", LINKERS)
def test_every_integer_dtype(dtype, linker):
    indices = [5, 0, 99, 5, 0, 0] + ([] if dtype[0] == "u" else [-1, -100, -95])
    check(compiled(dtype, linker), np.array(indices, dtype), 100)


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize(
    "indices", [[], [3], [9, 9, 9], list(range(10)), [-1, 9, 0, -10]]
)
def test_edges(linker, indices):
    check(compiled(linker=linker), np.array(indices, "int64"), 10)


def test_last_row_is_one_row_by_either_index():
    rows, inverse, _, _ = compiled()([-1, 9], 10)
    assert rows.tolist() == [9]
    assert inverse.tolist() == [0, 0]


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("step", [2, -1, -3])
def test_strided_indices(linker, step, rng):
    check(compiled(linker=linker), rng.randint(-9, 9, 100)[::step], 9)


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize(
    "dtype, indices, message",
    [
        ("int64", [1, 12, 13], "index 12 at position 1 .* with 10 rows: .* -10 to 9"),
        ("int64", [-11, 12], "index -11 at position 0"),
        ("int64", [0] * 99 + [10], "index 10 at position 99"),
        ("int64", [-(2**63)], "index -9223372036854775808 at position 0"),
        ("int64", [2**63 - 1], "index 9223372036854775807 at position 0"),
        ("uint64", [2**63 + 5], "index 9223372036854775813 at position 0"),
        ("uint64", [2**64 - 1], "index 18446744073709551615 at position 0"),
        ("int8", [-128], "index -128 at position 0"),
        ("uint8", [9, 255], "index 255 at position 1"),
    ],
)
def test_index_out_of_range_is_named(linker, dtype, indices, message):
    with pytest.raises(IndexError, match=message):
        compiled(dtype, linker)(np.array(indices, dtype), 10)


@pytest.mark.parametrize("linker", LINKERS)
def test_message_of_index_error(linker):
    with pytest.raises(IndexError) as error:
        compiled(linker=linker)([3, 12], 10)
    assert str(error.value).splitlines()[0] == (
        "index 12 at position 1 is out of range for table 'W' with 10 rows: "
        "expected -10 to 9"
    )


@pytest.mark.parametrize("linker", LINKERS)
def test_message_without_a_name(linker):
    with pytest.raises(IndexError, match="out of range for a table with 10 rows"):
        compiled(linker=linker, table=None)([10], 10)


@pytest.mark.parametrize("linker", LINKERS)
def test_table_without_rows(linker):
    check(compiled(linker=linker), np.array([], "int64"), 0)
    with pytest.raises(IndexError, match="with 0 rows: it has no row to look up"):
        compiled(linker=linker)([0], 0)


def test_name_with_percent_signs_and_accents():
    with pytest.raises(IndexError, match="table '100%d %s wörter' with 2 rows"):
        compiled(table="100%d %s wörter")([5], 2)


def test_strided_outputs_are_not_written_through(host_only):
    indices = T.lvector()
    mode = DebugMode(check_preallocated_output=["ALL"])
    function = theano.function([indices], UniqueRows("W")(indices, 7), mode=mode)
    check(lambda i, _: function(i), [3, -1, 6, 3, 0], 7)
    check(lambda i, _: function(i), np.array([], "int64"), 7)


def test_lengths_of_inverse_and_order_come_from_the_indices():
    indices, num_rows = T.lvector(), T.lscalar()
    outputs = UniqueRows()(indices, num_rows)
    check_inferred_shape(
        [indices, num_rows], outputs[1:3], [np.array([3, 1, 3, 2]), 5], UniqueRows
    )


def test_length_of_offsets_is_one_more_than_the_rows():
    indices = T.lvector()
    _, _, _, offsets = UniqueRows()(indices, 5)
    function = theano.function([indices], offsets.shape[0])
    assert function([3, 1, 3]) == 3


@pytest.mark.parametrize(
    "indices, num_rows, message",
    [
        (T.fvector(), 5, "indices must be a vector of integers"),
        (T.vector(dtype="bool"), 5, "indices must be a vector of integers"),
        (T.lmatrix(), 5, "flatten"),
        (T.lvector(), T.fscalar(), "num_rows must be an integer scalar"),
        (T.lvector(), T.lvector(), "num_rows must be an integer scalar"),
    ],
)
def test_wrong_types_are_refused_when_built(indices, num_rows, message):
    with pytest.raises(TypeError, match=message):
        unique_rows(indices, num_rows)


def test_unique_rows_returns_rows_and_inverse():
    rows, inverse = unique_rows(T.constant([4, 9, -1, 4]), 10, "W")
    assert rows.owner.op == UniqueRows("W")
    np.testing.assert_array_equal(rows.eval(), [4, 9])
    np.testing.assert_array_equal(inverse.eval(), [0, 1, 1, 0])


def test_equal_by_the_name_of_the_table():
    assert UniqueRows("W") == UniqueRows("W")
    assert hash(UniqueRows("W")) == hash(UniqueRows("W"))
    assert UniqueRows("W") != UniqueRows("V")
    assert UniqueRows("W") != UniqueRows()


def test_node_can_be_made_again_from_its_inputs():
    node = UniqueRows()(T.bvector(), T.iscalar())[0].owner
    again = node.op.make_node(*node.inputs)
    assert again.inputs == node.inputs


def test_gradient_stops_at_the_indices():
    table, indices = T.fmatrix(), T.lvector()
    rows, inverse = unique_rows(indices, table.shape[0])
    loss = (table[rows][inverse] ** 2).sum()
    gradient = theano.grad(loss, table).eval(
        {table: np.ones((3, 2), "float32"), indices: [2, 0, 2]}
    )
    np.testing.assert_array_equal(gradient, [[2, 2], [0, 0], [4, 4]])
    with pytest.raises(theano.gradient.DisconnectedInputError):
        theano.grad(inverse.sum().astype("float32"), indices)


def test_lengths_are_told_of_a_node_in_no_graph():
    # Theano asks for them so where a scan is differentiated, as for a Hessian.
    node = UniqueRows()(T.lvector(), 5)[0].owner
    lengths = node.op.infer_shape(node, [(T.lscalar(),), ()])
    assert [len(shape) for shape in lengths] == [1, 1, 1, 1]
