"""Gather against NumPy's indexing, in C and in Python"""

import ctypes
import functools

import hypothesis.strategies as st
import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from theano.compile.debugmode import DebugMode

from lasagne_sparse.ops import Gather
from op_checks import check_inferred_shape

LINKERS = ["c", "py"]


@functools.lru_cache(maxsize=None)
def compiled(dtype="float32", ndim=2, index_dtype="int64", linker="c", name="W"):
    """A function of the Op alone: with the linker 'c', nothing runs in Python"""
    table = T.TensorType(dtype, (False,) * ndim)()
    indices = T.vector(dtype=index_dtype)
    mode = theano.Mode(linker=linker, optimizer=None)
    return theano.function([table, indices], Gather(name)(table, indices), mode=mode)


def check(function, table, indices):
    found = function(table, indices)
    expected = np.empty((len(indices),) + table.shape[1:], table.dtype)
    for i, index in enumerate(indices):
        expected[i] = table[index]
    assert found.dtype == table.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@given(st.integers(1, 20), st.integers(0, 6), st.integers(0, 50), st.integers(0, 99))
def test_any_indices(num_rows, width, num_lookups, seed):
    rng = np.random.RandomState(seed)
    table = rng.randn(num_rows, width).astype("float32")
    indices = rng.randint(-num_rows, num_rows, num_lookups)
    for linker in LINKERS:
        check(compiled(linker=linker), table, indices)


@pytest.mark.parametrize("index_dtype", sorted(T.integer_dtypes))
@pytest.mark.parametrize("linker", LINKERS)
def test_every_integer_dtype(index_dtype, linker, rng):
    indices = np.array([5, 0, 99, 5] + ([] if index_dtype[0] == "u" else [-1, -100]))
    function = compiled(index_dtype=index_dtype, linker=linker)
    check(function, rng.randn(100, 3).astype("float32"), indices.astype(index_dtype))


@pytest.mark.parametrize(
    "dtype, ndim",
    [("float64", 1), ("float16", 3), ("complex128", 2), ("complex64", 1), ("int8", 2)],
)
def test_dtypes_and_ranks_of_the_table(dtype, ndim, rng):
    table = (100 * rng.randn(*(7, 3, 2)[:ndim])).astype(dtype)
    check(compiled(dtype, ndim), table, [6, -7, 0, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int8"])
@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a[:, ::2],
        lambda a: a[:, ::-1],
        lambda a: a.T,
        lambda a: np.broadcast_to(a[:, :1], a.shape),
    ],
    ids=["rows", "backwards", "columns", "mirrored", "transposed", "broadcast"],
)
def test_strided_tables(view, dtype, rng):
    table = view((100 * rng.randn(8, 9)).astype(dtype))
    check(compiled(dtype), table, [3, -4, 0, 3])


def test_strided_table_of_rank_three(rng):
    table = rng.randn(4, 5, 6).transpose(1, 2, 0)
    check(compiled("float64", 3), table, [4, -5, 0])


def test_strided_indices(rng):
    table = rng.randn(9, 3).astype("float32")
    check(compiled(), table, rng.randint(-9, 9, 30)[::-3])


def test_no_lookups_and_no_rows():
    for linker in LINKERS:
        function = compiled(linker=linker)
        check(function, np.ones((4, 3), "float32"), np.array([], "int64"))
        check(function, np.ones((0, 3), "float32"), np.array([], "int64"))
        with pytest.raises(IndexError, match="with 0 rows: it has no row"):
            function(np.ones((0, 3), "float32"), [0])


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("index", [10, -11])
def test_index_out_of_range_is_named(linker, index):
    with pytest.raises(IndexError) as error:
        compiled(linker=linker)(np.ones((10, 2), "float32"), [0, index, 12])
    assert str(error.value).splitlines()[0] == (
        "index %d at position 1 is out of range for table 'W' with 10 rows: "
        "expected -10 to 9" % index
    )


def test_same_rows_with_several_threads(rng):
    """With enough to do for several threads"""
    try:
        set_threads = ctypes.CDLL("libgomp.so.1").omp_set_num_threads
        most = ctypes.CDLL("libgomp.so.1").omp_get_max_threads()
    except OSError:
        pytest.skip("no libgomp")
    table = rng.randn(500, 128).astype("float32")
    indices = rng.randint(-500, 500, 10001)
    try:
        for threads in (1, 2, 4):
            set_threads(threads)
            found = compiled()(table, indices)
            np.testing.assert_array_equal(found, table[indices])
    finally:
        set_threads(most)


def test_preallocated_outputs_of_any_layout(rng, host_only):
    table, indices = T.fmatrix(), T.lvector()
    function = theano.function(
        [table, indices],
        Gather()(table, indices),
        mode=DebugMode(check_preallocated_output=["ALL"]),
    )
    check(function, rng.randn(5, 3).astype("float32"), [4, -5, 0, 4])


def test_inferred_shape():
    table, indices = T.dtensor3(), T.ivector()
    check_inferred_shape(
        [table, indices],
        [Gather()(table, indices)],
        [np.ones((5, 2, 4)), np.array([0, 1, 1], "int32")],
        Gather,
    )


def test_gradient(rng):
    indices = T.constant([2, 0, -1, 2])
    theano.gradient.verify_grad(
        lambda table: Gather()(table, indices),
        [rng.randn(4, 3)],
        rng=rng,
        mode=theano.Mode(linker="py", optimizer="fast_compile"),
    )


@pytest.mark.parametrize(
    "table, indices, message",
    [
        (T.fscalar(), T.lvector(), "at least one dimension"),
        (T.fmatrix(), T.fvector(), "indices must be a vector of integers"),
        (T.fmatrix(), T.lmatrix(), "flatten"),
        (T.fmatrix(), T.vector(dtype="bool"), "indices must be a vector of integers"),
    ],
)
def test_wrong_types_are_refused_when_built(table, indices, message):
    with pytest.raises(TypeError, match=message):
        Gather()(table, indices)


def test_equal_by_the_name_of_the_table():
    assert Gather("W") == Gather("W")
    assert Gather("W") != Gather("V")
