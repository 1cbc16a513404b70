"""Does README.rst tell the truth?"""

import lasagne_sparse
import os
import re
import subprocess
import sys
import warnings

import lasagne
import lasagne_sparse.updates
import numpy as np
import pytest
import theano
import theano.tensor as T

from tree import ROOT

with open(os.path.join(ROOT, "README.rst"), encoding="utf-8") as file:
    README = file.read()


def program():
    block = re.search(r"code-block:: python\n\n((?:    .*\n|\n)+)", README).group(1)
    return "\n".join(line[4:] for line in block.splitlines())


def test_program_is_short():
    assert len([line for line in program().splitlines() if line.strip()]) < 25


def test_program_runs_and_learns():
    # The same program on a smaller table: the test is not for the machine's memory.
    text = program().replace("=1000000", "=1000").replace("range(20)", "range(8)")
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    losses = [float(line) for line in result.stdout.split()]
    assert len(losses) == 8
    assert 0.6 < losses[0] < 0.8 and losses[-1] < 0.01, losses


def failing_import(module, flags):
    """The last line that a Python prints in which a module is imported first"""
    done = subprocess.run(
        [sys.executable, "-c", "import theano, " + module],
        env=dict(os.environ, THEANO_FLAGS="device=cpu" + flags),
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.returncode:
        pytest.skip("these versions can be imported in any order")
    return done.stderr.splitlines()[-1]


def test_message_of_theano_imported_too_early():
    assert "\n``%s``\n" % failing_import("theano", "") in README


def test_message_of_lasagne_imported_too_early():
    line = failing_import("lasagne", ",blas.ldflags=-lopenblas")
    downsample = "ImportError: " + quoted("ImportError")[0]
    # On Python 3.12 and later it does not come so far.
    assert line.startswith(downsample) or "\n``%s``\n" % line in README


def test_every_public_name_is_told():
    names = set(lasagne_sparse.updates.__all__) | {"install", "EmbeddingLayer"}
    names -= {"get_or_compute_grads"}
    assert [name for name in names if name not in README] == []


def quoted(kind):
    """The beginnings of the messages that the README quotes, by their kind"""
    return re.findall(r"^``%s: (.*?) \.\.\.``$" % kind, README, re.MULTILINE)


def test_message_of_an_index_out_of_range():
    W = theano.shared(np.zeros((10, 2)), "W")
    x = T.ivector()
    f = theano.function([x], updates=lasagne_sparse.updates.sgd(W[x].sum(), [W], 1))
    with pytest.raises(IndexError) as error:
        f([0, 0, 0, 12])
    assert str(error.value).startswith(quoted("IndexError")[0])


def test_message_of_float_indices():
    layer = lasagne_sparse.layers.EmbeddingLayer((None, 2), 5, 3)
    with pytest.raises(TypeError) as error:
        layer.get_output_for(T.matrix())
    assert str(error.value).startswith(quoted("TypeError")[0])


def test_message_of_two_subsets():
    layer = lasagne_sparse.layers.EmbeddingLayer((None, 2), 5, 3)
    layer.get_output_for(T.imatrix())
    layer.get_output_for(T.imatrix())
    with pytest.raises(ValueError) as error:
        layer.subset  # noqa: B018
    assert str(error.value).startswith(quoted("ValueError")[0])


def test_message_of_a_dense_term():
    W = theano.shared(np.zeros((10, 2)), "W")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss = W[T.ivector()].sum() + (W**2).sum()
        lasagne_sparse.updates.sgd(loss, [W], 1)
    text = quoted("SparsityWarning")[0]
    assert [str(w.message) for w in caught if str(w.message).startswith(text)]


def test_message_of_params_without_a_list():
    W = theano.shared(np.zeros((10, 2)), "W")
    with pytest.raises(TypeError) as error:
        lasagne_sparse.updates.sgd(W[T.ivector()].sum(), W, 1)
    assert str(error.value).startswith(quoted("TypeError")[1])


def test_message_of_no_table():
    function = theano.function([], T.constant(1), mode="FAST_COMPILE")
    with pytest.raises(ValueError) as error:
        lasagne_sparse.assert_sparse(function)
    assert str(error.value).startswith(quoted("ValueError")[2])


def test_penalty_of_the_rows_that_are_looked_up_is_sparse():
    (line,) = re.findall("^    (loss = loss .*)$", README, re.MULTILINE)
    x = T.imatrix()
    words = lasagne_sparse.layers.EmbeddingLayer((None, 2), 10, 3, name="words")
    names = {
        "loss": words.get_output_for(x).sum(),
        "embeddings": [words],
        "l2": lasagne.regularization.l2,
    }
    exec(line, names)
    updates = lasagne_sparse.updates.sgd(names["loss"], [words.W], 1)
    function = theano.function([x], updates=updates, mode=theano.Mode("py"))
    lasagne_sparse.assert_sparse(function, [words.W])


def test_message_of_a_table_listed_twice():
    W = theano.shared(np.zeros((10, 2)), "W")
    with pytest.raises(ValueError) as error:
        lasagne_sparse.updates.sgd(W[T.ivector()].sum(), [W, W], 1)
    assert str(error.value).startswith(quoted("ValueError")[1])
