"""The embedding layer: Lasagne's output, and a subset to differentiate by"""

import copy
import io
import pickle

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import (
    DenseLayer,
    InputLayer,
    get_all_param_values,
    get_all_params,
    get_output,
    get_output_shape,
    set_all_param_values,
)
from lasagne_sparse.layers import EmbeddingLayer
from toy import NUM_ROWS, NUM_UNITS, close, fast_compiled, new_table, same_bits

__all__ = []

STOCK = lasagne.layers.EmbeddingLayer
INTEGERS = [sign + "int%d" % bits for sign in ("", "u") for bits in (8, 16, 32, 64)]


def make(x=None, shape=(None,), W=None, layer=EmbeddingLayer, **kwargs):
    W = new_table() if W is None else W
    return layer(InputLayer(shape, x), NUM_ROWS, NUM_UNITS, W=W, **kwargs)


def output(layer, indices, symbol=None):
    """What a layer gives for an array of indices"""
    symbol = T.TensorType(indices.dtype, (False,) * indices.ndim)()
    return fast_compiled([symbol], get_output(layer, symbol))(indices)


# --- The output is Lasagne's ----------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
def test_every_integer_dtype(dtype):
    indices = np.array([[3, 0, 6], [3, 3, 1]], dtype)
    layer = make(shape=(2, 3))
    same_bits(output(layer, indices), layer.W.get_value()[indices])


@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_negative_indices_count_from_the_end(dtype):
    indices = np.array([-1, NUM_ROWS - 1, -NUM_ROWS, 0], dtype)
    layer = make()
    same_bits(output(layer, indices), layer.W.get_value()[indices])


SHAPES = [(4,), (1,), (0,), (2, 3), (2, 1), (0, 3), (2, 0), (2, 3, 2), (2, 1, 2, 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gets_one_more_axis(shape):
    indices = np.arange(np.prod(shape), dtype="int32").reshape(shape) % NUM_ROWS
    layer = make(shape=(None,) * len(shape))
    result = output(layer, indices)
    assert result.shape == shape + (NUM_UNITS,)
    same_bits(result, layer.W.get_value()[indices])
    assert get_output_shape(layer, shape) == shape + (NUM_UNITS,)


def test_scalar_index():
    layer = make(shape=())
    result = fast_compiled([], get_output(layer, T.constant(3, dtype="int32")))()
    same_bits(result, layer.W.get_value()[3])


@pytest.mark.parametrize("symbol", [T.icol, T.irow, T.ivector, T.imatrix, T.itensor3])
def test_output_is_of_the_stock_layers_type(symbol):
    x = symbol()
    shape = (None,) * x.ndim
    ours, theirs = (
        get_output(make(x, shape, layer=layer)) for layer in (EmbeddingLayer, STOCK)
    )
    assert ours.type == theirs.type


def test_column_of_indices():
    x = T.icol()
    layer = make(x, (None, 1))
    indices = np.array([[2], [-1]], "int32")
    result = fast_compiled([x], get_output(layer))(indices)
    same_bits(result, layer.W.get_value()[indices])


def test_constant_indices():
    layer = make()
    result = fast_compiled([], get_output(layer, np.array([3, 1, 3])))()
    same_bits(result, layer.W.get_value()[[3, 1, 3]])


def test_shared_indices():
    x = theano.shared(np.array([3, 1, 3], "int16"))
    layer = make(x)
    result = fast_compiled([], get_output(layer))()
    same_bits(result, layer.W.get_value()[[3, 1, 3]])


def test_computed_indices():
    x = T.ivector()
    layer = make(T.switch(T.lt(x, 0), 0, x // 2))
    indices = np.array([-5, 12, 3], "int32")
    result = fast_compiled([x], get_output(layer))(indices)
    same_bits(result, layer.W.get_value()[[0, 6, 1]])


def test_argmax_as_indices():
    x = T.matrix()
    layer = make(x.argmax(axis=1))
    scores = np.eye(NUM_ROWS, dtype=theano.config.floatX)[[4, 2]]
    result = fast_compiled([x], get_output(layer))(scores)
    same_bits(result, layer.W.get_value()[[4, 2]])


def test_indices_given_at_get_output_to_a_float_input_layer():
    # An InputLayer without a variable of its own makes a float one.
    layer = make(shape=(None, 3))
    x = T.imatrix()
    indices = np.array([[3, 0, 6]], "int32")
    result = fast_compiled([x], get_output(layer, x))(indices)
    same_bits(result, layer.W.get_value()[indices])


def test_indices_given_at_get_output_by_a_dictionary():
    layer = make(shape=(None, 3))
    x = T.imatrix()
    indices = np.array([[3, 0, 6]], "int32")
    result = fast_compiled([x], get_output(layer, {layer.input_layer: x}))(indices)
    same_bits(result, layer.W.get_value()[indices])


def test_keyword_arguments_of_get_output_are_accepted():
    x = T.ivector()
    layer = make(x)
    assert get_output(layer, deterministic=True).ndim == 2


# --- The parameters are Lasagne's -----------------------------------------------------


def test_is_a_stock_layer():
    assert isinstance(make(), STOCK)


def test_arguments_by_keyword():
    layer = EmbeddingLayer(
        incoming=InputLayer((None,)), input_size=5, output_size=2, name="words"
    )
    assert layer.name == "words"
    assert layer.W.name == "words.W"
    assert layer.W.get_value().shape == (5, 2)
    assert (layer.input_size, layer.output_size) == (5, 2)


def test_incoming_may_be_a_shape():
    layer = EmbeddingLayer((None, 3), 5, 2)
    assert layer.output_shape == (None, 3, 2)


@pytest.mark.parametrize(
    "W",
    [
        np.ones((NUM_ROWS, NUM_UNITS), theano.config.floatX),
        lasagne.init.Constant(1),
        lambda shape: np.ones(shape, theano.config.floatX),
    ],
    ids=["array", "initializer", "callable"],
)
def test_table_is_made(W):
    layer = make(W=W)
    assert isinstance(layer.W, theano.compile.SharedVariable)
    assert layer.W.dtype == theano.config.floatX
    assert np.all(layer.W.get_value() == 1)


def test_table_is_a_shared_variable_of_the_users():
    W = new_table()
    assert make(W=W).W is W


def test_table_of_another_layer():
    one = make()
    other = make(W=one.W)
    assert other.W is one.W
    assert get_all_params([one, other]) == [one.W]


def test_table_of_the_wrong_shape_is_lasagnes_error():
    with pytest.raises((RuntimeError, ValueError), match="shape"):
        make(W=np.ones((2, 2), theano.config.floatX))


def expression_layer(V):
    """A layer whose table is an expression, as Lasagne 0.2 allows"""
    if hasattr(lasagne.utils, "collect_shared_vars"):
        return make(T.ivector("x"), W=T.tanh(V))
    layer = make(T.ivector("x"))
    layer.params.clear()
    layer.W = T.tanh(V)
    return layer


def test_table_that_is_an_expression():
    V = new_table(name="V")
    layer = expression_layer(V)
    x = layer.input_layer.input_var
    result = fast_compiled([x], get_output(layer))(np.array([2, -1], "int32"))
    close(result, np.tanh(V.get_value()[[2, -1]]))


def test_table_that_is_an_expression_trains_what_it_is_made_of():
    V = new_table(name="V")
    layer = expression_layer(V)
    x = layer.input_layer.input_var
    updates = lasagne_sparse.updates.sgd(get_output(layer).sum(), [V], 1)
    expected = V.get_value()
    expected[2] -= 2 * (1 - np.tanh(expected[2]) ** 2)
    fast_compiled([x], updates=updates)(np.array([2, 2], "int32"))
    close(V.get_value(), expected)


def test_has_no_parameters_but_the_table():
    layer = make(T.ivector())
    get_output(layer)
    assert layer.get_params() == [layer.W]
    assert layer.get_params(trainable=True, regularizable=True) == [layer.W]


def test_parameter_values_are_read_and_set():
    layer = make(T.ivector())
    get_output(layer)
    (values,) = get_all_param_values(layer)
    set_all_param_values(layer, [values + 1])
    same_bits(layer.W.get_value(), values + 1)


def test_parameters_are_saved_and_loaded_by_numpy():
    network = DenseLayer(make(T.ivector()), 2)
    get_output(network)
    file = io.BytesIO()
    np.savez(file, *get_all_param_values(network))
    file.seek(0)
    with np.load(file) as loaded:
        values = [loaded["arr_%d" % i] for i in range(len(loaded.files))]
    other = DenseLayer(make(T.ivector(), W=lasagne.init.Normal()), 2)
    set_all_param_values(other, values)
    same_bits(get_all_param_values(other), get_all_param_values(network))


# --- Saving and copying networks ------------------------------------------------------


def copied(network):
    return copy.deepcopy(network)


def pickled(network):
    return pickle.loads(pickle.dumps(network, pickle.HIGHEST_PROTOCOL))


@pytest.mark.parametrize("again", [copied, pickled])
@pytest.mark.parametrize("looked_up", [False, True])
def test_network_is_copied(again, looked_up):
    network = DenseLayer(make(T.ivector()), 2)
    if looked_up:
        get_output(network)
    other = again(network)
    same_bits(get_all_param_values(other), get_all_param_values(network))
    assert other.input_layer.W is not network.input_layer.W


@pytest.mark.parametrize("again", [copied, pickled])
def test_copied_network_trains_its_own_table(again):
    network = make(T.ivector())
    get_output(network)
    other = again(network)
    x = other.input_layer.input_var
    loss = get_output(other).sum()
    updates = lasagne_sparse.updates.sgd(loss, [other.subset], 1)
    fast_compiled([x], updates=updates)(np.array([2, 2], "int32"))
    before, expected = network.W.get_value(), network.W.get_value()
    expected[2] -= 2
    same_bits(other.W.get_value(), expected)
    same_bits(network.W.get_value(), before)


@pytest.mark.parametrize("again", [copied, pickled])
def test_updates_and_network_are_copied_together(again):
    x = T.ivector()
    layer = make(x)
    updates = lasagne_sparse.updates.adam(get_output(layer).sum(), [layer.W])
    other_layer, other_updates = again((layer, updates))
    assert other_layer.W in other_updates


def test_compiled_training_function_is_copied():
    x = T.ivector()
    layer = make(x)
    updates = lasagne_sparse.updates.sgd(get_output(layer).sum(), [layer.W], 1)
    step = fast_compiled([x], updates=updates)
    pickled(step)(np.array([2], "int32"))


# --- The subset -----------------------------------------------------------------------


def test_subset_is_the_distinct_rows():
    x = T.ivector()
    layer = make(x)
    get_output(layer)
    rows, subset = fast_compiled([x], [layer.rows, layer.subset])(
        np.array([4, -1, 6, 4, 0], "int32")
    )
    assert sorted(rows) == [0, 4, 6]
    assert rows.dtype == "int64"
    same_bits(subset, layer.W.get_value()[rows])


def test_gradient_of_the_subset_sums_repeated_lookups():
    x = T.ivector()
    layer = make(x)
    loss = get_output(layer).sum()
    gradient = theano.grad(loss, layer.subset)
    rows, values = fast_compiled([x], [layer.rows, gradient])(
        np.array([4, -1, 6, 4, 4], "int32")
    )
    expected = {4: 3, 6: 2}
    assert {row: value[0] for row, value in zip(rows, values)} == expected


def test_output_depends_on_the_table_by_the_subset_alone():
    x = T.ivector()
    layer = make(x)
    loss = (get_output(layer) ** 2).sum()
    by_table = theano.grad(loss, layer.W)
    by_subset = T.inc_subtensor(
        T.zeros_like(layer.W)[layer.rows], theano.grad(loss, layer.subset)
    )
    close(*fast_compiled([x], [by_table, by_subset])(np.array([3, 3, 1], "int32")))


def test_second_derivative_by_the_subset():
    x = T.ivector()
    layer = make(x)
    loss = (get_output(layer) ** 3).sum()
    gradient = theano.grad(loss, layer.subset)
    second = theano.grad(gradient.sum(), layer.subset)
    (rows, value) = fast_compiled([x], [layer.rows, second])(np.array([3, 3], "int32"))
    close(value, 2 * 6 * layer.W.get_value()[rows])


def test_same_input_has_the_same_subset():
    layer = make(T.ivector())
    get_output(layer)
    subset = layer.subset
    get_output(layer, deterministic=True)
    assert layer.subset is subset


def test_equally_computed_input_has_the_same_subset():
    x = T.ivector()
    layer = make()
    get_output(layer, x % 3)
    subset = layer.subset
    get_output(layer, x % 3)
    assert layer.subset is subset


def test_equal_constants_have_the_same_subset():
    layer = make()
    get_output(layer, np.array([1, 2]))
    subset = layer.subset
    get_output(layer, np.array([1, 2]))
    assert layer.subset is subset


def test_subset_for_an_input_before_its_lookup():
    x = T.ivector()
    layer = make()
    subset = layer.subset_for(x)
    get_output(layer, x)
    assert layer.subset is subset


def test_subset_for_each_of_two_inputs():
    x, y = T.ivector("x"), T.ivector("y")
    layer = make()
    get_output(layer, x), get_output(layer, y)
    assert layer.subset_for(x) is layer.subset_for(x)
    assert layer.subset_for(x) is not layer.subset_for(y)


@pytest.mark.parametrize("attribute", ["subset", "rows"])
def test_subset_after_two_inputs_is_ambiguous(attribute):
    layer = make(name="words")
    get_output(layer, T.ivector("one")), get_output(layer, T.ivector("other"))
    with pytest.raises(ValueError, match=r"'words'.*one, other.*subset_for\(input\)"):
        getattr(layer, attribute)


@pytest.mark.parametrize("attribute", ["subset", "rows"])
def test_subset_before_any_lookup_is_an_error(attribute):
    with pytest.raises(ValueError, match="get_output"):
        getattr(make(), attribute)


def test_subset_of_a_new_table_is_new():
    x = T.ivector()
    layer = make(x)
    get_output(layer)
    layer.W = new_table(seed=2)
    get_output(layer)
    result = fast_compiled([x], layer.subset_for(x))(np.array([3], "int32"))
    same_bits(result, layer.W.get_value()[[3]])


# --- What is no index -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "bool"])
def test_what_is_no_integer_is_a_type_error_that_says_what_to_pass(dtype):
    layer = make(T.TensorType(dtype, (False,))("x"), name="words")
    with pytest.raises(TypeError, match=r"'words'.*integer.*x.*imatrix.*T\.cast"):
        get_output(layer)


def test_float_input_layer_is_a_type_error():
    with pytest.raises(TypeError, match="integer"):
        get_output(make())


def test_float_input_to_subset_for_is_a_type_error():
    with pytest.raises(TypeError, match="integer"):
        make().subset_for(T.vector())
