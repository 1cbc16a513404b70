"""Says what share of a compile our rewrites take, by wrapping them

For Lasagne's recurrent layers with their default arguments, unrolled, on top of an
``EmbeddingLayer``: the largest graphs that programs of Lasagne make. The time of our
rewrites, and of the order of writes that Theano asks us for, is taken inside of the
same compile: a share of one run, whatever else the machine does.

The linker is Theano's for Python by default, so that no C is compiled: the share is
larger then than in any other mode (``--linker cvm`` shows the default one)::

    python benchmarks/compile_share.py --steps 10 50
    python benchmarks/compile_share.py --layers LSTMLayer --linker cvm
"""

import argparse
import sys
import time
from collections import Counter
from contextlib import contextmanager

import lasagne_sparse  # before any import of theano or lasagne
import lasagne
import theano
import theano.tensor as T
from lasagne_sparse.rewrites.ordering import WritesComeLast
from theano.gof.opt import Optimizer

__all__ = ["compile_time", "main", "network", "timed_rewrites"]

LAYERS = ["RecurrentLayer", "GRULayer", "LSTMLayer"]


@contextmanager
def timed_rewrites():
    """Times our rewrites; yields the seconds of each, by its name"""
    seconds, inside = Counter(), []

    def timed(method, name_of):
        def call(self, *args, **kwargs):
            name = name_of(self)
            if inside or name is None:  # one inside another one counts once
                return method(self, *args, **kwargs)
            inside.append(name)
            start = time.perf_counter()
            try:
                return method(self, *args, **kwargs)
            finally:
                inside.pop()
                seconds[name] += time.perf_counter() - start

        return call

    optimize, orderings = Optimizer.optimize, WritesComeLast.orderings
    Optimizer.optimize = timed(optimize, _name_of_ours)
    WritesComeLast.orderings = timed(orderings, lambda feature: "orderings")
    try:
        yield seconds
    finally:
        Optimizer.optimize, WritesComeLast.orderings = optimize, orderings


def _name_of_ours(optimizer):
    name = str(getattr(optimizer, "name", None))
    return name if name.startswith("lasagne_sparse") else None


def network(layer, num_steps):
    """Builds a training step of a network with an unrolled recurrent layer

    Returns its inputs, its loss and its updates.
    """
    words, classes = T.imatrix("words"), T.ivector("classes")
    net = lasagne.layers.InputLayer((4, num_steps), words)
    net = lasagne_sparse.layers.EmbeddingLayer(net, 50, 8, name="words")
    net = getattr(lasagne.layers, layer)(net, 8, unroll_scan=True)
    net = lasagne.layers.SliceLayer(net, -1, 1)
    softmax = lasagne.nonlinearities.softmax
    net = lasagne.layers.DenseLayer(net, 2, nonlinearity=softmax)
    predicted = lasagne.layers.get_output(net)
    loss = lasagne.objectives.categorical_crossentropy(predicted, classes).mean()
    params = lasagne.layers.get_all_params(net, trainable=True)
    updates = lasagne_sparse.updates.adam(loss, params)
    return [words, classes], loss, updates


def compile_time(layer, num_steps, linker="py"):
    """Compiles a network; returns the seconds of all, and those of each rewrite"""
    inputs, loss, updates = network(layer, num_steps)
    mode = theano.Mode(linker, "fast_run")
    with timed_rewrites() as seconds:
        start = time.perf_counter()
        theano.function(inputs, loss, updates=updates, mode=mode)
        return time.perf_counter() - start, dict(seconds)


def row(layer, num_steps, linker):
    """A line of the table"""
    total, seconds = compile_time(layer, num_steps, linker)
    ours = sum(seconds.values())
    name, most = max(seconds.items(), key=lambda item: item[1])
    return "%-16s %5d %9.2f s %6.1f %%   %s (%.1f %%)" % (
        layer,
        num_steps,
        total,
        100 * ours / total,
        name.replace("lasagne_sparse_", ""),
        100 * most / total,
    )


def main(arguments=None):
    """Prints a line for each layer and number of steps"""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=LAYERS)
    parser.add_argument("--steps", nargs="+", type=int, default=[10, 50])
    parser.add_argument("--linker", default="py")
    options = parser.parse_args(arguments)
    sys.setrecursionlimit(100000)  # Theano's gradients go up the graph by recursion
    print("layer, unrolled  steps    compile     ours   most of it")
    for layer in options.layers:
        row(layer, 3, options.linker)  # what Theano compiles once is there then
        for num_steps in options.steps:
            print(row(layer, num_steps, options.linker), flush=True)


if __name__ == "__main__":
    main()
