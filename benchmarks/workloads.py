"""What is done in a step, and on which rows? The workloads of the benchmark.

Two kinds of step over one table of ``(num_rows, num_units)`` float32 numbers and a
batch of indices:

* *table*: look the rows up, take a given gradient of the output, update. This is all
  that an embedding library does; nothing else takes part.
* *step*: the same inside a training step with the loss ``((out - y)**2).sum()``,
  where the framework's own elementwise work counts too.

Indices are drawn in the parent and handed to all contestants, so that each sees
exactly the same batches in the same order.
"""

from collections import namedtuple

import numpy as np

__all__ = ["Workload", "draw_batches", "make_table", "make_rows", "table_bytes"]


class Workload(
    namedtuple(
        "Workload", "kind rule num_rows num_units num_lookups distribution threads"
    )
):
    """One cell of the benchmark's matrix

    Attributes
    ----------
    kind : str
        ``'table'`` or ``'step'``.
    rule : str
        The name of an update rule in ``lasagne.updates`` or of ours.
    num_rows, num_units : int
        The shape of the table.
    num_lookups : int
        Indices per batch, repeats counted.
    distribution : str
        ``'zipf'``: P(row) falls as rank**-1.05, the most frequent row first, as in a
        vocabulary sorted by frequency. ``'uniform'``. ``'spread'``: Zipf over 10,000
        ranks that lie evenly in the table, so that every table size sees the same
        number of distinct rows.
    threads : int
        ``OMP_NUM_THREADS`` of the contestant's process.
    """

    __slots__ = ()

    def __str__(self):
        return "%s %s, %s x %d, %s, %d thread%s" % (
            self.kind,
            self.rule,
            "{:,}".format(self.num_rows),
            self.num_units,
            self.distribution,
            self.threads,
            "s" * (self.threads > 1),
        )


def draw_zipf(random, num_rows, size):
    """Ranks in ``[0, num_rows)`` by rejection from an unbounded Zipf law"""
    drawn = np.empty(0, "int64")
    while len(drawn) < size:
        ranks = random.zipf(1.05, size=4 * size)
        drawn = np.concatenate([drawn, ranks[ranks <= num_rows] - 1])
    return drawn[:size]


def draw_batches(workload, num_batches=20, seed=0):
    """Batches of indices

    Parameters
    ----------
    workload : Workload
        What to draw.
    num_batches : int
        They are used in turn, again from the first after the last.
    seed : int
        Of the random generator.

    Returns
    -------
    numpy.ndarray, shape ``(num_batches, num_lookups)``, int64
        In ``[0, num_rows)``.

    Raises
    ------
    ValueError
        If the distribution is not known.
    """
    random = np.random.RandomState(seed)
    size = num_batches * workload.num_lookups
    if workload.distribution == "uniform":
        indices = random.randint(0, workload.num_rows, size=size)
    elif workload.distribution == "zipf":
        indices = draw_zipf(random, workload.num_rows, size)
    elif workload.distribution == "spread":
        ranks = min(10**4, workload.num_rows)
        indices = draw_zipf(random, ranks, size) * (workload.num_rows // ranks)
    else:
        raise ValueError(
            "expected the distribution 'zipf', 'uniform' or 'spread', got %r"
            % workload.distribution
        )
    return indices.reshape(num_batches, workload.num_lookups).astype("int64")


def make_rows(num_rows, num_units, seed=1):
    """Normally distributed float32 numbers, shape ``(num_rows, num_units)``"""
    random = np.random.RandomState(seed)
    return random.standard_normal((num_rows, num_units)).astype("float32")


def make_table(num_rows, num_units):
    """A table of small numbers, shape ``(num_rows, num_units)``, float32

    One block of 4,096 rows over and over: drawing a thousand million numbers would
    take longer than the measurement, and no contestant's time depends on them.
    """
    block = make_rows(4096, num_units) * np.float32(0.1)
    table = np.empty((num_rows, num_units), "float32")
    for start in range(0, num_rows, len(block)):
        part = table[start : start + len(block)]
        part[...] = block[: len(part)]
    return table


# Tables beside the parameter itself, each of its size, by rule.
ACCUMULATORS = {
    "sgd": 0,
    "momentum": 1,
    "nesterov_momentum": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "adadelta": 2,
    "adam": 2,
    "adamax": 2,
    "amsgrad": 3,
    "rowwise_adagrad": 0,
}


def table_bytes(workload):
    """Bytes of the table and its accumulators (a number a row counts as nothing)"""
    tables = 1 + ACCUMULATORS[workload.rule]
    return 4 * tables * workload.num_rows * workload.num_units
