"""Does Theano compute with the NumPy that is here, by what NumPy dropped or changed?

Each test is of something that one NumPy or other broke; all hold with every NumPy.
"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from devices import ON_GPU
from lasagne_sparse.compat.numpy_c import for_numpy_2
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.subtensor import AdvancedIncSubtensor1

pytestmark = pytest.mark.skipif(ON_GPU, reason="about what Theano computes on the host")

X = T.dmatrix("x")
I, J = T.lvector("i"), T.lvector("j")


def values():
    return np.arange(12.0).reshape(4, 3)


class TestNames:
    def test_cast_wraps_around(self):
        assert np.cast["int8"](300).item() == 44

    def test_cast_has_the_dtype(self):
        assert np.cast["float32"](2).dtype == "float32"

    def test_sctype2char_names_a_dtype(self):
        assert np.sctype2char("float32") == "f"

    def test_complex_makes_complex_numbers(self):
        assert np.complex(1, 2) == 1 + 2j


class TestCasts:
    @pytest.mark.parametrize(
        "number, dtype, cast", [(300, "int8", 44), (-1, "uint8", 255)]
    )
    def test_number_that_does_not_fit_wraps_around(self, number, dtype, cast):
        array = theano._asarray(number, dtype)
        assert array.dtype == dtype
        assert array.item() == cast

    @pytest.mark.parametrize(
        "number, dtype",
        [(1, "int8"), (300, "int16"), (70000, "int32"), (2**40, "int64")],
    )
    def test_constant_gets_the_smallest_dtype(self, number, dtype):
        assert T.constant(number).dtype == dtype

    @pytest.mark.parametrize("number, dtype", [(0.5, "float32"), (0.1, "float64")])
    def test_constant_loses_no_digits(self, number, dtype):
        """NumPy 2 has 0.1 equal to itself in float32"""
        with theano.change_flags(floatX="float64"):
            constant = T.constant(number)
        assert constant.dtype == dtype
        assert constant.data.item() == number

    def test_value_that_would_lose_digits_is_refused(self):
        refused = pytest.raises(TypeError, match="cannot accurately be converted")
        with theano.change_flags(floatX="float64"), refused:
            theano.scalar.float32.filter(0.1)

    def test_number_that_no_integer_holds_still_raises(self):
        with pytest.raises(OverflowError):
            theano._asarray(2**100, "int8")


class TestAllAxes:
    """C of Theano that names all axes at once, of each kind there is"""

    def test_argmax(self):
        x = values()
        x[2, 1] = 50
        assert theano.function([X], T.argmax(X))(x) == 7

    def test_max_and_argmax(self):
        found = theano.function([X], T.max_and_argmax(X))(values())
        assert [part.item() for part in found] == [11, 11]

    def test_cumsum(self):
        sums = theano.function([X], T.extra_ops.cumsum(X))(values())
        np.testing.assert_array_equal(sums, np.cumsum(values()))

    def test_cumsum_of_a_vector(self):
        v = T.dvector()
        sums = theano.function([v], T.extra_ops.cumsum(v, axis=0))([1, 2, 3])
        np.testing.assert_array_equal(sums, [1, 3, 6])

    def test_other_names_that_begin_so_stay(self):
        code = "npy_intp dims[NPY_MAXDIMS]; f(x, NPY_MAXDIMS_LEGACY);"
        assert for_numpy_2("m", code).endswith(code)

    def test_name_of_all_axes_is_replaced(self):
        code = for_numpy_2("m", "PyArray_Min(x, NPY_MAXDIMS, y); axis != NPY_MAXDIMS")
        assert code.endswith(
            "PyArray_Min(x, NPY_RAVEL_AXIS, y); axis != NPY_RAVEL_AXIS"
        )


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_in_c(dtype):
    z = T.vector("z", dtype=dtype)
    numbers = np.array([1 + 2j, -3j], dtype)
    computed = theano.function([z], [z * z + z, T.sum(z), T.real(z), T.imag(z)])(
        numbers
    )
    expected = [numbers * numbers + numbers, numbers.sum(), numbers.real, numbers.imag]
    for one, other in zip(computed, expected):
        np.testing.assert_allclose(one, other, rtol=1e-6)


ROWS = [2, 0, -1, 2]


class TestIncrements:
    """Of rows, by Theano's own C: NumPy 2 has no MapIter"""

    @pytest.fixture(scope="class", params=["int8", "float16", "float32", "complex64"])
    def write(self, request):
        """A function that adds values to rows of a matrix, and one that sets them

        They do without our rewrites, which would take the work from Theano's Op.
        """
        x, values = T.matrix(dtype=request.param), T.matrix(dtype=request.param)
        mode = theano.compile.get_default_mode().excluding("lasagne_sparse")
        written = T.inc_subtensor(x[I], values), T.set_subtensor(x[I], values)
        f = theano.function([x, I, values], written, mode=mode)
        nodes = f.maker.fgraph.apply_nodes
        assert [type(node.op) for node in nodes].count(AdvancedIncSubtensor1) == 2
        return lambda *args: f(args[0].astype(request.param), *args[1:])

    def test_repeated_rows_are_added_up(self, write):
        v = (1 + np.arange(12).reshape(4, 3)).astype("int8")
        expected = values()
        np.add.at(expected, ROWS, v)
        np.testing.assert_array_equal(write(values(), ROWS, v)[0], expected)

    def test_rows_are_set_in_order(self, write):
        v = (1 + np.arange(12).reshape(4, 3)).astype("int8")
        expected = values()
        for row, value in zip(ROWS, v):
            expected[row] = value
        np.testing.assert_array_equal(write(values(), ROWS, v)[1], expected)

    def test_input_stays_as_it_is(self, write):
        x = values()
        write(x, ROWS, np.ones((4, 3), "int8"))
        np.testing.assert_array_equal(x, values())

    def test_strides_may_be_of_any_sign(self, write):
        v = (1 + np.arange(12).reshape(3, 4)).astype("int8").T[::-1]
        x = values().T.copy().T[::-1, ::-1]
        expected = x.copy()
        np.add.at(expected, ROWS, v)
        np.testing.assert_array_equal(write(x, ROWS, v)[0], expected)

    def test_no_rows(self, write):
        found = write(values(), np.zeros(0, int), np.zeros((0, 3), "int8"))
        np.testing.assert_array_equal(found[0], values())

    @pytest.mark.parametrize("row", [4, -5])
    def test_row_out_of_range_raises(self, write, row):
        with pytest.raises(IndexError):
            write(values(), [0, row], np.ones((2, 3), "int8"))

    @pytest.mark.parametrize("shape", [(3, 3), (4, 2)])
    def test_values_of_another_shape_raise(self, write, shape):
        with pytest.raises(ValueError):
            write(values(), ROWS, np.ones(shape, "int8"))


def test_values_are_repeated_along_axes():
    x = T.dtensor3("x")
    ones, row = T.inc_subtensor(x[I], 1.5), T.inc_subtensor(x[I], X)
    mode = theano.compile.get_default_mode().excluding("lasagne_sparse")
    f = theano.function([x, I, X], [ones, row], mode=mode)
    found = f(np.zeros((4, 3, 2)), ROWS, np.arange(6.0).reshape(3, 2))
    for array, add in zip(found, [1.5, np.arange(6.0).reshape(3, 2)]):
        expected = np.zeros((4, 3, 2))
        np.add.at(expected, ROWS, add)
        np.testing.assert_array_equal(array, expected)


def test_several_index_vectors():
    f = theano.function([X, I, J], T.inc_subtensor(X[I, J], 1.5))
    expected = values()
    np.add.at(expected, ([0, 2, 0, -1], [1, 0, 1, 2]), 1.5)
    found = f(values(), [0, 2, 0, -1], [1, 0, 1, 2])
    np.testing.assert_array_equal(found, expected)


class TestMethodsOfArrays:
    def test_debugmode_fills_a_scalar(self):
        count = theano.shared(np.float64(2))
        theano.function([], updates=[(count, count + 1)], mode="DebugMode")()
        assert count.get_value() == 3

    def test_constants_have_digests(self):
        digest = theano.printing.hex_digest(np.arange(3))
        assert digest == theano.printing.hex_digest(np.arange(3))
        assert digest != theano.printing.hex_digest(np.arange(4))


def test_convolution_without_c():
    """SciPy's private functions are found"""
    image, filters = T.dtensor4(), T.dtensor4()
    # What FAST_RUN puts in for it has C only.
    mode = theano.Mode("py", optimizer=None)
    f = theano.function([image, filters], T.nnet.conv2d(image, filters), mode=mode)
    pixels, ones = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    np.testing.assert_array_equal(f(pixels, ones)[0, 0], [[8, 12], [20, 24]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_numbers_are_drawn_without_c(dtype):
    """The same as in C, bit for bit"""
    drawn = []
    for linker in ("py", "c"):
        stream = MRG_RandomStreams(7)
        draw = stream.uniform((5,), dtype=dtype)
        f = theano.function([], draw, mode=theano.Mode(linker, optimizer=None))
        drawn.append(f())
    assert drawn[0].dtype == dtype
    np.testing.assert_array_equal(*drawn)
