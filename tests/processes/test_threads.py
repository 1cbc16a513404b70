"""Two Python threads on one table: what holds by itself, and what needs a lock

Each row of the table has one value in all its units, before and after each step: a row
that is half written is seen.
"""

import sys
import threading
import time

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import updates
from lasagne_sparse.ops.rows.row_update import RowUpdate

NUM_ROWS, NUM_UNITS = 50, 2000  # enough for OpenMP's threads too
SECONDS = 1.5
ROWS = [np.arange(NUM_ROWS)[::step].astype("int32") for step in (1, -1)]

pytestmark = pytest.mark.usefixtures("host_only", "eager_switches")


@pytest.fixture
def eager_switches():
    """Lets Python's threads take turns as often as they can"""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@theano.as_op(itypes=[T.fmatrix], otypes=[T.fmatrix])
def in_python(rows):
    """An Op without C, in which other threads run"""
    for _ in range(50):
        pass
    return rows.copy()


class Counting:
    """A table whose rows count the steps, and functions that make them"""

    def __init__(self, linker="cvm"):
        zeros = np.zeros((NUM_ROWS, NUM_UNITS), "float32")
        self.table = theano.shared(zeros, "table")
        self.indices = T.ivector("indices")
        self.rows = self.table[self.indices]
        self.mode = theano.Mode(linker, "fast_run")

    def compile(self, change=None):
        if change is None:
            loss = -T.sum(self.rows)
            change = updates.sgd(loss, [self.table], learning_rate=1)
        function = theano.function(
            [self.indices], self.rows, updates=change, mode=self.mode
        )
        nodes = function.maker.fgraph.apply_nodes
        assert any(isinstance(node.op, RowUpdate) for node in nodes)
        return function

    def compile_with_python(self):
        new = in_python(self.rows) + np.float32(1)
        return self.compile([(self.table, T.set_subtensor(self.rows, new))])


def hammer(*functions):
    """Calls each in a thread of its own; returns how often, and broken rows seen"""
    calls, broken, errors = [0 for _ in functions], [], []
    end = time.time() + SECONDS

    def work(k):
        try:
            while time.time() < end:
                # a copy of a function returns a list
                rows = np.reshape(functions[k](ROWS[k % 2]), (-1, NUM_UNITS))
                calls[k] += 1
                broken.extend(rows[(rows != rows[:, :1]).any(axis=1)][:1, :1])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return calls, broken


def assert_every_step_counted(counting, calls):
    expected = np.full((NUM_ROWS, NUM_UNITS), sum(calls), "float32")
    np.testing.assert_array_equal(counting.table.get_value(), expected)


@pytest.mark.parametrize("copied", [False, True], ids=["two functions", "a copy"])
def test_functions_in_c_run_one_after_the_other(copied):
    counting = Counting()
    one = counting.compile()
    other = one.copy() if copied else counting.compile()
    calls, broken = hammer(one, other)
    assert min(calls) > 10 and not broken
    assert_every_step_counted(counting, calls)


def test_rows_are_whole_where_a_function_calls_python():
    """Although a step of one thread may fall into a step of the other"""
    counting = Counting()
    calls, broken = hammer(*[counting.compile_with_python() for _ in range(2)])
    assert min(calls) > 10 and not broken
    table = counting.table.get_value()
    np.testing.assert_array_equal(table, np.repeat(table[:, :1], NUM_UNITS, axis=1))
    assert 0 < table.max() <= sum(calls)


def test_a_copy_with_changed_rows_has_whole_rows():
    """A copy by NumPy would let the other thread in"""
    counting = Counting()
    loss = -T.sum(counting.table[counting.indices[:1]])
    changed = updates.sgd(loss, [counting.table], learning_rate=1)[counting.table]
    with_copy = theano.function([counting.indices], changed, mode=counting.mode)
    (op,) = {n.op for n in with_copy.maker.fgraph.apply_nodes if _is_update(n)}
    assert not op.inplace
    calls, broken = hammer(counting.compile(), with_copy)
    assert min(calls) > 10 and not broken


def _is_update(node):
    return isinstance(node.op, RowUpdate)


@pytest.mark.parametrize("linker", ["cvm", "py"])
def test_with_a_lock_steps_are_whole_whatever_they_call(linker):
    """Also for who reads the table"""
    counting, lock = Counting(linker), threading.Lock()

    def locked(function):
        def call(indices):
            with lock:
                return function(indices)

        return call

    step = locked(counting.compile_with_python())
    read = locked(lambda indices: counting.table.get_value())
    calls, broken = hammer(step, step, read)
    assert min(calls) > 10 and not broken
    assert_every_step_counted(counting, calls[:2])
