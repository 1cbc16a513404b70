"""Compiles what the rules need before it is needed: ``python -m lasagne_sparse warm``

For images of containers: a process in a new container finds an empty cache of
compiled modules, and a script that trains begins by compiling. In a Dockerfile ::

    ENV THEANO_FLAGS=base_compiledir=/opt/theano
    RUN python -m lasagne_sparse warm

fills it once. The modules fit the processor that they were compiled on and its like:
for a fleet of different ones, name the oldest by ``gcc.cxxflags=-march=...`` in the
flags. The folder must stay writable: Theano refuses another.
"""

import argparse
import time

import lasagne
import numpy
import theano
import theano.tensor as T

from . import layers, updates

__all__ = ["main", "step", "warm"]

NUM_ROWS, NUM_UNITS, NUM_WORDS, BATCH_SIZE = 50, 8, 3, 4


def step(rule):
    """Compiles a training step of a table with a dense layer on top, and does one

    Parameters
    ----------
    rule : callable
        One of :mod:`lasagne_sparse.updates`.

    Returns
    -------
    float
        The loss, of Theano's ``floatX``.
    """
    words, classes = T.imatrix("words"), T.ivector("classes")
    network = lasagne.layers.InputLayer((None, NUM_WORDS), words)
    network = layers.EmbeddingLayer(network, NUM_ROWS, NUM_UNITS, name="words")
    softmax = lasagne.nonlinearities.softmax
    network = lasagne.layers.DenseLayer(network, 2, nonlinearity=softmax)
    predicted = lasagne.layers.get_output(network)
    loss = lasagne.objectives.categorical_crossentropy(predicted, classes).mean()
    params = lasagne.layers.get_all_params(network, trainable=True)
    changes = rule(loss, params, learning_rate=0.1)
    train = theano.function([words, classes], loss, updates=changes)
    batch = numpy.zeros((BATCH_SIZE, NUM_WORDS), "int32")
    return float(train(batch, numpy.zeros(BATCH_SIZE, "int32")))


def warm(rules, dtypes):
    """Compiles steps of rules

    Parameters
    ----------
    rules : list of str
        Names of rules in :mod:`lasagne_sparse.updates`.
    dtypes : list of str
        Those that ``floatX`` will have.

    Yields
    ------
    dtype, rule : str
    modules : int
        How many modules were compiled; 0 if all were there.
    seconds : float
        How long it took.
    """
    cache = theano.gof.cc.get_module_cache()
    for dtype in dtypes:
        for rule in rules:
            compiled, start = cache.stats[2], time.perf_counter()
            with theano.change_flags(floatX=dtype):
                step(getattr(updates, rule))
            yield dtype, rule, cache.stats[2] - compiled, time.perf_counter() - start


def main(arguments):
    """Fills the cache, and says with what

    Parameters
    ----------
    arguments : list of str
        What stands after ``warm`` on the command line.

    Returns
    -------
    int
        The exit code: 1 if there is no compiler.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lasagne_sparse warm",
        description="Compiles what training steps of the rules need, for the cache.",
    )
    rules = updates.rules.__all__
    parser.add_argument(
        "--rules", nargs="+", choices=rules, default=rules, metavar="RULE"
    )
    dtypes = ["float32", "float64"]
    parser.add_argument("--dtypes", nargs="+", choices=dtypes, default=dtypes)
    options = parser.parse_args(arguments)
    if not theano.config.cxx:
        print("There is no C++ compiler, so nothing can be compiled: install g++")
        return 1
    total = 0
    for dtype, rule, modules, seconds in warm(options.rules, options.dtypes):
        total += modules
        done = "%3d modules, %5.1f s" % (modules, seconds)
        print("%-8s %-18s %s" % (dtype, rule, done), flush=True)
    print("%d modules compiled into %s" % (total, theano.config.compiledir))
    return 0
