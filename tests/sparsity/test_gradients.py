"""Which rows does a gradient touch, and with what values?"""

import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.sparsity import dense_terms, row_gradient
from lasagne_sparse.ops import UniqueRows, unique_rows

floatX = theano.config.floatX
NO_COMPILER = theano.Mode(linker="py", optimizer=None)

rng = np.random.RandomState(0)
W = theano.shared(rng.randn(10, 4).astype(floatX), "W")
W3 = theano.shared(rng.randn(10, 4, 3).astype(floatX), "W3")
b = theano.shared(rng.randn(10).astype(floatX), "b")
x, i, j, k = T.imatrix("x"), T.ivector("i"), T.ivector("j"), T.iscalar("k")
VALUES = {
    x: np.array([[1, 2, 2], [7, -1, 3]], "int32"),
    i: np.array([3, 2, -1, 2], "int32"),
    j: np.array([0, 3, 0, 1], "int32"),
    k: np.int32(-2),
}


def layer_lookup(indices):
    rows, inverse = unique_rows(indices.flatten(), W.shape[0], "W")
    return W[rows][inverse]


# name: (what is looked up, the table, the axis, the rows along it)
LOOKUPS = {
    "vector": (W[i], W, 0, [2, 3, 9]),
    "matrix": (W[x], W, 0, [1, 2, 3, 7, 9]),
    "columns": (W[:, j], W, 1, [0, 1, 3]),
    "one row": (W[k], W, 0, [8]),
    "last row": (W[-1], W, 0, [9]),
    "slice": (W[2:5], W, 0, [2, 3, 4]),
    "slice with a step": (W[::3], W, 0, [0, 3, 6, 9]),
    "reversed slice": (W[7:2:-2], W, 0, [3, 5, 7]),
    "symbolic slice": (W[:k], W, 0, list(range(8))),
    "columns by a slice": (W[:, 1:3], W, 1, [1, 2]),
    "one column": (W[:, 0], W, 1, [0]),
    "one element": (W[k, 1], W, 0, [8]),
    "element pairs": (W[i, j], W, 0, [2, 3, 9]),
    "elements of one column": (W[i, 0], W, 0, [2, 3, 9]),
    "parts of rows": (W[i, :2], W, 0, [2, 3, 9]),
    "constant indices": (W[[1, 2, 1]], W, 0, [1, 2]),
    "vector table": (b[i], b, 0, [2, 3, 9]),
    "slice of a vector": (b[2:5], b, 0, [2, 3, 4]),
    "rank 3": (W3[i], W3, 0, [2, 3, 9]),
    "rank 3, middle axis": (W3[:, j], W3, 1, [0, 1, 3]),
    "rank 3, last axis": (W3[:, :, [0, 1, 0]], W3, 2, [0, 1]),
    "rank 3, rows of one unit": (W3[i, :, 0], W3, 0, [2, 3, 9]),
    "our layer": (layer_lookup(i), W, 0, [2, 3, 9]),
    "two lookups": (
        T.concatenate([W[i] * 2, T.sqr(W[x]).reshape((-1, 4))]),
        W,
        0,
        [1, 2, 3, 7, 9],
    ),
    "two of our layers": (
        T.concatenate([layer_lookup(i) * 3, layer_lookup(x) ** 2]),
        W,
        0,
        [1, 2, 3, 7, 9],
    ),
    "two lookups of columns": (
        T.concatenate([W[:, j], W[:, [0]]], axis=1),
        W,
        1,
        [0, 1, 3],
    ),
    "two forms of lookup": (W[i].sum() * W[2:5].sum(), W, 0, [2, 3, 4, 9]),
}
STEPS = {
    "plain": lambda g: g,
    "clipped": lambda g: T.clip(g, -0.5, 0.5),
    "scaled by the total norm": lambda g: -0.3 * g / T.sqrt(T.sqr(g).sum()),
    "guarded against NaN": lambda g: T.switch(T.isnan(g), 0, g),
    "cleared padding row": lambda g: T.set_subtensor(g[0], 0.0),
    "capped by a switch": lambda g: T.switch(T.gt(g, 0.5), 0.5, g),
}


def evaluate(*variables):
    f = theano.function(
        list(VALUES), variables, on_unused_input="ignore", mode=NO_COMPILER
    )
    return f(*VALUES.values())


def gradient_of(lookup, table):
    return theano.grad((lookup**3).sum(), table)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", LOOKUPS)
def test_rows_and_values_are_those_of_the_dense_gradient(name, step):
    lookup, table, axis, rows = LOOKUPS[name]
    gradient = STEPS[step](gradient_of(lookup, table))
    found = row_gradient(gradient, table)
    assert found.axis == axis
    expected, found_rows, values = evaluate(gradient, found.rows, found.values)
    assert sorted(found_rows) == rows
    scattered = np.zeros_like(expected)
    scattered[(slice(None),) * axis + (found_rows,)] = values
    np.testing.assert_allclose(scattered, expected, rtol=1e-5, atol=1e-6)


def test_clipping_comes_after_the_sum_of_repeats():
    gradient = T.clip(theano.grad(W[[5, 5, 5]].sum() * 2, W), -5, 5)
    found = row_gradient(gradient, W)
    assert evaluate(found.values)[0].tolist() == [[5, 5, 5, 5]]


def test_scatter_is_the_dense_gradient():
    gradient = gradient_of(W[i], W)
    expected, found = evaluate(gradient, row_gradient(gradient, W).scatter())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_our_layers_rows_are_taken_as_they_are():
    rows, inverse = unique_rows(i, W.shape[0], "W")
    found = row_gradient(theano.grad(W[rows][inverse].sum(), W), W)
    assert found.rows is rows


def test_lookups_of_two_layers_are_coalesced_once():
    found = row_gradient(gradient_of(*LOOKUPS["two of our layers"][:2]), W)
    indices = found.rows.owner.inputs[0]
    sources = [v for v in theano.gof.graph.ancestors([indices]) if v.owner]
    assert not any(isinstance(v.owner.op, UniqueRows) for v in sources)


def test_table_is_read_off_the_gradient():
    assert row_gradient(gradient_of(W[i], W)).table is W


def test_columns_table_is_read_off_the_gradient():
    assert row_gradient(gradient_of(W[:, j], W)).table is W


def test_gradient_of_uint64_and_int64_lookups_stays_in_integers():
    u, v = T.TensorType("uint64", (False,))(), T.lvector()
    found = row_gradient(theano.grad(W[u].sum() + W[v].sum(), W), W)
    assert found.rows.owner.inputs[0].dtype == "int64"


@given(indices=st.lists(st.integers(-10, 9), min_size=1, max_size=12))
def test_repeats_are_summed(indices):
    step = test_repeats_are_summed
    if not hasattr(step, "compiled"):
        found = row_gradient(theano.grad((W[i] * T.arange(i.size)[:, None]).sum(), W))
        step.compiled = theano.function(
            [i], [found.rows, found.values], mode=NO_COMPILER
        )
    rows, values = step.compiled(np.array(indices, "int32"))
    expected = np.zeros((10, 4))
    for position, index in enumerate(indices):
        expected[index] += position
    np.testing.assert_allclose(values, expected[rows])
    assert len(set(rows)) == len(rows) == len({n % 10 for n in indices})


# --- Where a gradient is not row-sparse ----------------


def dense_terms_of(loss, table=W):
    gradient = theano.grad(loss, table)
    assert row_gradient(gradient, table) is None
    return dense_terms(gradient, table)


def test_penalty_on_the_whole_table_is_a_dense_term():
    assert len(dense_terms_of(W[i].sum() + 0.1 * T.sqr(W).sum())) == 1


def test_penalty_with_the_factor_zero_is_absent():
    loss = W[i].sum() + 0.0 * T.sqr(W).sum()
    assert row_gradient(theano.grad(loss, W), W) is not None


def test_shape_of_the_table_is_no_use_of_it():
    loss = W[i].sum() * W.shape[0]
    assert row_gradient(theano.grad(loss, W), W) is not None


def test_softmax_over_all_rows_is_a_dense_term():
    assert len(dense_terms_of(T.nnet.softmax(T.dot(W[i], W.T))[:, 0].sum())) == 1


def test_lookup_inside_scan_is_a_dense_term():
    sums, _ = theano.scan(lambda row: W[row].sum(), sequences=[i])
    assert len(dense_terms_of(sums.sum())) == 1


def test_rows_and_columns_of_one_table_are_dense_terms():
    assert len(dense_terms_of(W[i].sum() + W[:, j].sum())) == 2


def test_ordinary_parameter_has_no_dense_terms_to_warn_of():
    assert dense_terms_of(T.dot(T.constant(np.ones((2, 10), floatX)), W).sum()) == []


@pytest.mark.parametrize(
    "step",
    [
        lambda g: g + 0.1,
        lambda g: T.clip(g, 0.1, 0.5),
        lambda g: g + 0.1 * W,
        lambda g: T.exp(g),
        lambda g: g.dimshuffle(0, 1) - g.mean(),
        lambda g: T.cumsum(g, axis=0),
    ],
)
def test_step_that_does_not_keep_zeros_is_dense(step):
    assert row_gradient(step(gradient_of(W[i], W)), W) is None
