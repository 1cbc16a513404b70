"""Does a child made by fork work, whatever its parent has done with threads?"""

import ctypes.util
import os

import pytest
from program_runs import run_program

if not hasattr(os, "fork"):
    pytest.skip("there is no fork on this system", allow_module_level=True)

#: A function with each Op of ours that has threads, and enough to do for two: also in
#: a child, where there must be more to do for a second one.
FUNCTIONS = """
import os, sys
import lasagne_sparse, numpy as np, theano, theano.tensor as T
from lasagne_sparse.ops import Gather, SegmentSum
from lasagne_sparse.ops.rows.row_map import RowMap
from lasagne_sparse.ops.rows.row_update import RowUpdate

one = np.float32(1)
table = np.arange(5000 * 128, dtype='float32').reshape(5000, 128)
W, V = theano.shared(table, 'W'), theano.shared(table, 'V')
x = T.ivector('x')
indices = np.arange(40000, dtype='int32') % 5000
order, offsets = np.argsort(indices, kind='stable'), np.arange(0, 40001, 8)

def function(op_class):
    if op_class is Gather:
        made = theano.function([x], W[x])
    elif op_class is SegmentSum:
        values = T.fmatrix()
        sums = theano.function([values], SegmentSum()(order, offsets, values))
        made = lambda x: sums(table[x])
        made.maker = sums.maker
    elif op_class is RowMap:
        made = theano.function([x], T.sqr(W[x] - V[x] * one).sum(axis=1))
    else:
        changed = T.inc_subtensor(V[x], one + W[x])
        update = theano.function([x], updates=[(V, changed)])
        def made(x):
            V.set_value(table)
            update(x)
            return V.get_value()
        made.maker = update.maker
    ops = [type(node.op) for node in made.maker.fgraph.apply_nodes]
    assert op_class in ops, ops
    return made

def threads():
    return len(os.listdir('/proc/self/task'))

def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""

AFTER_THREADS = """
for op_class in (Gather, SegmentSum, RowMap, RowUpdate):
    f = function(op_class)
    expected = f(indices)

    def work():
        for _ in range(3):
            np.testing.assert_array_equal(f(indices), expected)

    in_child(work)
    in_child(lambda: in_child(work))
    work()  # and the parent goes on
assert threads() >= 2
"""

#: The child loads a module that its parent has not.
MODULE_OF_THE_CHILD = """
expected = function(Gather)(indices)
def work():
    np.testing.assert_array_equal(function(RowMap)(indices), np.zeros(40000))
in_child(work)
"""

#: Somebody else has used OpenMP, and nobody of ours.
OPENMP_OF_OTHERS = """
import ctypes
gomp = ctypes.CDLL('libgomp.so.1', mode=ctypes.RTLD_GLOBAL)
callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda data: None)
gomp.GOMP_parallel(callback, None, 2, 0)
assert threads() >= 2
def work():
    np.testing.assert_array_equal(function(Gather)(indices), table[indices])
in_child(work)
"""

POOL = """
from multiprocessing import get_context
f = function(RowMap)
expected = f(indices)
with get_context('fork').Pool(2) as pool:
    for result in pool.map(f, [indices] * 4):
        np.testing.assert_array_equal(result, expected)
"""

JOBLIB = """
from joblib import Parallel, delayed
f = function(RowMap)
expected = f(indices)
def task(i):
    return f(indices)
for result in Parallel(n_jobs=2, backend='multiprocessing')(
    delayed(task)(i) for i in range(4)
):
    np.testing.assert_array_equal(result, expected)
"""


@pytest.mark.parametrize(
    "program",
    [AFTER_THREADS, MODULE_OF_THE_CHILD, OPENMP_OF_OTHERS, POOL, JOBLIB],
    ids=["each op", "module of the child", "openmp of others", "pool", "joblib"],
)
def test_child_works(program):
    if program is OPENMP_OF_OTHERS and not ctypes.util.find_library("gomp"):
        pytest.skip("no libgomp")
    if program is JOBLIB:
        pytest.importorskip("joblib", reason="joblib is not installed")
    run_program(FUNCTIONS + program, OMP_NUM_THREADS="2")


THREADS_OF_THE_CHILD = """
f = function(Gather)
f(indices)
many = np.tile(indices, 8)
pid = os.fork()
if pid == 0:
    for _ in range(20):
        f(many)
    os._exit(0)
most = 0
while os.waitpid(pid, os.WNOHANG) == (0, 0):
    most = max(most, len(os.listdir('/proc/%d/task' % pid)))
print(most)
"""


def test_child_has_threads_too():
    told = run_program(FUNCTIONS + THREADS_OF_THE_CHILD, OMP_NUM_THREADS="2")
    # Its first one, the one for which OpenMP makes threads, and the one made.
    assert int(told) >= 3
