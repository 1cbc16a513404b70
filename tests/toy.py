"""What the tests of whole programs share: a small table, batches, and a check"""

import functools

import lasagne
import lasagne_sparse.updates
import numpy as np
import theano
import theano.tensor as T
from devices import ON_GPU, on_host
from theano.gof.link import PerformLinker, WrapLinker
from theano.gof import OpWiseCLinker

__all__ = [
    "NUM_ROWS",
    "NUM_UNITS",
    "EVERY_ROW",
    "SOME_ROWS",
    "RULES",
    "EVERY_RULE",
    "new_table",
    "mode",
    "function",
    "fast_compiled",
    "close",
    "same_bits",
    "check",
]

NUM_ROWS, NUM_UNITS = 7, 3
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}

# Batches of shape (2, 5), with repeats and negative indices.
EVERY_ROW = [
    np.array([[0, 1, 2, 3, 4], [5, 6, 0, 0, 2]], "int32"),
    np.array([[6, 5, 4, 3, 2], [1, 0, -1, 6, -7]], "int32"),
    np.array([[2, 2, 2, 5, -1], [0, 1, 3, 4, 4]], "int32"),
]
SOME_ROWS = np.array([[1, 4, -1, 1, 1], [4, 6, 1, 4, 1]], "int32")
LEFT_ALONE = [0, 2, 3, 5]

RULES = {
    "sgd": dict(learning_rate=0.1),
    "momentum": dict(learning_rate=0.1),
    "nesterov_momentum": dict(learning_rate=0.1),
    "adagrad": dict(learning_rate=0.1),
    "rmsprop": dict(learning_rate=0.1),
    "adadelta": dict(),
    "adam": dict(learning_rate=0.1),
}


#: All that the library has; tests of one rule each take their names from here.
EVERY_RULE = [*RULES, "adamax", "amsgrad", "rowwise_adagrad"]


def new_table(shape=(NUM_ROWS, NUM_UNITS), name="W", seed=1):
    """Makes a shared variable with the same values at each call"""
    values = np.random.RandomState(seed).uniform(-1, 1, shape)
    return theano.shared(values.astype(theano.config.floatX), name)


def mode():
    """The mode of most tests: all rewrites, but no C, which is fast to build

    Another mode that the user's flags ask for is used as it is.
    """
    if theano.config.mode != "Mode":
        return theano.config.mode
    # Theano would put convolutions in that have C code only.
    return theano.Mode(linker="py", optimizer="fast_run").excluding(
        "conv_opts", "AbstractConvCheck"
    )


def function(inputs, outputs=None, updates=None, **kwargs):
    """``theano.function`` in the mode of the tests"""
    kwargs.setdefault("mode", mode())
    return theano.function(inputs, outputs, updates=updates, **kwargs)


def fast_compiled(inputs, outputs=None, updates=None):
    """``theano.function`` in mode FAST_COMPILE, for large graphs"""
    return theano.function(inputs, outputs, updates=updates, mode="FAST_COMPILE")


def close(ours, theirs):
    """Asserts that two arrays are equal to rounding, and of one dtype and shape"""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    tolerance = TOLERANCE[theano.config.floatX]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def same_bits(one, other):
    """Asserts that two arrays, or two lists of arrays, are the same bit by bit"""
    if isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other):
            same_bits(*pair)
    else:
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()


def watched(large):
    """The mode of most tests, which lists the nodes that make tables

    A node's name is appended to `large` for each array of floats with as many
    rows, or columns, as a table has, unless it shares an input's memory.
    """

    def run(_, node, thunk):
        thunk()
        shares = [
            position
            for shared in ("view_map", "destroy_map")
            for position in getattr(node.op, shared, {})
        ]
        for position, (array,) in enumerate(thunk.outputs):
            if getattr(array, "dtype", np.dtype("bool")).kind != "f":
                continue
            if NUM_ROWS in array.shape and position not in shares:
                large.append(str(node))

    # What runs on a GPU has C code only.
    runs = OpWiseCLinker() if ON_GPU else PerformLinker()
    linker = WrapLinker([runs], run)
    return theano.Mode(linker, "fast_run").excluding("conv_opts", "AbstractConvCheck")


class Training:
    """A program's training function, and the shared variables that it updates"""

    def __init__(self, program, updates, compile):
        x = T.imatrix("x")
        loss, self.updates = program(updates, x)
        self.step = compile([x], loss, updates=self.updates)

    def values(self):
        return [shared.get_value() for shared in self.updates]


def kind(variable):
    """Returns the type of a shared variable, whatever the device"""
    return variable.dtype, variable.broadcastable


def check(program, compile=function, left_alone=LEFT_ALONE, walks_table=False):
    """Checks that a program does by our updates what it does by Lasagne's

    Where every row is looked up, the losses and all shared variables must be
    Lasagne's to rounding; where some are, the others must keep their bits.

    Parameters
    ----------
    program : callable
        ``program(updates, x)`` gets a module of update rules and an integer
        matrix, and returns a loss and the dictionary of updates.
    compile : callable
        What compiles, with the signature of :func:`function`.
    left_alone : list of int
        The rows that the program does not look up for `SOME_ROWS`.
    walks_table : bool
        If False, and some rows are left alone, nothing as large as a table may
        be computed. This is looked at where `compile` is :func:`function`.

    Returns
    -------
    Training
        Our training function.
    """
    large = []
    with on_host():
        theirs = Training(program, lasagne.updates, compile)
    if compile is function and theano.config.mode == "Mode":
        compile = functools.partial(function, mode=watched(large))
    ours = Training(program, lasagne_sparse.updates, compile)
    assert [kind(s) for s in ours.updates] == [kind(s) for s in theirs.updates]
    for batch in EVERY_ROW:
        close(ours.step(batch), theirs.step(batch))
    for one, other in zip(ours.values(), theirs.values()):
        close(one, other)
    before = ours.values()
    del large[:]  # these batches had every row
    ours.step(SOME_ROWS)
    assert walks_table or not left_alone or not large
    for old, new in zip(before, ours.values()):
        if old.shape[:1] == (NUM_ROWS,):
            same_bits(old[left_alone], new[left_alone])
            if left_alone:
                # Of the others, at least one is different now.
                assert not np.array_equal(old, new)
    return ours
