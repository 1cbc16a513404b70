"""Is each spelling of the guide sparse, or dense with a warning, as it says?"""

import re

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import assert_sparse, updates
from pieces import sparsity_warnings
from toy import function, new_table
from tree import read

# On a GPU some of the steps have no kernel, or are of other operations.
pytestmark = pytest.mark.usefixtures("host_only")

PAGE = read("docs/user/sparse_or_dense.rst")
TITLES = {"Loss": "loss", "Gradient": "gradient", "Then": "entry"}
FLOAT = theano.config.floatX

SYMBOLS = {
    "x": (T.ivector("x"), [1, 3, 1]),
    "y": (T.ivector("y"), [2, 3, 3]),
    "m": (T.imatrix("m"), [[1, 2], [3, 1]]),
    "k": (T.iscalar("k"), 2),
    "h": (T.matrix("h"), np.ones((2, 8))),
    "lo": (T.scalar("lo"), -1.0),
    "hi": (T.scalar("hi"), 1.0),
    "c": (T.scalar("c"), 0.5),
}


def spellings():
    """Yields (kind of the table, code, what the page says of it)"""
    for table in PAGE.split(".. list-table::")[1:]:
        (head, _), *rows = re.findall(r"\* - (.+)\n      - (.+)", table)
        for code, verdict in rows:
            yield TITLES[head], code.strip("`"), verdict


def names():
    """What the page's spellings are about"""
    W = new_table((8, 8))
    known = {name: variable for name, (variable, _) in SYMBOLS.items()}
    known.update(
        T=T,
        theano=theano,
        lasagne=lasagne,
        W=W,
        M=T.constant(np.eye(8, dtype=FLOAT)),
        n=theano.shared(np.ones(8, FLOAT), "n"),
    )
    known["g"] = theano.grad(T.sum(W[known["x"]] ** 2), W)
    return known


def updates_of(kind, code, known):
    """The updates of the page's program"""
    W = known["W"]
    if kind == "loss":
        return updates.adam(eval(code, known), [W])
    if kind == "gradient":
        return updates.adam([eval(code, known)], [W])
    known.update({name: getattr(updates, name) for name in updates.__all__})
    known["updates"] = updates.sgd(T.sum(W[known["x"]] ** 2), [W], 0.1)
    exec(code, known)
    return known["updates"]


def compiled(changes, known, **kwargs):
    inputs = [variable for variable, _ in SYMBOLS.values()]
    return function(inputs, updates=changes, on_unused_input="ignore", **kwargs)


def call(step):
    step(*[np.asarray(v, s.dtype) for s, v in SYMBOLS.values()])


def test_page_has_forty_spellings():
    assert len(list(spellings())) >= 40


@pytest.mark.parametrize("kind, code, verdict", spellings())
def test_spelling_is_what_the_page_says(kind, code, verdict):
    results = []
    for excluded in ((), ("lasagne_sparse",)):
        known = names()
        with sparsity_warnings() as caught:
            changes = updates_of(kind, code, known)
        assert bool(caught) == ("warns" in verdict)
        step = compiled(changes, known, mode=mode_without(excluded))
        if not excluded:
            if "sparse" in verdict:
                assert_sparse(step, [known["W"]])
            else:
                with pytest.raises(AssertionError):
                    assert_sparse(step, [known["W"]])
        call(step)
        results.append(known["W"].get_value())
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-6)


def mode_without(tags):
    return theano.Mode(linker="py", optimizer="fast_run").excluding(*tags)
