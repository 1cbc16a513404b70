"""Writing 200 rows of a 70,000 x 100 table: the ways that Theano's users have.

A call adds a ``(200, 100)`` float32 array to 200 distinct rows; the rows and the
array are arguments, so that each call pays for handing them over. Without Theano,
`numpy` writes straight into an array of its own: what the job costs when no graph is
in between. Function calls check their arguments as they do by default, but for
`ours_trusted`, which sets Theano's ``trust_input``.
"""

import lasagne_sparse  # first: mends what Theano and Lasagne need
import numpy as np
import theano
import theano.tensor as T
from contestants_theano import without_us
from workloads import make_rows, make_table

__all__ = ["CONTESTANTS"]

NUM_BATCHES = 20


class Job:
    """The table, and twenty choices of rows with what is added there"""

    def __init__(self, num_rows, num_units, num_written):
        self.table = theano.shared(make_table(num_rows, num_units), "C", borrow=True)
        random = np.random.RandomState(0)
        self.rows = [
            random.permutation(num_rows)[:num_written].astype("int64")
            for _ in range(NUM_BATCHES)
        ]
        self.delta = make_rows(num_written, num_units) * np.float32(1e-3)

    def cycle(self, write):
        """A step that calls ``write(rows, delta)``"""
        return lambda number: write(self.rows[number % NUM_BATCHES], self.delta)

    def compile(self, make_updates, mode=None):
        """The function of rows and delta with ``make_updates(table, rows, delta)``"""
        rows, delta = T.lvector("rows"), T.fmatrix("delta")
        updates = make_updates(self.table, rows, delta)
        return theano.function([rows, delta], updates=updates, mode=mode)


def get_set(**shape):
    """``get_value``, change, ``set_value``"""
    job = Job(**shape)

    def write(rows, delta):
        value = job.table.get_value()
        value[rows] += delta
        job.table.set_value(value)

    return job.cycle(write)


def inc_subtensor(**shape):
    """``T.inc_subtensor(C[rows], delta)``, without lasagne_sparse's rewrites"""
    job = Job(**shape)
    write = job.compile(
        lambda C, rows, delta: [(C, T.inc_subtensor(C[rows], delta))], without_us()
    )
    return job.cycle(write)


def numpy_add(**shape):
    """``C[rows] += delta`` on a NumPy array"""
    job = Job(**shape)
    table = job.table.get_value()

    def write(rows, delta):
        table[rows] += delta

    return job.cycle(write)


def ours(**shape):
    """``lasagne_sparse.updates.add_rows``"""
    job = Job(**shape)
    return job.cycle(job.compile(lasagne_sparse.updates.add_rows))


def ours_trusted(**shape):
    """The same, with ``trust_input``"""
    job = Job(**shape)
    write = job.compile(lasagne_sparse.updates.add_rows)
    write.trust_input = True
    return job.cycle(write)


CONTESTANTS = {
    "get_set": get_set,
    "inc_subtensor": inc_subtensor,
    "numpy": numpy_add,
    "ours": ours,
    "ours_trusted": ours_trusted,
}
