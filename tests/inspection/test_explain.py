"""What explain says about a function, and when assert_sparse raises"""

from collections import OrderedDict

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import updates as rules
from lasagne_sparse.inspection.explanation import assert_sparse, explain
from lasagne_sparse.layers import EmbeddingLayer
from lasagne_sparse.ops import unique_rows
from theano.configparser import change_flags

PYTHON = theano.Mode("py", "fast_run")
NUM_ROWS, NUM_UNITS = 50, 4


@pytest.fixture(autouse=True)
def float32():
    """The bytes that are told are those of float32, whatever floatX is"""
    with change_flags(floatX="float32"):
        yield


@pytest.fixture
def W(rng):
    return theano.shared(rng.normal(size=(NUM_ROWS, NUM_UNITS)).astype("float32"), "W")


@pytest.fixture
def x():
    return T.ivector("x")


def compiled(inputs, outputs=(), updates=(), **kwargs):
    return theano.function(
        inputs,
        outputs if isinstance(outputs, T.Variable) else list(outputs),
        updates=OrderedDict(updates),
        mode=PYTHON,
        on_unused_input="ignore",
        **kwargs,
    )


# What is sparse


def test_an_output_of_the_layer_that_is_made_flat_is_no_larger_than_the_batch(W):
    x = T.imatrix("x")
    words = lasagne.layers.InputLayer((None, 3), x)
    layer = EmbeddingLayer(words, NUM_ROWS, NUM_UNITS, W=W)
    loss = T.sum(lasagne.layers.get_output(layer).flatten(2) ** 2)
    assert_sparse(compiled([x], loss, rules.sgd(loss, [W], learning_rate=1)))


@pytest.mark.parametrize("times, use", [(2, T.as_tensor_variable), (1, T.sum)])
def test_a_lookup_moves_a_row_for_each_index(x, host_only, times, use):
    """It reads the row, and writes it where something else needs it"""
    W = theano.shared(np.ones((6, 4), "float32"), "W")
    (access,) = explain(compiled([x], use(W[x]))).accesses
    assert (access.table, access.does, access.rows) == ("W", "reads", "lookups")
    assert access.bytes == "%d x 4 B x 4 x lookups" % times


def test_an_update_reads_and_writes_each_row_once(W, x):
    updates = rules.adam(T.sqr(W[x]).sum(), [W])
    function = compiled([x], updates=updates)
    explanation = explain(function)
    writes = [a for a in explanation.accesses if a.does == "updates"]
    assert len(writes) == 3
    assert {a.bytes for a in writes} == {"2 x 4 B x 4 x rows"}
    assert all("RowUpdate" in a.op for a in writes)
    assert all("test_explain.py" in a.line for a in explanation.accesses)
    assert not explanation.table_sized
    assert_sparse(function)
    assert_sparse(function, [W])


def test_bytes_are_counted_for_rows_and_lookups(W, x):
    updates = rules.sgd(T.sqr(W[x]).sum(), [W], 0.1)
    explanation = explain(compiled([x], updates=updates))
    # 10 lookups of 7 rows: gathered at the lookups, read and written at the rows
    assert explanation.bytes(7, 10) == 2 * 16 * 10 + 2 * 16 * 7
    assert explanation.bytes(7) == 2 * 16 * 7 + 2 * 16 * 7


def test_columns_are_rows_of_the_transposed_table(W, x):
    function = compiled([x], W[:, x].sum())
    (access,) = explain(function).accesses
    assert access.bytes == "2 x 4 B x 50 x lookups"
    assert_sparse(function)


@pytest.mark.parametrize(
    "name", ["padding", "shape", "slice", "frozen", "norm", "reshaped"]
)
def test_work_on_some_rows_is_sparse(W, x, name):
    loss = T.sqr(W[x]).sum()
    updates = rules.sgd(loss, [W], 0.1)
    if name == "padding":
        updates[W] = T.set_subtensor(updates[W][0], 0)
    elif name == "shape":
        loss = loss / W.shape[0]
    elif name == "slice":
        loss = loss + W[:3].sum()
    elif name == "reshaped":
        loss = W[x].reshape((-1, 2, W.shape[1])).sum()
    elif name == "frozen":
        updates = ()
    elif name == "norm":
        gradients = rules.total_norm_constraint(theano.grad(loss, [W]), 5)
        updates = rules.adagrad(gradients, [W])
    assert_sparse(compiled([x], loss, updates))


def test_a_lookup_in_a_loop_is_sparse(W, x):
    total, _ = theano.scan(lambda i, W: W[i].sum(), [x.reshape((-1, 2))], None, [W])
    assert_sparse(compiled([x], total.sum()), [W])


def test_a_dense_parameter_is_no_table(W, x):
    b = theano.shared(np.zeros(NUM_UNITS, "float32"), "b")
    updates = rules.adam(T.sqr(W[x] + b).sum(), [W, b])
    assert_sparse(compiled([x], updates=updates))


# What is not


def dense_rule(W, x):
    return (), lasagne.updates.adam(T.sqr(W[x]).sum(), [W])


def penalty(W, x):
    return [W[x].sum() + T.sqr(W).sum()], ()


def tied_softmax(W, x):
    return [T.dot(W[x], W.T)], ()


def copied_table(W, x):
    rows, _ = unique_rows(x, W.shape[0])
    return [T.inc_subtensor(W[rows], np.float32(1))[:2]], ()


def a_row_for_each(W, x):
    return [W[T.arange(W.shape[0])].sum() + W[x].sum()], ()


def zeros_like_it(W, x):
    return [T.inc_subtensor(T.zeros_like(W)[x], np.float32(1)), W[x]], ()


def elementwise(W, x):
    return [W[x]], {W: 0.9 * W}


def penalty_in_a_loop(W, x):
    total, _ = theano.scan(lambda i, W: W[i].sum() + W.sum(), [x], None, [W])
    return [total], ()


def in_a_loop(of_table):
    """Work on a table that depends on the step before, so that it stays inside."""

    def make(W, x):
        totals, _ = theano.scan(
            lambda i, total, W: W[i].sum() + T.exp(of_table(W) + total).sum(),
            [x],
            T.zeros((), "float32"),
            [W],
        )
        return [totals], ()

    return make


def buffer_of_its_size(W, x):
    buffer = T.zeros((2 * W.shape[0] + 1, 3))
    return [W[x].sum() + T.inc_subtensor(buffer[x], 1.0)], ()


@pytest.mark.parametrize(
    "make",
    [
        buffer_of_its_size,
        dense_rule,
        penalty,
        tied_softmax,
        copied_table,
        a_row_for_each,
        zeros_like_it,
        elementwise,
        penalty_in_a_loop,
        in_a_loop(lambda W: W),
        in_a_loop(lambda W: W.T),
    ],
)
def test_work_on_all_rows_is_named_with_its_line(W, x, make):
    function = compiled([x], *make(W, x))
    with pytest.raises(
        AssertionError, match=r"work as large as table 'W' \(50 rows\)"
    ) as caught:
        assert_sparse(function, [W])
    work = explain(function, [W]).table_sized
    for item in work:
        assert item.op in str(caught.value)
    assert all("test_explain.py" in item.line for item in work) or make is elementwise


def test_work_of_another_tables_size_is_not_this_ones(W, x):
    other = theano.shared(np.zeros((NUM_ROWS, 3), "float32"), "other")
    function = compiled([x], [W[x].sum() + T.sqr(other[x]).sum() + other.sum()])
    assert_sparse(function, [W])
    with pytest.raises(AssertionError, match="'other'"):
        assert_sparse(function)


def test_what_is_no_function_or_table_is_refused(W, x):
    with pytest.raises(TypeError, match="compiled Theano function"):
        explain(W[x])
    with pytest.raises(TypeError, match="shared variables, got x"):
        assert_sparse(compiled([x], W[x]), [x])


# How it prints


def test_it_prints_a_table_of_text(W, x):
    text = str(explain(compiled([x], W[x].sum())))
    lines = text.splitlines()
    assert lines[0].split() == ["table", "does", "op", "bytes", "a", "call", "line"]
    assert lines[2].startswith("W      reads")
    assert "Nothing is table-sized." in lines


def test_it_prints_table_sized_work(W, x):
    explanation = explain(compiled([x], *penalty(W, x)))
    assert "Table-sized work:" in repr(explanation)
    assert "50 rows" in repr(explanation)


def test_it_prints_as_html_in_a_notebook(W, x):
    W.name = "W<&"
    explanation = explain(compiled([x], *penalty(W, x)))
    text = explanation._repr_html_()
    num_tables = 3 if explanation.transfers else 2
    assert text.count("<table>") == text.count("</table>") == num_tables
    assert "W&lt;&amp;" in text and "W<" not in text


def test_a_table_without_a_name_is_told_by_its_shape(x):
    table = theano.shared(np.zeros((NUM_ROWS, 3), "float32"))
    (access,) = explain(compiled([x], table[x].sum())).accesses
    assert access.table == "float32 50 x 3"
