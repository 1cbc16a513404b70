"""The update alone, against a loop that only reads and writes the same rows.

`update` is our training function without the lookup in front: indices and the given
gradient of the output go in, the table and its accumulators come out. What counts is
all of the function's own time but that of finding the distinct rows, by Theano's
profile of its nodes. `add_one` and `add_one_ahead` are loops in C (``roofline.c``,
built by gcc -O3 -march=native -fopenmp when first used): one addition to every number
of the same distinct rows of as many tables, without and with prefetching; they do not
even read the gradient. The faster one is the roofline. Tables of all are NumPy arrays
of the same size and kind of memory; threads come from ``OMP_NUM_THREADS``.
"""

import ctypes
import os
import subprocess

import lasagne_sparse  # first: mends what Theano and Lasagne need
import numpy as np
import theano
from contestants_theano import LEARNING_RATE, find_rule, make_variables
from workloads import ACCUMULATORS, Workload, make_table

__all__ = ["CONTESTANTS", "load_loop"]

HERE = os.path.dirname(os.path.abspath(__file__))


def load_loop(folder):
    """The function ``add_one`` of ``roofline.c``, compiled into `folder`"""
    library = os.path.join(folder, "roofline.so")
    source = os.path.join(HERE, "roofline.c")
    flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    subprocess.check_call(["gcc"] + flags + [source, "-o", library])
    return ctypes.CDLL(library).add_one


def distinct_rows(batches):
    """The distinct rows of each batch, in order of first appearance"""
    result = []
    for batch in batches:
        rows, first = np.unique(batch, return_index=True)
        result.append(np.ascontiguousarray(rows[np.argsort(first)]))
    return result


def add_one(ahead):
    """The maker of a loop that prefetches so many rows ahead"""

    def make(workload, batches):
        workload = Workload(*workload)
        loop = load_loop(os.path.dirname(batches))
        shape = (workload.num_rows, workload.num_units)
        tables = [make_table(*shape) for _ in range(1 + ACCUMULATORS[workload.rule])]
        pointers = (ctypes.c_void_p * len(tables))(*[t.ctypes.data for t in tables])
        all_rows = distinct_rows(np.load(batches))

        def step(number):
            rows = all_rows[number % len(all_rows)]
            loop(
                pointers,
                ctypes.c_int(len(tables)),
                rows.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_int64(len(rows)),
                ctypes.c_int64(workload.num_units),
                ctypes.c_int(ahead),
            )
            # The tables must outlive the pointers: this keeps them.
            return tables

        return step

    return make


class NodeClock:
    """Seconds of the last call that a profiled function spent in its update"""

    def __init__(self, function):
        self.function = function
        self.total = 0.0
        self.last = 0.0

    def update(self):
        """Reads the profile; to be called after each call"""
        total = sum(
            seconds
            for node, seconds in self.function.profile.apply_time.items()
            if "UniqueRows" not in type(node.op).__name__
        )
        self.last, self.total = total - self.total, total


def update(workload, batches):
    """Our update of a given gradient, without the lookup"""
    workload = Workload(*workload)
    table, indices, given = make_variables(workload)
    output = table[indices]
    gradient = theano.grad(None, table, known_grads={output: given})
    rule = find_rule(lasagne_sparse.updates, workload.rule)
    updates = rule([gradient], [table], learning_rate=LEARNING_RATE)
    function = theano.function([indices], updates=updates, profile=True)
    clock = NodeClock(function)
    batches = list(np.load(batches))

    def step(number):
        function(batches[number % len(batches)])
        clock.update()

    return step, lambda: clock.last


CONTESTANTS = {"update": update, "add_one": add_one(0), "add_one_ahead": add_one(4)}
