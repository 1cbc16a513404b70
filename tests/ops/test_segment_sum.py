"""SegmentSum against loops over the segments, in C and in Python"""

import ctypes
import functools

import hypothesis.strategies as st
import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from theano.compile.debugmode import DebugMode

from lasagne_sparse.ops import SegmentSum
from op_checks import check_inferred_shape

LINKERS = ["c", "py"]


@functools.lru_cache(maxsize=None)
def compiled(dtype="float32", ndim=2, num_values=1, linker="c"):
    """A function of the Op alone: with the linker 'c', nothing runs in Python"""
    order, offsets = T.lvector(), T.lvector()
    values = [T.TensorType(dtype, (False,) * ndim)() for _ in range(num_values)]
    mode = theano.Mode(linker=linker, optimizer=None)
    inputs = [order, offsets] + values
    return theano.function(inputs, SegmentSum()(*inputs), mode=mode)


def oracle(order, offsets, *values):
    rows = [row for part in values for row in part]
    sums = np.zeros((len(offsets) - 1,) + values[0].shape[1:], values[0].dtype)
    for k in range(len(sums)):
        for position in order[offsets[k] : offsets[k + 1]]:
            sums[k] = sums[k] + rows[position]
    return sums


def draw(rng, num_values, num_segments):
    """A random order, and offsets with empty segments among them"""
    cuts = np.sort(rng.randint(0, num_values + 1, num_segments - 1))
    offsets = np.concatenate([[0], cuts, [num_values]])
    return rng.permutation(num_values), offsets


def check(function, order, offsets, *values):
    order, offsets = np.array(order, "int64"), np.array(offsets, "int64")
    found = function(order, offsets, *values)
    expected = oracle(order, offsets, *values)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@given(st.integers(0, 30), st.integers(1, 8), st.integers(0, 5), st.integers(0, 99))
def test_any_segments_are_summed_in_order(num_values, num_segments, width, seed):
    rng = np.random.RandomState(seed)
    order, offsets = draw(rng, num_values, num_segments)
    values = rng.randn(num_values, width).astype("float32")
    for linker in LINKERS:
        check(compiled(linker=linker), order, offsets, values)


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("dtype, ndim", [("float64", 1), ("float32", 3)])
def test_ranks_and_dtypes(linker, dtype, ndim, rng):
    order, offsets = draw(rng, 20, 6)
    values = rng.randn(*((20, 3, 2)[:ndim])).astype(dtype)
    check(compiled(dtype, ndim, 1, linker), order, offsets, values)


@pytest.mark.parametrize("linker", LINKERS)
def test_several_values_are_one_after_the_other(linker, rng):
    order, offsets = draw(rng, 12, 4)
    values = [rng.randn(n, 3).astype("float32") for n in (5, 0, 7)]
    check(compiled(num_values=3, linker=linker), order, offsets, *values)


@pytest.mark.parametrize("linker", LINKERS)
def test_one_row_is_that_of_each_lookup(linker, rng):
    function = compiled(linker=linker)
    row = rng.randn(1, 3).astype("float32")
    order, offsets = np.array([2, 0, 3, 1]), np.array([0, 1, 1, 4])
    found = function(order, offsets, row)
    np.testing.assert_array_equal(found, [row[0], 0 * row[0], row[0] + row[0] + row[0]])
    check(function, [0], [0, 1], row)


@pytest.mark.parametrize("linker", LINKERS)
def test_no_segments_at_all(linker):
    check(compiled(linker=linker), [], [0], np.zeros((0, 3), "float32"))


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-2],
        lambda a: a[:10, ::2],
        lambda a: np.asfortranarray(a[:10]),
        lambda a: np.broadcast_to(a[:1], (10, 6)),
    ],
    ids=["rows", "backwards", "columns", "fortran", "one row"],
)
def test_strided_values(view, rng):
    order, offsets = draw(rng, 10, 4)
    check(compiled(), order, offsets, view(rng.randn(20, 6).astype("float32")))


def test_strided_order_and_offsets(rng):
    order, offsets = draw(rng, 10, 4)
    values = rng.randn(10, 3).astype("float32")
    found = compiled()(np.repeat(order, 2)[::2], np.repeat(offsets, 3)[::3], values)
    np.testing.assert_array_equal(found, oracle(order, offsets, values))


def test_same_bits_for_any_number_of_threads(rng):
    """With enough to do for several threads, and one long segment"""
    try:
        set_threads = ctypes.CDLL("libgomp.so.1").omp_set_num_threads
        most = ctypes.CDLL("libgomp.so.1").omp_get_max_threads()
    except OSError:
        pytest.skip("no libgomp")
    order, offsets = draw(rng, 4000, 300)
    offsets[2:100] = offsets[1]
    values = rng.randn(4000, 70).astype("float32")
    values = [values[:1000], values[1000:]]
    expected = oracle(order, offsets, *values)
    try:
        for threads in (1, 2, 3, 4):
            set_threads(threads)
            found = compiled(num_values=2)(order, offsets, *values)
            np.testing.assert_array_equal(found, expected)
    finally:
        set_threads(most)


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize(
    "order, offsets, error, message",
    [
        ([0, 1, 2], [0, 4], IndexError, "from 0 to 3, the length of order"),
        ([0, 1, 2], [-1, 3], IndexError, "from 0 to 3"),
        ([0, 1, 2], [], IndexError, "one or more numbers"),
        ([0, 1, 2], [0, 2, 1, 3], IndexError, "must ascend"),
        ([0, 3, 2], [0, 3], IndexError, "row 3 of values that have 3 rows"),
        ([0, -1, 2], [0, 3], IndexError, "row -1 of values that have 3 rows"),
        ([0, 1], [0, 2], ValueError, "must have 2 rows together.*got 3"),
        ([0, 1, 2, 2], [0, 4], ValueError, "must have 4 rows together.*got 3"),
    ],
)
def test_segments_outside_of_the_values(linker, order, offsets, error, message):
    with pytest.raises(error, match=message):
        compiled(linker=linker)(
            np.array(order, "int64"),
            np.array(offsets, "int64"),
            np.ones((3, 2), "float32"),
        )


@pytest.mark.parametrize("linker", LINKERS)
def test_values_of_different_widths(linker):
    function = compiled(num_values=3, linker=linker)
    values = [np.ones((1, n), "float32") for n in (3, 3, 2)]
    with pytest.raises(ValueError, match="agree in all dimensions but the first"):
        function([0, 1, 2], [0, 3], *values)


def test_float16_is_summed_by_numpy(rng):
    order, offsets, values = T.lvector(), T.lvector(), T.matrix(dtype="float16")
    function = theano.function(
        [order, offsets, values], SegmentSum()(order, offsets, values)
    )
    found = function([2, 0, 1], [0, 2, 3], np.array([[1], [2], [3]], "float16"))
    assert found.dtype == "float16"
    np.testing.assert_array_equal(found, [[4], [2]])


def test_preallocated_outputs_of_any_layout(rng, host_only):
    order, offsets, a, b = T.lvector(), T.lvector(), T.dmatrix(), T.dmatrix()
    function = theano.function(
        [order, offsets, a, b],
        SegmentSum()(order, offsets, a, b),
        mode=DebugMode(check_preallocated_output=["ALL"]),
    )
    check(function, [3, 0, 1, 2], [0, 1, 4], rng.randn(3, 2), rng.randn(1, 2))


def test_inferred_shape():
    order, offsets, values = T.lvector(), T.lvector(), T.dtensor3()
    check_inferred_shape(
        [order, offsets, values],
        [SegmentSum()(order, offsets, values)],
        [np.arange(5), np.array([0, 2, 2, 5]), np.ones((5, 2, 4))],
        SegmentSum,
    )


def test_gradient(rng):
    order, offsets = np.array([2, 0, 3, 1, 4]), np.array([0, 2, 2, 5])
    theano.gradient.verify_grad(
        lambda a, b: SegmentSum()(order, offsets, a, b),
        [rng.randn(3, 2), rng.randn(2, 2)],
        rng=rng,
        mode=theano.Mode(linker="py", optimizer="fast_compile"),
    )


def test_gradient_of_one_row_for_each_lookup(rng):
    order, offsets = np.array([2, 0, 3, 1]), np.array([0, 3, 4])
    theano.gradient.verify_grad(
        lambda a: SegmentSum()(order, offsets, a),
        [rng.randn(1, 2)],
        rng=rng,
        mode=theano.Mode(linker="py", optimizer="fast_compile"),
    )


@pytest.mark.parametrize(
    "inputs, message",
    [
        ((T.ivector(), T.lvector(), T.fmatrix()), "order must be a vector of int64"),
        ((T.lvector(), T.lmatrix(), T.fmatrix()), "offsets must be a vector of int64"),
        ((T.lvector(), T.lvector()), "values must be one or more tensors"),
        ((T.lvector(), T.lvector(), T.fscalar()), "a rank of at least 1|one rank of"),
        ((T.lvector(), T.lvector(), T.fmatrix(), T.dmatrix()), "one dtype"),
        ((T.lvector(), T.lvector(), T.fmatrix(), T.fvector()), "one rank"),
    ],
)
def test_wrong_types_are_refused_when_built(inputs, message):
    with pytest.raises(TypeError, match=message):
        SegmentSum()(*inputs)
