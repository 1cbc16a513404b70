"""Which operations work row by row: their rows from rows, their backgrounds"""

import lasagne_sparse  # noqa: F401  # before Theano
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.sparsity import Background
from lasagne_sparse.sparsity.restrict import restrict

NO_COMPILER = theano.Mode(linker="py", optimizer=None)
ROWS = np.array([4, 1, 3])

rng = np.random.RandomState(3)
m = T.dmatrix("m")
cube = T.dtensor3("cube")
M = theano.shared(rng.randn(3, 3), "M")
VALUES = {m: rng.randn(6, 3), cube: rng.randn(6, 3, 2)}

# name: (expression, the axis of its rows)
ROW_BY_ROW = {
    "elementwise": (T.tanh(m) * 2 + 1, 0),
    "columns of an elementwise": (T.tanh(m.T), 1),
    "sum over units": (m.sum(axis=1), 0),
    "sum over units, kept": (m * m.norm(2, axis=1, keepdims=True), 0),
    "maximum over units": (m.max(axis=1), 0),
    "place of the maximum": (T.argmax(m, axis=1), 0),
    "mean of the last axis": (cube.mean(axis=2), 0),
    "product with a matrix": (T.dot(m, M), 0),
    "product with a vector": (T.dot(m, M[0]), 0),
    "product from the left": (T.dot(M, m.T), 1),
    "cumulated along units": (T.cumsum(m, axis=1), 0),
    "softmax of each row": (T.nnet.softmax(m), 0),
    "joined along units": (T.concatenate([m, 2 * m], axis=1), 0),
    "some units": (m[:, 1:], 0),
    "one unit": (m[:, 0], 0),
    "one unit of a cube": (cube[:, :, 1], 0),
    "rows along the last axis": (cube.dimshuffle(2, 1, 0)[0], 1),
    "a unit is cleared": (T.set_subtensor(m[:, 0], 0), 0),
    "a unit is set by row": (T.set_subtensor(m[:, 0], m[:, 1]), 0),
    "units are added to": (T.inc_subtensor(m[:, 1:], m[:, :2]), 0),
    "a row is set": (T.set_subtensor(m[1], 7), 0),
    "the last row is added to": (T.inc_subtensor(m[-3], 7), 0),
    "spread zeros": (m + T.zeros((6, 3)), 0),
    "spread by units": (T.alloc(m[0], 6, 3), 0),
    "a large constant": (m + T.constant(rng.randn(6, 3)), 0),
}
NOT_ROW_BY_ROW = {
    "cumulated over rows": T.cumsum(m, axis=0),
    "joined along rows": T.concatenate([m, m], axis=0),
    "reversed rows": m[::-1],
    "reshaped": m.reshape((6, 3)),
}


def evaluated(*variables):
    inputs = [m, cube]
    f = theano.function(
        inputs, list(variables), mode=NO_COMPILER, on_unused_input="ignore"
    )
    return f(*[VALUES[v] for v in inputs])


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_rows_are_made_of_rows(name):
    expression, axis = ROW_BY_ROW[name]
    opaque = []
    restricted = restrict(expression, T.constant(ROWS), axis, opaque=opaque)
    assert opaque == []
    whole, rows = evaluated(expression, restricted)
    np.testing.assert_allclose(rows, np.take(whole, ROWS, axis))


@pytest.mark.parametrize("name", NOT_ROW_BY_ROW)
def test_what_does_not_work_row_by_row_is_computed_for_all_rows(name):
    expression, opaque = NOT_ROW_BY_ROW[name], []
    restricted = restrict(expression, T.constant(ROWS), opaque=opaque)
    assert len(opaque) >= 1
    whole, rows = evaluated(expression, restricted)
    np.testing.assert_allclose(rows, whole[ROWS])


@pytest.mark.parametrize("step", [lambda g: g, lambda g: g - 3], ids=["0", "-3"])
@pytest.mark.parametrize(
    "name", [n for n in ROW_BY_ROW if "row is" not in n and "last row" not in n]
)
def test_background_is_what_rows_that_were_not_looked_up_are(name, step):
    """Where it is known: sums and products, for example, know it of zeros only"""
    expression, axis = ROW_BY_ROW[name]
    source = cube if cube in theano.gof.graph.inputs([expression]) else m
    rows = T.constant([2, 5, 2])
    scattered = T.inc_subtensor(T.zeros_like(source)[rows], T.ones_like(source)[rows])
    expression = theano.clone(expression, replace={source: step(scattered)})
    value = Background().value(expression, axis)
    if value is not None:
        (whole,) = evaluated(expression)
        np.testing.assert_allclose(np.take(whole, [0, 1, 3, 4], axis), value)


@pytest.mark.parametrize(
    "name",
    ["sum over units", "maximum over units", "product with a matrix", "some units"],
)
def test_background_of_zeros_is_known(name):
    expression, axis = ROW_BY_ROW[name]
    scattered = T.inc_subtensor(T.zeros_like(m)[[2, 5]], T.ones_like(m)[[2, 5]])
    expression = theano.clone(expression, replace={m: scattered})
    assert Background().value(expression, axis) == 0


def test_row_out_of_range_that_is_set_raises():
    """It would be another row, taken modulo the number of rows"""
    with pytest.raises(IndexError, match="index 6 .* 6 rows"):
        evaluated(restrict(T.set_subtensor(m[6], 0), T.constant(ROWS)))


def test_shared_parts_are_restricted_once():
    h, rows = m, T.constant(ROWS)
    for _ in range(40):
        h = T.tanh(h) * h
    assert len(theano.gof.graph.io_toposort([m], [restrict(h, rows)])) < 90


def test_backgrounds_of_shared_and_deep_parts_are_found_once():
    h = T.inc_subtensor(T.zeros_like(m)[[2, 5]], T.ones_like(m)[[2, 5]])
    for _ in range(2000):
        h = T.tanh(h) * h + h
    assert Background().value(h, 0) == 0
