"""The sum of all elements: against exact sums, and where the rewrite puts it in"""

import math

import numpy as np
import pytest
import theano
import theano.tensor as T
from graph_text import compile_to_python
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.ops.total import Total
from op_checks import check_inferred_shape
from theano.compile.debugmode import DebugMode
from theano.gof.opt import check_stack_trace
from theano.tensor.elemwise import Sum

pytestmark = pytest.mark.usefixtures("host_only")

_compiled = {}


def compiled(dtype, linker="c"):
    """The Op for matrices of a dtype; each is compiled once"""
    if (dtype, linker) not in _compiled:
        x = T.matrix(dtype=dtype)
        mode = theano.Mode(linker, None)
        _compiled[dtype, linker] = theano.function([x], Total()(x), mode=mode)
    return _compiled[dtype, linker]


LAYOUTS = {
    "as it is": lambda a: a,
    "transposed": lambda a: a.T,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backwards": lambda a: a[::-1, ::-1],
}


@pytest.mark.parametrize("linker", ["c", "py"])
@given(
    shape=st.tuples(st.integers(0, 9), st.integers(0, 40)),
    layout=st.sampled_from(sorted(LAYOUTS)),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 99),
)
def test_is_the_exact_sum_to_rounding(linker, shape, layout, dtype, seed):
    values = np.random.RandomState(seed).uniform(-1, 1, shape).astype(dtype)
    total = compiled(dtype, linker)(LAYOUTS[layout](values))
    assert total.dtype == dtype and total.shape == ()
    expected = math.fsum(values.ravel().tolist())
    # Each of the additions in float64 may be off by half a unit, and the result once.
    rounding = values.size * 2.0**-53 * np.abs(values).sum()
    rounding += abs(expected) * np.finfo(dtype).eps
    assert abs(float(total) - expected) <= rounding + 1e-300


def test_many_small_numbers_are_not_lost_beside_a_large_one():
    values = np.full((1000, 1000), 1e-3, "float32")
    values[0, 0] = 1e6
    assert compiled("float32")(values) == np.float32(values.sum(dtype="float64"))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_comes_through(odd):
    values = np.ones((3, 50), "float32")
    values[1, 7] = odd
    np.testing.assert_equal(float(compiled("float32")(values)), odd)


def test_same_bits_in_any_layout(rng):
    values = rng.randn(40, 50)[:, ::3]
    assert compiled("float64")(values) == compiled("float64")(values.copy())


def test_same_bits_each_time(rng):
    values = rng.uniform(-1, 1, (70, 71)).astype("float32")
    function = compiled("float32")
    assert {function(values).tobytes() for _ in range(3)} == {
        function(values.copy()).tobytes()
    }


def test_shape_is_known_without_the_sum():
    x = T.fmatrix()
    check_inferred_shape([x], [Total()(x)], [np.ones((2, 3), "float32")], Total)


def test_debug_mode_finds_nothing_wrong(rng):
    x = T.fmatrix()
    mode = DebugMode(check_preallocated_output=["ALL"])
    function = theano.function([x], (x**2).sum(), mode=mode)
    values = rng.uniform(-1, 1, (5, 40)).astype("float32")
    np.testing.assert_allclose(function(values), (values**2).sum(), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "int64", "complex64"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(
        TypeError, match="float32 or float64, got TensorType.%s" % dtype
    ):
        Total()(T.matrix(dtype=dtype))


def ops(inputs, output):
    nodes = compile_to_python(inputs, output).maker.fgraph.apply_nodes
    return [type(node.op) for node in nodes]


@pytest.mark.parametrize("make", [T.fvector, T.fmatrix, T.dmatrix, T.ftensor4])
def test_a_loss_is_a_total(make):
    x = make()
    for loss in (T.sum(x**2), T.mean(abs(x))):
        assert Total in ops([x], loss)
        assert Sum not in ops([x], loss)


@pytest.mark.parametrize(
    "make",
    [
        lambda: (T.fmatrix(), dict(axis=0)),
        lambda: (T.imatrix(), {}),
        lambda: (T.tensor(dtype="float16", broadcastable=[False]), {}),
        lambda: (T.fmatrix(), dict(acc_dtype="float32")),
        lambda: (T.fmatrix(), dict(dtype="float64")),
    ],
)
def test_other_sums_stay(make):
    x, options = make()
    assert Total not in ops([x], T.sum(x, **options))


def test_new_node_tells_where_it_comes_from():
    x = T.fmatrix()
    function = compile_to_python([x], (x**2).sum())
    assert check_stack_trace(function, ops_to_check=[Total])
