"""BagSum: sums of weighted rows by bag, with both linkers against a loop in NumPy"""

import lasagne_sparse  # noqa: F401
import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.ops import BagSum
from op_checks import check_inferred_shape

__all__ = []

pytestmark = pytest.mark.usefixtures("host_only")
DTYPES = ["float32", "float64"]


def plain(table, indices, bags, num_bags, weights=None):
    """The definition"""
    sums = np.zeros((num_bags,) + table.shape[1:], table.dtype)
    for i in range(len(indices)):
        sums[bags[i]] += table[indices[i]] * (1 if weights is None else weights[i])
    return sums


def symbols(dtype, weighted, num_dims=2):
    table = T.TensorType(dtype, (False,) * num_dims)("table")
    inputs = [table, T.ivector("indices"), T.lvector("bags"), T.lscalar("num_bags")]
    return inputs + [T.vector("weights", dtype)] * weighted


@pytest.fixture(scope="module")
def compiled():
    """Functions of (linker, dtype, weighted), each made once"""
    made = {}

    def function(linker, dtype, weighted):
        key = linker, dtype, weighted
        if key not in made:
            inputs = symbols(dtype, weighted)
            mode = theano.Mode(linker, None)
            made[key] = theano.function(inputs, BagSum("W")(*inputs), mode=mode)
        return made[key]

    return function


def values(seed, lengths, dtype, weighted, num_units=3, ascending=True):
    """Random arguments, with bags of these lengths"""
    random = np.random.RandomState(seed)
    bags = np.repeat(np.arange(len(lengths)), lengths)
    if not ascending:
        bags = random.permutation(bags) - random.randint(0, 2, len(bags)) * len(lengths)
    arguments = [
        random.uniform(-1, 1, (7, num_units)).astype(dtype),
        random.randint(-7, 7, sum(lengths)).astype("int32"),
        bags.astype("int64"),
        len(lengths),
    ]
    if weighted:
        arguments.append(random.uniform(-1, 1, sum(lengths)).astype(dtype))
    return arguments


def close(ours, theirs):
    assert ours.dtype == theirs.dtype
    tolerance = 1e-5 if ours.dtype == "float32" else 1e-12
    np.testing.assert_allclose(ours, theirs, tolerance, tolerance)


@pytest.mark.parametrize("linker", ["py", "c"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@given(
    seed=st.integers(0, 2**31),
    lengths=st.lists(st.integers(0, 6), max_size=6),
    num_units=st.sampled_from([0, 1, 3, 16, 32, 64]),
    ascending=st.booleans(),
)
def test_sums_are_those_of_a_loop(
    compiled, linker, weighted, dtype, seed, lengths, num_units, ascending
):
    arguments = values(seed, lengths, dtype, weighted, num_units, ascending)
    close(compiled(linker, dtype, weighted)(*arguments), plain(*arguments))


@pytest.mark.parametrize("weighted", [False, True])
def test_strided_arrays(compiled, weighted):
    function = compiled("c", "float64", weighted)
    arguments = values(1, [2, 0, 3], "float64", weighted, ascending=False)
    expected = plain(*arguments)
    for layout in (np.asfortranarray, lambda v: np.repeat(v, 2, axis=0)[::2]):
        strided = [layout(v) if np.ndim(v) else v for v in arguments]
        close(function(*strided), expected)


@pytest.mark.parametrize("linker", ["py", "c"])
def test_rows_that_are_matrices(linker):
    inputs = symbols("float64", False, 3)
    function = theano.function(
        inputs, BagSum()(*inputs), mode=theano.Mode(linker, None)
    )
    arguments = values(1, [2, 0, 3], "float64", False)
    arguments[0] = np.random.RandomState(1).uniform(-1, 1, (7, 2, 3))
    close(function(*arguments), plain(*arguments))


@pytest.mark.parametrize("linker", ["py", "c"])
@pytest.mark.parametrize(
    "position, value, error, words",
    [
        (1, [0, 7], IndexError, "index 7 at position 1 is out of range for table 'W'"),
        (
            2,
            [0, -3],
            IndexError,
            "index -3 at position 1 is out of range .* 'bags'",
        ),
        (2, [0], ValueError, "a bag, and a weight if there are any, for each of 2"),
        (4, [1.0, 2, 3], ValueError, "for each of 2 indices; got 3"),
        (3, -1, IndexError, "it has no row to look up"),
    ],
)
def test_errors(compiled, linker, position, value, error, words):
    arguments = values(1, [1, 1], "float64", True)
    dtypes = ["float64", "int32", "int64", "int64", "float64"]
    arguments[position] = np.array(value, dtypes[position])
    with pytest.raises(error, match=words):
        compiled(linker, "float64", True)(*arguments)


@pytest.mark.parametrize(
    "position, symbol", [(1, T.fvector()), (2, T.fvector()), (3, T.fscalar())]
)
def test_wrong_kinds_are_refused(position, symbol):
    inputs = symbols("float64", True)
    inputs[position] = symbol
    with pytest.raises(TypeError):
        BagSum()(*inputs)


def test_weights_of_another_dtype_are_refused():
    inputs = symbols("float64", False)
    with pytest.raises(TypeError, match="weights of dtype float64"):
        BagSum()(*inputs, T.fvector())


def test_shape_is_inferred():
    inputs = symbols("float64", True)
    arguments = values(1, [2, 0, 3], "float64", True)
    check_inferred_shape(inputs, [BagSum()(*inputs)], arguments, BagSum)


def test_gradients_are_finite_differences():
    table, indices, bags, num_bags, weights = values(1, [2, 0, 3], "float64", True)
    mode = theano.Mode("py", None)
    with theano.configparser.change_flags(floatX="float64"):
        T.verify_grad(
            lambda W, s: BagSum()(W, indices, bags, num_bags, s),
            [table, weights],
            rng=np.random,
            mode=mode,
        )


def test_directional_derivative():
    arguments = values(1, [2, 0, 3], "float64", True)
    inputs = symbols("float64", True)
    directions = [inputs[0].type(), inputs[4].type()]
    derivative = T.Rop(BagSum()(*inputs), [inputs[0], inputs[4]], directions)
    function = theano.function(inputs + directions, derivative, mode=theano.Mode("py"))
    along = [np.cos(np.arange(v.size)).reshape(v.shape) for v in arguments[::4]]
    expected = plain(along[0], *arguments[1:]) + plain(*arguments[:4], along[1])
    close(function(*arguments, *along), expected)


def test_debug_mode():
    inputs = symbols("float32", True)
    arguments = values(1, [2, 0, 3], "float32", True, 16, False)
    function = theano.function(inputs, BagSum("W")(*inputs), mode="DebugMode")
    close(function(*arguments), plain(*arguments))
    assert BagSum("W") == BagSum("W") != BagSum("V")
