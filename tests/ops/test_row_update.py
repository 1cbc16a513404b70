"""RowUpdate: what the Op computes, for which arrays, and when it refuses"""

import ctypes

import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.ops.programs.row_program import (
    Operand,
    RowProgram,
    Slot,
    Step,
    Store,
    Sum,
)
from lasagne_sparse.ops.rows.row_update import RowUpdate
from theano import scalar

# One program with everything in it: an accumulator per unit, one per row, a sum over
# the units, sums over lookups, and operands of every kind.
#   per row:  n += sum(g ** 2) + c, with c the sum over lookups of weight ** 2
#   per unit: m = decay * m + (g + a) * vector
#             W += last + gathered + column - m / n + h,
#             with h the sum over lookups of W * decay * x * weight + vector
OPERANDS = (
    Operand("summed", "unit", 2),
    Operand("aligned", "unit", 1),
    Operand("shared", "unit", 1),
    Operand("last", "unit", 1),
    Operand("gathered", "unit", 1),
    Operand("aligned", "row", 1),
    Operand("shared", "row", 1),
    Operand("lookup", "unit", 1),
    Operand("lookup", "row", 1),
)


def make_program():
    f32, f64 = scalar.float32, scalar.float64
    W, m, n = f32("W"), f64("m"), f32("n")
    g, a, vector, last, gathered, column, decay, x, weight = [f32() for _ in OPERANDS]
    h, c = f32(), f32()
    norm, new_n = f32(), f32()
    square = scalar.Composite([g], [g * g])
    count = scalar.Composite([n, norm, c], [n + norm + c])
    product = [W, x, weight, decay, vector]
    products = scalar.Composite(product, [W * decay * x * weight + vector])
    squares = scalar.Composite([weight], [weight * weight])
    new_m = decay * m + (g + a) * vector
    step = last + gathered + column - scalar.Cast(f32)(new_m) / new_n + h
    body = scalar.Composite(
        [W, m, g, a, vector, last, gathered, column, decay, new_n, h], [W + step, new_m]
    )
    table, operand, number = (
        lambda i: Slot("table", i),
        lambda i: Slot("operand", i),
        lambda i: Slot("number", i),
    )
    return RowProgram(
        ("unit", "unit", "row"),
        OPERANDS,
        (
            Step("unit", square, (operand(0),), (Store(0, number(0), "float64"),)),
            Step(
                "row",
                count,
                (table(2), number(0), Slot("sum", 1)),
                (Store(0, table(2), None), Store(0, number(1), None)),
            ),
            Step(
                "unit",
                body,
                (table(0), table(1))
                + tuple(operand(i) for i in range(7))
                + (number(1), Slot("sum", 0)),
                (Store(0, table(0), None), Store(1, table(1), None)),
            ),
        ),
        ("float32", "float32"),
        (),
        (
            Sum(
                "unit",
                products,
                (table(0), operand(7), operand(8), operand(6), operand(2)),
            ),
            Sum("row", squares, (operand(8),)),
        ),
    )


PROGRAM = make_program()
NAMES = ("W m n g_0 g_1 aligned vector last gathered column decay x weight").split()


def plain_update(rows, order, offsets, a):
    """The program as loops over rows and units; `a` maps names to arrays."""
    W, m, n = a["W"].copy(), a["m"].copy(), a["n"].copy()
    g_all = np.concatenate([a["g_0"], a["g_1"]])
    for k, row in enumerate(rows):
        lookups = order[offsets[k] : offsets[k + 1]]
        g = np.zeros(W.shape[1:], "float32")
        for j in lookups:
            g += g_all[j]
        h = np.zeros(W.shape[1:], "float32")
        for j in lookups:
            h += W[row] * a["decay"] * a["x"][j] * a["weight"][j] + a["vector"][0]
            n[row] += a["weight"][j] ** 2
        n[row] += sum(float(x) ** 2 for x in g.flat)
        m[row] = a["decay"] * m[row] + (g + a["aligned"][k]) * a["vector"][0]
        W[row] += (
            a["last"][lookups[-1]]
            + a["gathered"][row]
            + a["column"][k]
            - m[row] / n[row]
            + h
        )
    return W, m, n


def make_inputs(seed, num_rows=9, num_units=5, num_lookups=12, num_first=4):
    rng = np.random.RandomState(seed)
    indices = rng.randint(0, num_rows, num_lookups)
    rows = np.array(list(dict.fromkeys(indices.tolist())), "int64")
    inverse = np.array([list(rows).index(i) for i in indices], "int64")
    order = np.argsort(inverse, kind="stable")
    offsets = np.append(0, np.cumsum(np.bincount(inverse, minlength=len(rows))))
    shapes = dict(
        W=(num_rows, num_units),
        m=(num_rows, num_units),
        n=(num_rows,),
        g_0=(num_first, num_units),
        g_1=(num_lookups - num_first, num_units),
        aligned=(len(rows), num_units),
        vector=(1, num_units),
        last=(num_lookups, num_units),
        gathered=(num_rows, num_units),
        column=(len(rows), 1),
        decay=(),
        x=(num_lookups, num_units),
        weight=(num_lookups,),
    )
    arrays = {
        name: np.asarray(
            rng.uniform(0.5, 1.5, shape), "float64" if name == "m" else "float32"
        )
        for name, shape in shapes.items()
    }
    return (rows, order.astype("int64"), offsets.astype("int64")), arrays


def make_variables():
    matrix, vector = T.fmatrix, T.fvector
    variables = [T.lvector() for _ in range(3)]
    arrays = [matrix(), T.dmatrix(), vector()] + [matrix() for _ in range(3)]
    arrays += [T.frow(), matrix(), matrix(), T.fcol(), T.fscalar()]
    arrays += [matrix(), vector()]
    return variables, arrays


def compile_update(inplace=(), linker="c|py", **kwargs):
    groups, arrays = make_variables()
    outputs = RowUpdate(PROGRAM, inplace)(*(groups + arrays), return_list=True)
    ins = [
        theano.In(v, borrow=True, mutable=i in inplace) for i, v in enumerate(arrays)
    ]
    mode = theano.Mode(linker, None)
    return theano.function(
        groups + ins,
        [theano.Out(v, borrow=True) for v in outputs],
        mode=mode,
        accept_inplace=True,
        **kwargs,
    )


@pytest.fixture(scope="module")
def copying():
    return compile_update()


@pytest.fixture(scope="module")
def in_place():
    return compile_update((0, 1, 2))


def run(function, groups, arrays):
    return function(*groups, *[arrays[name] for name in NAMES])


def check(results, expected):
    for result, value in zip(results, expected):
        assert result.dtype == value.dtype
        np.testing.assert_allclose(result, value, rtol=2e-5, atol=1e-6)


@given(
    st.integers(0, 2**31),
    st.integers(1, 40),
    st.integers(1, 67),
    st.integers(1, 50),
    st.integers(0, 50),
)
def test_each_row_is_what_the_loops_say(copying, seed, rows, units, lookups, first):
    groups, arrays = make_inputs(seed, rows, units, lookups, min(first, lookups))
    expected = plain_update(*groups, arrays)
    before = {name: value.copy() for name, value in arrays.items()}
    check(run(copying, groups, arrays), expected)
    for name, value in before.items():
        np.testing.assert_array_equal(arrays[name], value)


def no_rows(arrays):
    none = np.zeros(0, "int64")
    for name in ("aligned", "column", "g_0", "g_1", "last", "x", "weight"):
        arrays[name] = arrays[name][:0]
    return (none, none, np.zeros(1, "int64")), arrays


def test_perform_is_what_the_loops_say():
    function = compile_update(linker="py")
    for groups, arrays in (make_inputs(3), no_rows(make_inputs(3)[1])):
        check(run(function, groups, arrays), plain_update(*groups, arrays))


def test_in_place_the_tables_themselves_change(in_place):
    groups, arrays = make_inputs(4)
    expected = plain_update(*groups, arrays)
    results = run(in_place, groups, arrays)
    check([arrays["W"], arrays["m"], arrays["n"]], expected)
    assert all(np.shares_memory(r, arrays[t]) for r, t in zip(results, "Wmn"))


def test_rows_that_are_not_touched_keep_every_bit(in_place):
    groups, arrays = make_inputs(5, num_rows=30)
    before = arrays["W"].copy()
    run(in_place, groups, arrays)
    others = np.setdiff1d(np.arange(30), groups[0])
    assert len(others)
    np.testing.assert_array_equal(arrays["W"][others], before[others])


def test_no_rows_change_nothing(in_place):
    groups, arrays = no_rows(make_inputs(6)[1])
    before = arrays["W"].copy()
    run(in_place, groups, arrays)
    np.testing.assert_array_equal(arrays["W"], before)


LAYOUTS = {
    "fortran": np.asfortranarray,
    "columns": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: (
        a[::-1, ::-1].copy()[::-1, ::-1] if a.ndim == 2 else a[::-1].copy()[::-1]
    ),
}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_any_layout_gives_the_same(in_place, layout):
    groups, arrays = make_inputs(7)
    expected = plain_update(*groups, arrays)
    strided = {name: LAYOUTS[layout](a) if a.ndim else a for name, a in arrays.items()}
    groups = [np.repeat(v, 2)[::2] for v in groups]
    run(in_place, groups, strided)
    check([strided["W"], strided["m"], strided["n"]], expected)


def test_the_number_of_threads_does_not_change_a_bit(copying):
    omp = ctypes.CDLL("libgomp.so.1")
    groups, arrays = make_inputs(8, 900, 130, 3000, 1000)
    threads = omp.omp_get_max_threads()
    results = []
    try:
        for number in (1, 2, 4):
            omp.omp_set_num_threads(number)
            results.append([r.tobytes() for r in run(copying, groups, arrays)])
    finally:
        omp.omp_set_num_threads(threads)
    assert results[0] == results[1] == results[2]


def test_storage_of_an_earlier_result_is_used_again(host_only):
    groups, arrays = make_inputs(9)
    mode = theano.compile.DebugMode(
        check_preallocated_output="ALL", check_py_code=True, optimizer=None
    )
    variables, inputs = make_variables()
    outputs = RowUpdate(PROGRAM)(*(variables + inputs), return_list=True)
    function = theano.function(variables + inputs, outputs, mode=mode)
    check(run(function, groups, arrays), plain_update(*groups, arrays))


# What is refused, and that nothing is written then


def refused(in_place, error, words, **changes):
    groups, arrays = make_inputs(10)
    groups = dict(zip(("rows", "order", "offsets"), groups))
    for name, change in changes.items():
        place = groups if name in groups else arrays
        place[name] = change(place[name])
    before = {name: arrays[name][..., :9].copy() for name in "Wmn"}
    with pytest.raises(error, match=words):
        run(in_place, groups.values(), arrays)
    for name, value in before.items():
        np.testing.assert_array_equal(arrays[name][..., :9], value)


def set_at(position, value):
    def change(array):
        array = array.copy()
        array[position] = value
        return array

    return change


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "error, words, changes",
    [
        (
            IndexError,
            "row 9 is out of range for table 0 with 9 rows",
            dict(rows=set_at(2, 9)),
        ),
        (IndexError, "out of range for table 0", dict(rows=set_at(1, -1))),
        (
            IndexError,
            "row 8 is out of range for table 2 with 8 rows",
            dict(rows=set_at(0, 8), n=lambda n: n[:-1]),
        ),
        (
            IndexError,
            "out of range for operand 0 with 12 rows",
            dict(order=set_at(3, 12)),
        ),
        (
            ValueError,
            "operand 3 has 5 rows: expected 12, one for each lookup",
            dict(last=lambda v: v[:5]),
        ),
        (ValueError, "operand 0 has 11 rows: expected 12", dict(g_1=lambda v: v[1:])),
        (IndexError, "offsets must ascend", dict(offsets=set_at(-1, 13))),
        (ValueError, "no lookup", dict(offsets=lambda v: np.zeros_like(v))),
        (
            ValueError,
            "offsets must have one entry more",
            dict(offsets=lambda v: v[:-1]),
        ),
        (ValueError, "operand 1 has 2 rows: expected", dict(aligned=lambda v: v[:2])),
        (ValueError, "the rows of table 1 have 4 elements", dict(m=lambda v: v[:, :4])),
        (ValueError, "the rows of operand 2 have 3", dict(vector=lambda v: v[:, :3])),
        (ValueError, "the rows of operand 0 have 4", dict(g_1=lambda v: v[:, :4])),
        (ValueError, "table 1 is read-only", dict(m=read_only)),
        (ValueError, "table 2 is read-only", dict(n=read_only)),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    in_place, error, words, changes
):
    refused(in_place, error, words, **changes)


def test_without_memory_nothing_is_written(in_place):
    def huge(array):
        shape = (len(array), 2**44)
        strides = (array.strides[0], 0)
        return np.lib.stride_tricks.as_strided(array, shape, strides)

    names = "W m g_0 g_1 aligned vector last gathered x".split()
    refused(in_place, MemoryError, None, **dict.fromkeys(names, huge))


def test_what_the_program_does_not_expect_is_refused_when_built():
    groups, arrays = make_variables()
    with pytest.raises(TypeError, match="expected 3 tables and 10 arrays"):
        RowUpdate(PROGRAM)(*(groups + arrays[:-1]))
    with pytest.raises(TypeError, match="order must be a vector of int64"):
        RowUpdate(PROGRAM)(groups[0], T.ivector(), groups[2], *arrays)


def test_equal_programs_make_equal_ops():
    one, other = RowUpdate(PROGRAM), RowUpdate(make_program())
    assert one == other and hash(one) == hash(other)
    assert one != one.clone_inplace()
    assert one.clone_inplace().destroy_map == {0: [3], 1: [4], 2: [5]}
    assert one.clone_inplace((1,)).destroy_map == {1: [4]}
    assert one.c_code_cache_version() == other.c_code_cache_version() != ()


def test_the_shape_is_that_of_the_tables():
    groups, arrays = make_variables()
    outputs = RowUpdate(PROGRAM)(*(groups + arrays), return_list=True)
    shapes = theano.function(
        groups + arrays,
        [v.shape for v in outputs],
        on_unused_input="ignore",
        mode=theano.Mode("py", "fast_run"),
    )
    assert not any(isinstance(n.op, RowUpdate) for n in shapes.maker.fgraph.apply_nodes)
