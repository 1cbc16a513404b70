"""The update alone, against a loop that only reads and writes the same rows.

`update` is our training function without the lookup in front: indices and the given
gradient of the output go in, the table and its accumulators come out. What counts is
all of the function's own time but that of finding the distinct rows, by Theano's
profile of its nodes.

The others are loops in C (``roofline.c``, built by gcc -O3 -march=native -fopenmp when
first used) over the same distinct rows of as many tables, with one addition a number.
`add_one` and `add_one_ahead` (which prefetches) do not even read the gradient; the
faster one is the roofline. `add_gradient` reads it, and sums it over repeats: what an
update must move at the least. Tables of all are NumPy arrays of the same size and kind
of memory; threads come from ``OMP_NUM_THREADS``.
"""

import ctypes
import os
import subprocess

import lasagne_sparse  # first: mends what Theano and Lasagne need
import numpy as np
import theano
from contestants_ops import NodeClock, kind_of
from contestants_theano import LEARNING_RATE, find_rule, make_variables
from workloads import ACCUMULATORS, Workload, make_rows, make_table

__all__ = ["CONTESTANTS", "load_loops"]

HERE = os.path.dirname(os.path.abspath(__file__))


def load_loops(folder):
    """The functions of ``roofline.c``, compiled into `folder`"""
    library = os.path.join(folder, "roofline-%d.so" % os.getpid())
    source = os.path.join(HERE, "roofline.c")
    flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    subprocess.check_call(["gcc"] + flags + [source, "-o", library])
    loops = ctypes.CDLL(library)
    os.remove(library)  # it stays loaded
    return loops


def group(indices):
    """Distinct rows by first appearance; the lookups of each, and where they begin"""
    distinct, first, inverse = np.unique(
        indices, return_index=True, return_inverse=True
    )
    by_appearance = np.argsort(first)
    place = np.empty_like(by_appearance)
    place[by_appearance] = np.arange(len(distinct))
    segments = place[inverse]
    lookups = np.argsort(segments, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(segments))])
    groups = distinct[by_appearance], lookups, offsets
    return [np.ascontiguousarray(part, "int64") for part in groups]


def address(array):
    """A pointer to the first element of an array"""
    return ctypes.c_void_p(array.ctypes.data)


class Loop:
    """The step of one of the C loops

    Parameters
    ----------
    name : str
        Of the function in ``roofline.c``.
    ahead : int
        How many rows ahead it prefetches; 0: not at all.
    """

    def __init__(self, name, ahead):
        self.name = name
        self.ahead = ahead

    def __call__(self, workload, batches):
        workload = Workload(*workload)
        shape = (workload.num_rows, workload.num_units)
        self.loop = getattr(load_loops(os.path.dirname(batches)), self.name)
        # These stay here: the pointers alone would not keep the arrays alive.
        self.tables = [
            make_table(*shape) for _ in range(1 + ACCUMULATORS[workload.rule])
        ]
        self.gradient = make_rows(workload.num_lookups, workload.num_units, seed=2)
        self.groups = [group(batch) for batch in np.load(batches)]
        pointers = [table.ctypes.data for table in self.tables]
        self.pointers = (ctypes.c_void_p * len(pointers))(*pointers)
        return self.step

    def step(self, number):
        """One pass over the rows of a batch"""
        rows, lookups, offsets = self.groups[number % len(self.groups)]
        arguments = [
            self.pointers,
            ctypes.c_int(len(self.tables)),
            address(rows),
            ctypes.c_int64(len(rows)),
            ctypes.c_int64(self.gradient.shape[1]),
            ctypes.c_int(self.ahead),
        ]
        if self.name == "add_gradient":
            arguments += [address(self.gradient), address(lookups), address(offsets)]
        self.loop(*arguments)


def update(workload, batches):
    """Our update of a given gradient, without the lookup"""
    workload = Workload(*workload)
    table, indices, given = make_variables(workload)
    output = table[indices]
    gradient = theano.grad(None, table, known_grads={output: given})
    rule = find_rule(lasagne_sparse.updates, workload.rule)
    updates = rule([gradient], [table], learning_rate=LEARNING_RATE)
    function = theano.function([indices], updates=updates, profile=True)
    clock = NodeClock(function, lambda node: kind_of(node) != "unique")
    batches = list(np.load(batches))

    def step(number):
        function(batches[number % len(batches)])
        clock.read()

    return step, lambda: clock.last


CONTESTANTS = {
    "update": update,
    "add_one": Loop("add_one", ahead=0),
    "add_one_ahead": Loop("add_one", ahead=4),
    "add_gradient": Loop("add_gradient", ahead=4),
}
