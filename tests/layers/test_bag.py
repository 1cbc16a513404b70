"""The bag layer against loops in NumPy: combiners, masks, weights, padding, offsets"""

import pickle

import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne.layers import InputLayer, get_output, get_output_shape
from lasagne_sparse.layers import EmbeddingBagLayer
from toy import (
    NUM_ROWS,
    NUM_UNITS,
    close,
    fast_compiled,
    function,
    new_table,
    same_bits,
)

__all__ = []

FLOAT = theano.config.floatX
COMBINERS = ["sum", "mean", "sqrtn", "max"]


def plain_bag(W, indices, weights, combiner, factors):
    """One bag, and the gradients of ``sum(factors * output)``: by definition"""
    output, by_table = np.zeros(W.shape[1]), np.zeros(W.shape)
    by_weights = np.zeros(len(indices))
    if len(indices) == 0:
        return output, by_table, by_weights
    rows = W[indices].astype("float64")
    if combiner == "max":
        winners = rows.argmax(axis=0)
        for d, k in enumerate(winners):
            output[d] = rows[k, d]
            by_table[indices[k], d] += factors[d]
        return output, by_table, by_weights
    s = np.asarray(weights, "float64")
    total = {"sum": 1, "mean": s.sum(), "sqrtn": np.sqrt((s**2).sum())}[combiner]
    slope = {"sum": 0 * s, "mean": 1 + 0 * s, "sqrtn": s / (total or 1)}[combiner]
    if total == 0:
        return output, by_table, by_weights
    added = (s[:, None] * rows).sum(axis=0)
    output = added / total
    for k, i in enumerate(indices):
        by_table[i] += s[k] * factors / total
        by_weights[k] = factors @ (rows[k] / total - slope[k] * added / total**2)
    return output, by_table, by_weights


def plain(W, bags, combiner, factors):
    """All bags, each a list of pairs (index or None, weight)"""
    outputs, by_table, by_weights = [], np.zeros(W.shape), []
    for bag, row in zip(bags, factors):
        there = [(i % len(W), s) for i, s in bag if i is not None]
        indices, weights = [i for i, _ in there], [s for _, s in there]
        output, change, slopes = plain_bag(W, indices, weights, combiner, row)
        outputs.append(output)
        by_table += change
        slopes = iter(slopes)
        by_weights += [0 if i is None else next(slopes) for i, _ in bag]
    return np.reshape(outputs, (-1, W.shape[1])), by_table, by_weights


class Compiled:
    """A layer, its output, the gradients, and the rows it looked up"""

    def __init__(self, combiner, ragged, masked, weighted, **options):
        self.W, self.combiner = new_table(), combiner
        vector = T.TensorType("int32", (False,) if ragged else (False, False))
        x, shape = vector("x"), (None,) if ragged else (None, None)
        numbers = T.TensorType(FLOAT, x.broadcastable)
        mask, weights, offsets = numbers("mask"), numbers("weights"), T.lvector("at")
        if masked:
            options["mask_input"] = InputLayer(shape, mask)
        if weighted:
            options["weights"] = InputLayer(shape, weights)
        if ragged:
            options["offsets"] = InputLayer((None,), offsets)
        self.layer = EmbeddingBagLayer(
            InputLayer(shape, x),
            NUM_ROWS,
            NUM_UNITS,
            W=self.W,
            combiner=combiner,
            **options,
        )
        factors = T.matrix("factors")
        output = get_output(self.layer)
        loss = T.sum(factors * output)
        by_weights = theano.grad(loss, weights) if weighted else T.zeros_like(x)
        self.function = function(
            [x, mask, weights, offsets, factors],
            [output, theano.grad(loss, self.layer.subset), self.layer.rows, by_weights],
            on_unused_input="ignore",
        )

    def __call__(self, x, mask, weights, offsets, factors):
        cast = [np.asarray(v, FLOAT) for v in (mask, weights, factors)]
        output, subset, rows, by_weights = self.function(
            np.asarray(x, "int32"), cast[0], cast[1], offsets, cast[2]
        )
        by_table = np.zeros((NUM_ROWS, NUM_UNITS), FLOAT)
        by_table[rows] = subset
        return output, by_table, by_weights, rows


PADDING = 2
KINDS = [
    (combiner, ragged, masked, weighted, padded)
    for combiner in COMBINERS
    for ragged, masked, weighted, padded in [
        (False, False, False, False),
        (False, True, True, True),
        (True, False, True, False),
        (True, False, False, True),
    ]
    if not (weighted and combiner == "max")
] + [("max", False, True, False, True)]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def compiled(request):
    combiner, ragged, masked, weighted, padded = request.param
    options = dict(padding_idx=PADDING) if padded else {}
    return Compiled(combiner, ragged, masked, weighted, **options), request.param


@given(data=st.data())
def test_outputs_and_gradients_are_those_of_loops(compiled, data):
    layer, (combiner, ragged, masked, weighted, padded) = compiled
    random = np.random.RandomState(data.draw(st.integers(0, 2**31)))
    lengths = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5))
    if not ragged:
        lengths = [lengths[0]] * len(lengths)
    indices = random.randint(-NUM_ROWS, NUM_ROWS, sum(lengths))
    mask = random.randint(0, 2, sum(lengths)) if masked else np.ones(sum(lengths))
    weights = np.where(mask, random.uniform(0.5, 2, sum(lengths)), 7)
    weights *= random.choice([1, 1, 1, 0], sum(lengths)) if weighted else 0
    weights += not weighted
    absent = (mask == 0) | (padded & (indices % NUM_ROWS == PADDING))
    if masked:  # what is masked may be anything
        indices = np.where(mask, indices, 99)
    pairs = [(None if gone else i, s) for i, s, gone in zip(indices, weights, absent)]
    ends = np.cumsum(lengths)
    bags = [pairs[end - n : end] for end, n in zip(ends, lengths)]
    factors = random.uniform(-1, 1, (len(bags), NUM_UNITS))
    shape = (-1,) if ragged else (len(bags), lengths[0])
    arrays = [np.reshape(v, shape) for v in (indices, mask, weights)]
    output, by_table, by_weights, rows = layer(*arrays, ends - lengths, factors)
    expected = plain(layer.W.get_value(), bags, combiner, factors)
    expected = [np.asarray(v, FLOAT) for v in expected]
    close(output, expected[0])
    close(by_table, expected[1])
    if weighted:
        close(by_weights.ravel(), expected[2])
    there = {i % NUM_ROWS for i, _ in pairs if i is not None}
    assert rows.tolist() == sorted(there)


def make(x=None, shape=(None, None), **options):
    layer = InputLayer(shape, x)
    return EmbeddingBagLayer(layer, NUM_ROWS, NUM_UNITS, W=new_table(), **options)


def test_last_axis_of_more_than_two_is_the_bag():
    x = T.itensor3()
    layer = make(x, (None, None, None), combiner="sum")
    indices = np.arange(12, dtype="int32").reshape(2, 3, 2) % NUM_ROWS
    result = fast_compiled([x], get_output(layer))(indices)
    close(result, layer.W.get_value()[indices].sum(axis=2))
    assert get_output_shape(layer, {layer.input_layers[0]: (2, 3, 2)}) == (2, 3, 3)


def test_output_shape_of_offsets():
    starts = InputLayer((4,), T.ivector())
    layer = make(T.ivector(), (None,), offsets=starts)
    assert get_output_shape(layer) == (4, NUM_UNITS)
    layer = make(T.ivector(), (None,), offsets=np.array([0, 2]))
    assert get_output_shape(layer) == (None, NUM_UNITS)


@pytest.mark.parametrize("combiner", COMBINERS)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_look_up(combiner, shape):
    x = T.imatrix()
    layer = make(x, combiner=combiner)
    result = fast_compiled([x], get_output(layer))(np.zeros(shape, "int32"))
    same_bits(result, np.zeros((shape[0], NUM_UNITS), FLOAT))


def test_infinities_of_other_rows_stay_away_from_a_maximum():
    x = T.imatrix()
    layer = make(x, combiner="max", padding_idx=0)
    table = layer.W.get_value()
    table[1] = -np.inf
    layer.W.set_value(table)
    loss = get_output(layer).sum()
    f = fast_compiled([x], [get_output(layer), theano.grad(loss, layer.subset)])
    output, gradient = f(np.array([[0, 1], [3, 1]], "int32"))
    assert (output[0] == -np.inf).all()
    close(output[1], table[3])
    same_bits(gradient, np.ones((2, NUM_UNITS), FLOAT))


def test_same_input_has_the_same_subset():
    x, mask = T.imatrix(), T.matrix()
    layer = make(x, mask_input=InputLayer((None, None), mask))
    get_output(layer)
    get_output(layer, deterministic=True)
    subset = layer.subset
    assert subset is layer.subset_for(x, mask)
    assert subset is not layer.subset_for(x)
    with pytest.raises(ValueError, match="looked up 2 different inputs"):
        _ = layer.subset


def test_layer_is_saved_without_expressions():
    x = T.imatrix()
    layer = make(x, padding_idx=3)
    get_output(layer)
    saved = pickle.loads(pickle.dumps(layer))
    assert saved.padding_idx == 3
    same_bits(saved.W.get_value(), layer.W.get_value())
    with pytest.raises(ValueError, match="nothing was looked up"):
        _ = saved.subset


def test_update_follows_the_rows_of_bags():
    x = T.imatrix("x")
    layer = make(x, combiner="mean", padding_idx=0)
    loss = (get_output(layer) ** 2).sum()
    updates = lasagne_sparse.updates.adam(loss, [layer.W], learning_rate=0.1)
    train = function([x], loss, updates=updates)
    lasagne_sparse.assert_sparse(train, [layer.W])
    before = layer.W.get_value()
    train(np.array([[0, 4], [4, -1], [0, 0]], "int32"))
    changed = (layer.W.get_value() != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [4, NUM_ROWS - 1]


def test_present_index_out_of_range_raises():
    x = T.imatrix()
    f = fast_compiled([x], get_output(make(x)))
    with pytest.raises(IndexError, match="index 7 at position 1"):
        f(np.array([[0, NUM_ROWS]], "int32"))


@pytest.mark.parametrize("offsets", [[1, 2], [0, 3, 2], [0, 6], [], [0, -1]])
def test_bad_offsets_raise(offsets):
    x, at = T.ivector(), T.lvector()
    layer = make(x, (None,), offsets=InputLayer((None,), at))
    f = fast_compiled([x, at], get_output(layer))
    with pytest.raises(AssertionError, match="offsets must begin with 0, ascend"):
        f(np.arange(5, dtype="int32"), np.array(offsets, "int64"))


def test_mask_of_another_shape_raises():
    x, mask = T.imatrix(), T.matrix()
    layer = make(x, mask_input=InputLayer((None, None), mask))
    f = fast_compiled([x, mask], get_output(layer))
    with pytest.raises(AssertionError, match="a mask must be of the shape"):
        f(np.zeros((2, 3), "int32"), np.ones((3, 2), FLOAT))


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(combiner="average"), ValueError, "combiner must be one of 'sum'"),
        (dict(combiner="max", weights=T.matrix()), ValueError, "has no weights"),
        (dict(padding_idx=NUM_ROWS), ValueError, "padding_idx must be a row"),
        (dict(frozen_rows=[NUM_ROWS]), ValueError, "frozen_rows must be rows"),
        (dict(frozen_rows=[True]), ValueError, "a boolean for each of the 7"),
        (dict(frozen_rows=[0.5]), TypeError, "frozen_rows must be a vector"),
        (dict(max_norm=0), ValueError, "max_norm must be positive"),
    ],
)
def test_bad_option(options, error, words):
    with pytest.raises(error, match=words):
        make(T.imatrix(), **options)


@pytest.mark.parametrize(
    "x, options, words",
    [
        (T.matrix(), {}, "integer dtype"),
        (T.ivector(), {}, "without offsets"),
        (T.imatrix(), dict(offsets=T.ivector()), "and offsets"),
        (T.ivector(), dict(offsets=T.vector()), "offsets that are a vector of int"),
        (T.imatrix(), dict(weights=T.vector()), "weights of the shape"),
    ],
)
def test_bad_input(x, options, words):
    with pytest.raises(TypeError, match=words):
        get_output(make(x, (None,) * x.ndim, **options))
