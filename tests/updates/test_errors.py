"""What goes wrong says what, before anything is written"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import InputLayer, get_output
from lasagne_sparse import updates
from lasagne_sparse.layers import EmbeddingLayer
from toy import NUM_ROWS, NUM_UNITS, RULES, function, new_table, same_bits

__all__ = []

ORDERS = ["first table", "second table"]


class Model:
    """Two tables, dense parameters, accumulators and a counter"""

    def __init__(self, rule="adam", lookup="layer", mode=None):
        x, y = T.ivector("x"), T.lvector("y")
        words, tags = new_table(name="words"), new_table((4, 2), "tags")
        if lookup == "layer":
            layers = [
                EmbeddingLayer(InputLayer((None,), i), *t.get_value().shape, W=t)
                for i, t in ((x, words), (y, tags))
            ]
            outputs = get_output(layers)
        else:
            outputs = [words[x], tags[y]]
        dense = theano.shared(np.ones((5,), theano.config.floatX), "dense")
        score = T.dot(T.concatenate(outputs, axis=1), dense)
        loss = T.sum((score - 1) ** 2)
        result = getattr(updates, rule)(loss, [words, dense, tags], **RULES[rule])
        count = theano.shared(np.int64(0), "count")
        result[count] = count + 1
        self.shared = list(result)
        kwargs = {} if mode is None else {"mode": mode}
        self.step = function([x, y], loss, updates=result, **kwargs)
        self.good = [np.array(i) for i in ([3, 1, -1, 3], [2, -4, 3, 2])]
        self.good[0] = self.good[0].astype("int32")

    def values(self):
        return [shared.get_value() for shared in self.shared]

    def bad(self, table, index, position):
        batch = [indices.copy() for indices in self.good]
        batch[ORDERS.index(table)][position] = index
        return batch


MODELS = {}


def model(*args):
    if args not in MODELS:
        MODELS[args] = Model(*args)
        MODELS[args].step(*MODELS[args].good)
    return MODELS[args]


# --- Out of range ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ("sgd", "layer", "FAST_RUN"),
        ("sgd", "layer", "FAST_COMPILE"),
        ("sgd", "W[x]", "FAST_COMPILE"),
        ("adam", "layer"),
        ("adam", "W[x]"),
        ("nesterov_momentum", "layer"),
        ("adadelta", "W[x]"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("table", ORDERS)
def test_after_an_index_error_every_bit_is_as_it_was(args, table):
    trained = model(*args)
    before = trained.values()
    for position in range(4):
        for index in (NUM_ROWS, -NUM_ROWS - 1, 10**6):
            with pytest.raises(IndexError):
                trained.step(*trained.bad(table, index, position))
    same_bits(before, trained.values())


@pytest.mark.parametrize("args", [("adam", "layer"), ("sgd", "layer", "FAST_RUN")])
def test_function_works_on_after_an_index_error(args):
    trained = model(*args)
    before = trained.values()
    with pytest.raises(IndexError):
        trained.step(*trained.bad("second table", 4, 0))
    trained.step(*trained.good)
    assert trained.values()[-1] == before[-1] + 1
    assert not np.array_equal(trained.values()[-2], before[-2])


@pytest.mark.parametrize(
    "args",
    [
        ("sgd", "layer", "FAST_RUN"),
        ("sgd", "layer", "FAST_COMPILE"),
        ("adam", "layer"),
        ("adam", "W[x]"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "table, index, message",
    [
        (
            "first table",
            7,
            "index 7 at position 2 is out of range for table 'words' "
            "with 7 rows: expected -7 to 6",
        ),
        ("first table", -8, "index -8 at position 2 is out of range for table 'words'"),
        (
            "second table",
            4,
            "index 4 at position 2 is out of range for table 'tags' "
            "with 4 rows: expected -4 to 3",
        ),
        ("second table", 2**40, "index 1099511627776 at position 2"),
    ],
)
def test_index_error_names_index_position_table_and_size(args, table, index, message):
    if "W[x]" in args and theano.config.mode != "Mode":
        pytest.skip("without the rewrites, the message of a user's W[x] is NumPy's")
    trained = model(*args)
    with pytest.raises(IndexError) as error:
        trained.step(*trained.bad(table, index, 2))
    assert message in str(error.value)


def test_position_in_a_matrix_counts_row_by_row():
    x = T.imatrix()
    layer = EmbeddingLayer(InputLayer((2, 3), x), 5, 2, name="tokens")
    read = function([x], get_output(layer))
    with pytest.raises(IndexError, match="index 9 at position 5 .* table 'tokens.W'"):
        read([[0, 1, 2], [3, 4, 9]])


def test_unsigned_index_beyond_int64_is_an_index_error():
    x = T.TensorType("uint64", (False,))()
    layer = EmbeddingLayer(InputLayer((None,), x), 5, 2)
    read = function([x], get_output(layer))
    with pytest.raises(IndexError, match="18446744073709551615"):
        read(np.array([2**64 - 1], "uint64"))


def test_index_error_of_columns_leaves_the_table():
    x = T.ivector()
    W = new_table((NUM_UNITS, NUM_ROWS))
    result = updates.adam(T.sum(W[:, x] ** 2), [W])
    step = function([x], updates=result)
    before = [s.get_value() for s in result]
    with pytest.raises(IndexError):
        step([1, NUM_ROWS])
    same_bits(before, [s.get_value() for s in result])


def test_index_error_in_evaluation_names_the_table():
    x = T.ivector()
    layer = EmbeddingLayer(InputLayer((None,), x), 5, 2, name="tokens")
    with pytest.raises(IndexError, match="tokens.W"):
        function([x], get_output(layer))([5])


def test_table_of_no_rows_has_no_index_in_range():
    x = T.ivector()
    W = new_table((0, 2))
    step = function([x], updates=updates.sgd(T.sum(W[x]), [W], 1))
    step([])
    with pytest.raises(IndexError):
        step([0])


# --- Nothing to look up ---------------------------------------------------------------


@pytest.mark.parametrize("rule", sorted(RULES))
def test_empty_batch_keeps_the_tables_bits(rule):
    trained = model(rule, "layer")
    before = trained.values()
    trained.step(np.zeros(0, "int32"), np.zeros(0, "int64"))
    for shared, old in zip(trained.shared, before):
        if old.ndim == 2:
            same_bits(old, shared.get_value())


def test_empty_batch_counts_as_a_step():
    trained = model("adam", "layer")
    before = trained.values()[-1]
    trained.step(np.zeros(0, "int32"), np.zeros(0, "int64"))
    assert trained.values()[-1] == before + 1


def test_empty_batch_in_c_keeps_the_tables_bits():
    trained = model("sgd", "layer", "FAST_RUN")
    before = trained.values()
    trained.step(np.zeros(0, "int32"), np.zeros(0, "int64"))
    for shared, old in zip(trained.shared, before):
        if old.ndim == 2:
            same_bits(old, shared.get_value())


# --- Negative and repeated indices ----------------------------------------------------


@pytest.mark.parametrize("lookup", ["layer", "W[x]"])
def test_minus_one_is_the_last_row(lookup):
    def step(indices):
        x = T.ivector()
        W = new_table()
        layer = EmbeddingLayer(InputLayer((None,), x), NUM_ROWS, NUM_UNITS, W=W)
        out = get_output(layer) if lookup == "layer" else W[x]
        result = updates.adagrad(T.sum(out**2), [W], 0.1)
        function([x], updates=result)(indices)
        return [shared.get_value() for shared in result]

    same_bits(step([NUM_ROWS - 1, NUM_ROWS - 1]), step([-1, NUM_ROWS - 1]))


# --- When the graph is built ----------------------------------------------------------


@pytest.mark.parametrize("rule", ["sgd", "adam", "rowwise_adagrad"])
def test_list_of_gradients_of_another_length(rule):
    W, V = new_table(), new_table()
    with pytest.raises(ValueError, match="1 gradient expressions for 2 parameters"):
        getattr(updates, rule)([W * 2], [W, V])


def test_table_listed_twice():
    W = new_table()
    with pytest.raises(ValueError, match="W twice"):
        updates.sgd(T.sum(W[[1]]), [W, W], 1)


@pytest.mark.parametrize("table_first", [False, True])
def test_table_listed_whole_and_as_a_subset(table_first):
    W = new_table()
    subset = W[[1]]
    params = [W, subset] if table_first else [subset, W]
    with pytest.raises(ValueError, match="as a subset"):
        updates.sgd(T.sum(subset), params, 1)


def test_dense_parameter_listed_twice():
    W = new_table(name="dense")
    with pytest.raises(ValueError, match="dense twice"):
        updates.sgd(T.sum(W**2), [W, W], 1)


def test_array_among_the_parameters_is_told_without_its_numbers():
    with pytest.raises(ValueError, match=r"array of dtype float32 and shape \(2, 3\)"):
        updates.sgd([T.fmatrix()], [np.ones((2, 3), "float32")], 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda W: updates.sgd(T.sum(W[[1]]), W, 1),
        lambda W: updates.get_or_compute_grads(T.sum(W[[1]]), W),
        lambda W: updates.apply_momentum(updates.sgd(T.sum(W[[1]]), [W], 1), W),
    ],
    ids=["rule", "get_or_compute_grads", "apply_momentum"],
)
def test_one_parameter_given_without_a_list(call):
    with pytest.raises(TypeError, match=r"params must be a list.* got W: write \[W\]"):
        call(new_table())


def test_one_subset_given_without_a_list():
    W = new_table()
    subset = W[[1]]
    with pytest.raises(TypeError, match="params must be a list"):
        updates.sgd(T.sum(subset), subset, 1)


@pytest.mark.parametrize(
    "param",
    [T.matrix("free"), T.constant(1.0), "W", None],
    ids=["variable", "constant", "str", "None"],
)
def test_parameter_that_is_no_shared_variable(param):
    W = new_table()
    with pytest.raises(ValueError, match="shared variables"):
        updates.sgd([T.zeros_like(W)] * 2, [W, param], 1)


def test_parameter_that_is_an_expression_points_to_lasagnes_helper():
    W = new_table()
    expression = 2 * W
    with pytest.raises(ValueError, match="collect_shared_vars"):
        updates.sgd(T.sum(expression), [expression], 1)


def test_subset_that_the_loss_does_not_use():
    W, x = new_table(), T.ivector()
    loss = T.sum(W[x])
    with pytest.raises(theano.gradient.DisconnectedInputError):
        updates.sgd(loss, [W[x]], 1)


def test_parameter_that_the_loss_does_not_use():
    W, V = new_table(), new_table()
    with pytest.raises(theano.gradient.DisconnectedInputError):
        updates.sgd(T.sum(W[[1]]), [W, V], 1)


def test_loss_that_is_no_scalar():
    W = new_table()
    with pytest.raises(TypeError, match="[Cc]ost"):
        updates.sgd(W[[1]], [W], 1)


def test_rowwise_adagrad_of_a_scalar():
    W = new_table(())
    with pytest.raises(ValueError, match="use adagrad"):
        updates.rowwise_adagrad(W**2, [W])


def test_momentum_for_what_is_not_updated():
    W, V = new_table(), new_table(name="V")
    result = updates.sgd(T.sum(W[[1]]), [W], 1)
    with pytest.raises(KeyError):
        updates.apply_momentum(result, [V])


def test_norm_constraint_of_a_vector_needs_axes():
    with pytest.raises(ValueError, match="norm_axes|[Dd]imension"):
        updates.norm_constraint(new_table((3,)), 1)


# --- add_rows and set_rows ------------------------------------------------------------


@pytest.mark.parametrize("write", [updates.add_rows, updates.set_rows])
def test_write_of_a_row_out_of_range_changes_nothing(write):
    rows, W = T.ivector(), new_table()
    step = function([rows], updates=write(W, rows, T.ones((3, NUM_UNITS), W.dtype)))
    before = W.get_value()
    with pytest.raises(IndexError, match="index 7 "):
        step([1, 0, 7])
    same_bits(before, W.get_value())


@pytest.mark.parametrize("write", [updates.add_rows, updates.set_rows])
@pytest.mark.parametrize(
    "table, rows, values, words",
    [
        (np.ones((2, 2)), [1], [[1, 1]], "shared variable"),
        ("W", T.vector(), [[1, 1]], "vector of integers"),
        ("W", [[1]], [[1, 1]], "vector of integers"),
        ("W", [1], T.zmatrix(), "cannot hold"),
    ],
    ids=["array", "float rows", "matrix of rows", "complex values"],
)
def test_write_of_what_does_not_fit(write, table, rows, values, words):
    table = new_table() if isinstance(table, str) else table
    with pytest.raises(TypeError, match=words):
        write(table, rows, values)
