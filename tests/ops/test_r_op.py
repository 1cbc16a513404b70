"""Derivatives along a direction, through every Op of ours that can be in a graph"""

import lasagne
import lasagne_sparse.layers
import numpy as np
import op_nodes
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.ops import Gather, SegmentSum, UniqueRows
from lasagne_sparse.ops.indexing.row_numbers import RowNumbers
from lasagne_sparse.ops.total import Total

INDICES = np.array([1, 3, -1, 1], "int32")
ORDER, OFFSETS = np.array([1, 0, 3, 2]), np.array([0, 2, 2, 4])
STEP = 1e-6


def along(expression, point, values, direction):
    """Returns the derivative by Rop, and by differences"""
    change = T.Rop(expression, point, T.constant(direction))
    given = {point: values}
    ends = [
        expression.eval({point: values + sign * STEP * direction}) for sign in (1, -1)
    ]
    return change.eval(given), (ends[0] - ends[1]) / (2 * STEP)


EXPRESSIONS = {
    "Gather": lambda x: T.exp(Gather()(T.sqr(x), INDICES)),
    "SegmentSum": lambda x: T.exp(SegmentSum()(ORDER, OFFSETS, T.sqr(x))),
    "SegmentSum of two": lambda x: T.exp(
        SegmentSum()(ORDER, OFFSETS, T.sqr(x[:1]), T.constant(np.ones((3, 2))))
    ),
    "Total": lambda x: T.exp(Total()(T.sqr(x))),
    "rows of UniqueRows": lambda x: x[UniqueRows()(INDICES, 4)[0]] ** 2,
    "rows of RowNumbers": lambda x: x[RowNumbers()(INDICES, 4)] ** 2,
}


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_is_the_directional_derivative(name, rng, host_only):
    point = T.dmatrix("point")
    values, direction = rng.randn(4, 2), rng.randn(4, 2)
    by_rop, by_differences = along(EXPRESSIONS[name](point), point, values, direction)
    np.testing.assert_allclose(by_rop, by_differences, rtol=1e-6, atol=1e-8)
    assert by_rop.any()


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Gather()(T.constant(np.ones((4, 2))), T.cast(x[0] * 0, "int32")),
        lambda x: UniqueRows()(T.cast(x[0], "int32"), 4)[0],
        lambda x: RowNumbers()(T.cast(x[0], "int32"), 4),
        lambda x: SegmentSum()(T.cast(x[0] * 0, "int64"), OFFSETS, np.ones((2, 2))),
    ],
    ids=["Gather", "UniqueRows", "RowNumbers", "SegmentSum"],
)
def test_indices_have_no_derivative(make):
    point = T.dmatrix("point")
    node = make(point).owner
    directions = [v if v.dtype.startswith("int") else None for v in node.inputs]
    assert set(node.op.R_op(node.inputs, directions)) == {None}


def test_an_unmoved_input_has_no_derivative():
    node = Total()(T.dmatrix()).owner
    assert node.op.R_op(node.inputs, [None]) == [None]


def test_total_has_the_gradient_of_a_sum(rng, host_only):
    theano.tensor.verify_grad(
        lambda x: T.sqr(Total()(T.exp(x))), [rng.randn(3, 2)], rng=rng
    )


def test_what_compilation_makes_is_refused_in_words():
    for node in op_nodes.compiled(False):
        for differentiate in (node.op.R_op, node.op.grad):
            with pytest.raises(NotImplementedError, match="that theano.function was"):
                differentiate(node.inputs, [v.zeros_like() for v in node.inputs])


@pytest.mark.parametrize("second", [False, True], ids=["first", "second derivative"])
def test_embedding_layer_is_as_lasagnes(second, rng):
    values = rng.randn(5, 3).astype(theano.config.floatX)
    direction = rng.randn(5, 3).astype(theano.config.floatX)
    indices = T.imatrix("indices")
    results = []
    for module in (lasagne.layers, lasagne_sparse.layers):
        layer = module.EmbeddingLayer(
            lasagne.layers.InputLayer((None, 2), indices), 5, 3, W=values
        )
        output = lasagne.layers.get_output(layer)
        if second:  # Hessian times direction
            output = T.grad(T.sum(output**4), layer.W)
        change = T.Rop(output, layer.W, T.constant(direction))
        function = theano.function([indices], change)
        results.append(np.asarray(function([[0, 4], [4, 1]])))
    assert results[0].any()
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)
