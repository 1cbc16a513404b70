"""What assert_sparse demands of its tables, and how explain names and explains"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import updates as rules
from lasagne_sparse.inspection.explanation import assert_sparse, explain

__all__ = []

PYTHON = theano.Mode("py", "fast_run")


@pytest.fixture
def x():
    return T.ivector("x")


def table(name="W", shape=(50, 4)):
    return theano.shared(np.ones(shape, "float32"), name)


def compiled(inputs, outputs=(), updates=()):
    outputs = outputs if isinstance(outputs, T.Variable) else list(outputs)
    return theano.function(inputs, outputs, updates=updates, mode=PYTHON)


# What uses a table whole, and looks rows up in what it made of it.
WHOLE = {
    "elementwise": lambda W, x: T.tanh(W)[x],
    "row put before": lambda W, x: T.concatenate([T.zeros((1, 4)), W])[x],
    "one-hot product": lambda W, x: T.extra_ops.to_one_hot(x, 50).dot(W),
}


@pytest.mark.parametrize("idiom", sorted(WHOLE))
def test_table_that_is_only_used_whole_has_to_be_named(x, idiom):
    W = table()
    function = compiled([x], WHOLE[idiom](W, x).sum())
    with pytest.raises(ValueError, match=r"no table was found.*tables=\[W\]"):
        assert_sparse(function)
    with pytest.raises(AssertionError, match="as large as table 'W'"):
        assert_sparse(function, [W])


def test_empty_list_of_tables_is_refused(x):
    with pytest.raises(ValueError, match="no table was found"):
        assert_sparse(compiled([x], table()[x]), [])


def test_explanation_without_tables_asks_for_them(x):
    explanation = explain(compiled([x], T.tanh(table())[x]))
    asks = "No rows of a table are touched: name the tables to look at, explain(f, [W])"
    assert str(explanation).split("\n\n")[0] == asks
    assert "Nothing is table-sized" not in str(explanation)
    assert asks in explanation._repr_html_()


def test_table_that_is_named_and_not_touched_is_sparse(x):
    W = table()
    function = compiled([x], x.sum())
    assert_sparse(function, [W])
    assert str(explain(function, [W])).startswith("No rows of a table are touched.\n")


def test_table_given_alone_is_refused_with_what_to_write(x):
    W = table()
    with pytest.raises(TypeError, match=r"tables must be a list .* got W: write \[W\]"):
        assert_sparse(compiled([x], W[x]), W)


def test_bytes_are_explained_below_the_accesses(x):
    W = table()
    explanation = explain(compiled([x], W[x].sum()))
    after = str(explanation).splitlines()[3]
    assert after.startswith("bytes a call: times read or written x bytes of a number")
    assert "<p>bytes a call: times read" in explanation._repr_html_()


def test_accumulators_are_named_by_their_table(x):
    W, V = table("W"), table("V")
    updates = rules.adam((T.sqr(W[x]) + T.sqr(V[x])).sum(), [W, V])
    tables = [a.table for a in explain(compiled([x], (), updates)).accesses]
    assert set(tables) == {"W", "V", "W/adam/m", "W/adam/v", "V/adam/m", "V/adam/v"}


def test_accumulators_of_a_table_without_a_name_are_told_by_shape(x):
    W = table(None)
    updates = rules.adagrad(T.sqr(W[x]).sum(), [W])
    accesses = explain(compiled([x], (), updates)).accesses
    assert {a.table for a in accesses} == {
        "float32 50 x 4",
        "float32 50 x 4/adagrad/accu",
    }
