"""RowMap: what the Op computes, for which arrays, and when it refuses"""

import ctypes

import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.ops.rows.row_map import RowMap
from lasagne_sparse.ops.programs.row_program import (
    MapProgram,
    Operand,
    Output,
    Slot,
    Step,
    Store,
)
from op_checks import check_inferred_shape
from theano import scalar

# One program with everything in it: two tables of different dtypes, one with a number
# per row, arrays with a row or a number for each lookup, and what is the same for all.
#   product = U[i] * V[j] * vector
#   score = sum(product) + bias[i] + y
#   error = decay * score * (product - X)
#   results: product, score, error, sum of all errors, sum of all scores
OPERANDS = (
    Operand("gathered", "unit", 1),
    Operand("gathered", "unit", 1),
    Operand("gathered", "row", 1),
    Operand("lookup", "unit", 1),
    Operand("lookup", "row", 1),
    Operand("shared", "unit", 1),
    Operand("shared", "row", 1),
)
OUTPUTS = (
    Output("unit", "float64", 2),
    Output("row", "float32", 1),
    Output("unit", "float32", 2),
)


def make_program():
    f32, f64 = scalar.float32, scalar.float64
    U, V, bias, X, y, vector, decay = [f32(), f64()] + [f32() for _ in range(5)]
    dot, score, total = f32(), f32(), f64()
    product = U * V * vector
    error = scalar.Cast(f32)(decay * score * (product - X))
    operand = [Slot("operand", i) for i in range(len(OPERANDS))]
    units = (operand[0], operand[1], operand[5])
    return MapProgram(
        OPERANDS,
        (
            Step(
                "unit",
                scalar.Composite([U, V, vector], [product]),
                units,
                (
                    Store(0, Slot("output", 0), None),
                    Store(0, Slot("number", 0), "float64"),
                ),
            ),
            Step(
                "row",
                scalar.Composite([dot, bias, y], [dot + bias + y]),
                (Slot("number", 0), operand[2], operand[4]),
                (
                    Store(0, Slot("number", 1), None),
                    Store(0, Slot("output", 1), None),
                    Store(0, Slot("total", 1), None),
                ),
            ),
            Step(
                "unit",
                scalar.Composite([U, V, vector, X, decay, score], [error]),
                units + (operand[3], operand[6], Slot("number", 1)),
                (
                    Store(0, Slot("output", 2), None),
                    Store(0, Slot("number", 2), "float64"),
                ),
            ),
            Step(
                "row",
                scalar.Composite([total], [scalar.identity(total)]),
                (Slot("number", 2),),
                (Store(0, Slot("total", 0), None),),
            ),
        ),
        ("float32", "float32", "float64"),
        (),
        OUTPUTS,
        ("float64", "float32"),
    )


PROGRAM = make_program()
NAMES = "i j k U V bias X y vector decay".split()


def plain_map(a):
    """The program as a loop over lookups; `a` maps names to arrays."""
    products, scores, errors = [], [], []
    for n in range(len(a["i"])):
        product = a["U"][a["i"][n]] * a["V"][a["j"][n]] * a["vector"][0]
        score = np.float32(product.sum() + a["bias"][a["k"][n]] + a["y"][n])
        products.append(product)
        scores.append(score)
        errors.append(a["decay"] * score * (product - a["X"][n]))
    shape = (len(a["i"]),) + a["X"].shape[1:]
    errors = np.reshape(errors, shape).astype("float32")
    return (
        np.reshape(products, shape).astype("float64"),
        np.array(scores, "float32"),
        errors,
        np.array(errors.sum(dtype="float64")),
        np.array(np.sum(scores, dtype="float64"), "float32"),
    )


def make_inputs(seed, num_rows=9, num_units=5, num_lookups=12):
    rng = np.random.RandomState(seed)
    shapes = dict(
        U=(num_rows, num_units),
        V=(num_rows + 1, num_units),
        bias=(num_rows,),
        X=(num_lookups, num_units),
        y=(num_lookups,),
        vector=(1, num_units),
        decay=(),
    )
    arrays = {
        name: np.asarray(
            rng.uniform(0.5, 1.5, shape), "float64" if name == "V" else "float32"
        )
        for name, shape in shapes.items()
    }
    for name, dtype in (("i", "int64"), ("j", "int32"), ("k", "int64")):
        arrays[name] = rng.randint(-num_rows, num_rows, num_lookups).astype(dtype)
    return arrays


def make_variables():
    indices = [T.lvector(), T.ivector(), T.lvector()]
    arrays = [T.fmatrix(), T.dmatrix(), T.fvector(), T.fmatrix(), T.fvector()]
    return indices + arrays + [T.frow(), T.fscalar()]


def compile_map(mode):
    inputs = make_variables()
    outputs = RowMap(PROGRAM, ("U", "V", None))(*inputs, return_list=True)
    return theano.function(inputs, outputs, mode=mode)


@pytest.fixture(scope="module")
def mapped():
    return compile_map(theano.Mode("c|py", None))


def run(function, arrays):
    return function(*[arrays[name] for name in NAMES])


def check(results, expected):
    assert len(results) == len(expected)
    # what is positive and negative cancels out in a sum, its rounding does not
    scale = 1 + np.abs(expected[2]).sum()
    for result, value in zip(results, expected):
        assert result.dtype == value.dtype
        assert result.shape == value.shape
        atol = 1e-5 if value.ndim else 1e-6 * scale
        np.testing.assert_allclose(result, value, rtol=5e-5, atol=atol)


@given(
    st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 67), st.integers(0, 90)
)
def test_each_lookup_is_what_the_loop_says(mapped, seed, rows, units, lookups):
    arrays = make_inputs(seed, rows, units, lookups)
    before = {name: value.copy() for name, value in arrays.items()}
    check(run(mapped, arrays), plain_map(arrays))
    for name, value in before.items():
        np.testing.assert_array_equal(arrays[name], value)


@pytest.mark.parametrize("num_lookups", [0, 1, 12])
def test_perform_is_what_the_loop_says(num_lookups):
    arrays = make_inputs(3, num_lookups=num_lookups)
    check(run(compile_map(theano.Mode("py", None)), arrays), plain_map(arrays))


LAYOUTS = {
    "fortran": np.asfortranarray,
    "columns": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: np.flip(np.flip(a).copy()),
}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_any_layout_gives_the_same(mapped, layout):
    arrays = make_inputs(4)
    strided = {name: LAYOUTS[layout](a) if a.ndim else a for name, a in arrays.items()}
    check(run(mapped, strided), plain_map(arrays))


def test_the_number_of_threads_does_not_change_a_bit(mapped):
    omp = ctypes.CDLL("libgomp.so.1")
    arrays = make_inputs(5, 500, 130, 3001)
    threads = omp.omp_get_max_threads()
    results = []
    try:
        for number in (1, 2, 4):
            omp.omp_set_num_threads(number)
            results.append([r.tobytes() for r in run(mapped, arrays)])
    finally:
        omp.omp_set_num_threads(threads)
    assert results[0] == results[1] == results[2]


def with_bad_index(a):
    a["j"][7] = 10


def with_bad_nameless_index(a):
    a["k"][0] = -10


def with_fewer_indices(a):
    a["k"] = a["k"][:-1]


def with_fewer_rows(a):
    a["X"] = a["X"][:-1]


def with_one_row(a):
    a["y"] = a["y"][:1]


def with_longer_rows(a):
    a["V"] = np.ones((10, 6))


def with_one_unit(a):
    a["X"] = a["X"][:, :1]


@pytest.mark.parametrize(
    "change, error, message",
    [
        (
            with_bad_index,
            IndexError,
            "index 10 at position 7 .* table 'V' with 10 rows",
        ),
        (
            with_bad_nameless_index,
            IndexError,
            "index -10 at position 0 .* a table with 9",
        ),
        (with_fewer_indices, ValueError, "12 rows of one table meet 11 of another"),
        (with_fewer_rows, ValueError, "operand 3 has 11 rows: expected 12"),
        (with_one_row, ValueError, "operand 4 has 1 rows: expected 12"),
        (with_longer_rows, ValueError, "rows of operand 1 have 6 elements"),
        (with_one_unit, ValueError, "rows of operand 3 have 1 elements"),
    ],
)
def test_what_does_not_fit_is_refused(mapped, change, error, message):
    arrays = make_inputs(6)
    change(arrays)
    with pytest.raises(error, match=message):
        run(mapped, arrays)


@pytest.mark.parametrize("name, bad", [("j", 10), ("k", -10)])
def test_perform_refuses_a_bad_index_too(name, bad):
    arrays = make_inputs(6)
    arrays[name][3] = bad
    with pytest.raises(IndexError, match="index %d at position 3" % bad):
        run(compile_map(theano.Mode("py", None)), arrays)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda v: v[:-1], "expected 3 vectors of indices and 7 arrays"),
        (lambda v: [T.fvector()] + v[1:], "indices must be a vector of integers"),
        (lambda v: v[:2] + [T.lmatrix()] + v[3:], "indices must be a vector"),
    ],
)
def test_what_the_program_does_not_expect_is_refused_when_built(change, message):
    with pytest.raises(TypeError, match=message):
        RowMap(PROGRAM, ("U", "V", None))(*change(make_variables()))


def test_equal_programs_make_equal_ops():
    op, same = [RowMap(make_program(), ("U", "V", None)) for _ in range(2)]
    assert op == same
    assert hash(op) == hash(same)
    assert op != RowMap(PROGRAM, ("U", "V", "b"))


def test_the_shape_is_known_without_a_run():
    inputs = make_variables()
    outputs = RowMap(PROGRAM, ("U", "V", None))(*inputs, return_list=True)
    arrays = make_inputs(7)
    check_inferred_shape(inputs, outputs, [arrays[name] for name in NAMES], RowMap)


def test_debug_mode_finds_nothing_wrong(host_only):
    mode = theano.compile.DebugMode(
        check_preallocated_output="ALL", check_py_code=True, optimizer=None
    )
    function = compile_map(mode)
    for seed in (1, 2):
        arrays = make_inputs(seed)
        check(run(function, arrays), plain_map(arrays))
