"""Options of layers with a table: padding, frozen rows, norms, masks, conversion"""

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import DenseLayer, InputLayer, get_all_params, get_output
from lasagne_sparse.layers import (
    EmbeddingBagLayer,
    EmbeddingLayer,
    PaddingMaskLayer,
    constrain_rows,
    convert,
)
from lasagne_sparse.updates import adam, sgd
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
INDICES = np.array([[0, 2, -1], [5, 0, 2]], "int32")
x = T.imatrix("x")


def make(layer=EmbeddingLayer, **options):
    source = InputLayer((None, None), x)
    return layer(source, NUM_ROWS, NUM_UNITS, W=new_table(), **options)


def trained(layer, steps=2):
    """The table after steps of adam, and which rows changed"""
    loss = T.sum(T.sqr(get_output(layer) - 1))
    updates = adam(loss, [layer.W], learning_rate=0.1)
    train = function([x], updates=updates)
    lasagne_sparse.assert_sparse(train, [layer.W])
    before = layer.W.get_value()
    for _ in range(steps):
        train(INDICES)
    return np.flatnonzero((layer.W.get_value() != before).any(axis=1)).tolist()


LAYERS = [EmbeddingLayer, EmbeddingBagLayer]


@pytest.mark.parametrize("padding_idx", [0, -NUM_ROWS])
def test_padding_reads_zeros(padding_idx):
    layer = make(padding_idx=padding_idx)
    result = fast_compiled([x], get_output(layer))(INDICES)
    expected = layer.W.get_value()[INDICES]
    expected[INDICES == 0] = 0
    same_bits(result, expected)


def test_last_row_as_padding_is_found_by_negative_indices_too():
    layer = make(padding_idx=NUM_ROWS - 1)
    result = fast_compiled([x], get_output(layer))(INDICES)
    same_bits(result[0, 2], np.zeros(NUM_UNITS, FLOAT))


def test_padding_of_unsigned_indices():
    indices = np.array([[0, 2], [6, 0]], "uint8")
    layer, symbol = make(padding_idx=0), T.TensorType("uint8", (False, False))()
    result = fast_compiled([symbol], get_output(layer, symbol))(indices)
    same_bits(result[0, 0], np.zeros(NUM_UNITS, FLOAT))
    same_bits(result[1, 0], layer.W.get_value()[6])


@pytest.mark.parametrize("kind", LAYERS)
def test_padding_is_never_changed(kind):
    layer = make(kind, padding_idx=0)
    assert trained(layer) == [2, 5, NUM_ROWS - 1]
    rows = function([x], layer.rows)(INDICES)
    assert rows.tolist() == [2, 5, NUM_ROWS - 1]


@pytest.mark.parametrize("frozen", [[2, -1], np.arange(NUM_ROWS) % 4 == 2])
@pytest.mark.parametrize("kind", LAYERS)
def test_frozen_rows_are_never_changed(kind, frozen):
    layer = make(kind, frozen_rows=frozen)
    assert layer.frozen_rows.tolist() == [2, NUM_ROWS - 1]
    assert trained(layer) == [0, 5]


@pytest.mark.parametrize("kind", LAYERS)
def test_frozen_rows_are_read(kind):
    layer, plain = make(kind, frozen_rows=[2, 3]), make(kind)
    outputs = fast_compiled([x], [get_output(layer), get_output(plain)])(INDICES)
    close(*outputs)


@pytest.mark.parametrize("combiner", ["mean", "max"])
def test_frozen_rows_and_padding_in_a_bag(combiner):
    layer = make(EmbeddingBagLayer, combiner=combiner, frozen_rows=[2], padding_idx=0)
    table = layer.W.get_value()
    result = fast_compiled([x], get_output(layer))(INDICES)
    by = dict(mean=np.mean, max=np.max)[combiner]
    close(result[0], by(table[[2, -1]], axis=0).astype(FLOAT))
    close(result[1], by(table[[5, 2]], axis=0).astype(FLOAT))
    gradient = theano.grad(get_output(layer).sum(), layer.subset)
    assert function([x], gradient)(INDICES).shape == (2, NUM_UNITS)


def test_nothing_frozen_and_nothing_of_it():
    assert make(frozen_rows=[]).frozen_rows.tolist() == []
    assert make().frozen_rows.tolist() == []


def test_constrained_rows_are_as_long_as_allowed():
    """Those that were updated: others stay as they are"""
    layer = make(max_norm=0.5)
    before = layer.W.get_value()
    loss = T.sum(get_output(layer))
    updates = constrain_rows(sgd(loss, [layer.W], 3.0), layer)
    train = function([x], updates=updates)
    lasagne_sparse.assert_sparse(train, [layer.W])
    train(INDICES)
    after = layer.W.get_value()
    counts = np.bincount(INDICES.ravel() % NUM_ROWS, minlength=NUM_ROWS)[:, None]
    moved = before - 3 * counts
    norms = np.sqrt((moved**2).sum(axis=1, keepdims=True))
    expected = moved * np.minimum(norms, 0.5) / (1e-7 + norms)
    expected = np.where(counts > 0, expected, before)
    close(after, expected.astype(FLOAT))
    same_bits(after[counts[:, 0] == 0], before[counts[:, 0] == 0])


def test_smallest_norm_of_layers_with_one_table_counts():
    one = make(max_norm=2.0)
    other = EmbeddingLayer(
        InputLayer((None, None), x), *one.W.get_value().shape, W=one.W
    )
    other.max_norm = 0.5
    loss = T.sum(get_output(one) + get_output(other))
    updates = constrain_rows(sgd(loss, [one.W], 3.0), [one, other])
    function([x], updates=updates)(INDICES)
    norms = np.sqrt((one.W.get_value()[np.unique(INDICES)] ** 2).sum(axis=1))
    np.testing.assert_allclose(norms, 0.5, 1e-5)


def test_constraint_without_an_update_is_an_error():
    layer = make(max_norm=1.0, name="words")
    with pytest.raises(ValueError, match="'words' has max_norm=1.0, but the updates"):
        constrain_rows({}, layer)


def test_mask_of_padding():
    layer = PaddingMaskLayer(InputLayer((None, None), x), 0)
    result = fast_compiled([x], get_output(layer))(INDICES)
    same_bits(result, (INDICES != 0).astype(FLOAT))
    assert layer.output_shape == (None, None)


def test_converted_network_is_the_same_and_sparse():
    source = InputLayer((None, 3), x)
    words = lasagne.layers.EmbeddingLayer(source, NUM_ROWS, NUM_UNITS, name="words")
    network = DenseLayer(words, 2)
    params, plain = get_all_params(network), get_output(network)
    assert convert(network) == [words] == convert([network]) + [words]
    assert isinstance(words, EmbeddingLayer) and words.name == "words"
    assert get_all_params(network, trainable=True) == params
    ours = get_output(network)
    close(*fast_compiled([x], [plain, ours])(INDICES))
    assert theano.grad(ours.sum(), words.subset).ndim == 2
    updates = adam(ours.sum(), params)
    lasagne_sparse.assert_sparse(function([x], updates=updates), [words.W])


def test_derived_classes_are_not_converted():
    class Doubled(lasagne.layers.EmbeddingLayer):
        def get_output_for(self, input, **kwargs):
            return 2 * super().get_output_for(input, **kwargs)

    layer = Doubled(InputLayer((None, 3), x), NUM_ROWS, NUM_UNITS)
    assert convert(layer) == []
    assert type(layer) is Doubled
