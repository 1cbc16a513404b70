"""Which workloads are timed, and who takes part in each?

The whole matrix (rules x table sizes x widths x distributions x threads x two kinds
of step) takes many hours. By default each axis is walked alone from one base point, a
million rows of 128 numbers, Zipf, two threads: all rules there, and the other axes
for adam and sgd. Axes that the user names are multiplied with each other.

Fairness, for all contestants of a workload: the same table, the same int64 indices,
the same given gradient or target, made beforehand; at most as many threads as the
workload says, in all of their libraries (OpenMP, OpenBLAS; Theano's own elementwise
loops with ``openmp=True`` where there is more than one); waiting threads wait as each
library has it by default; each is compiled and warmed before the first turn. The peers
take part twice: as they come, and with huge pages, which Theano's tables have anyway
(see `contestants_torch`). What is timed is the call of a step, from Python, with
indices that are ready.
"""

import itertools
import os

from turns import Contestant
from workloads import Workload, table_bytes

__all__ = ["BASE", "RULES", "choose", "contestants", "thread_variables"]

BASE = {
    "rule": ["adam", "sgd"],
    "num_rows": [10**6],
    "num_units": [128],
    "distribution": ["zipf"],
    "threads": [2],
}

RULES = [
    "sgd",
    "momentum",
    "nesterov_momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "rowwise_adagrad",
]

AXES = {
    "rule": RULES,
    "num_rows": [10**4, 10**5, 10**6, 10**7],
    "num_units": [32, 128, 300],
    "distribution": ["zipf", "uniform"],
    "threads": [2, 1],
}

NUM_LOOKUPS = 4096

# The peer whose update is the same, or where there is none the closest one.
FBGEMM = {
    "sgd": "fbgemm_sgd",
    "adagrad": "fbgemm_rowwise_adagrad",
    "adam": "fbgemm_rowwise_adagrad",
    "rowwise_adagrad": "fbgemm_rowwise_adagrad",
}
FBGEMM_LABELS = {
    "fbgemm_sgd": "FBGEMM SGD",
    "fbgemm_rowwise_adagrad": "FBGEMM row-wise Adagrad",
}
PYTORCH_LABELS = {
    "sgd": "PyTorch sparse SGD",
    "adagrad": "PyTorch sparse Adagrad",
    "adam": "PyTorch SparseAdam",
}


def multiply(axes):
    """All workloads of a product of axes, without their kind"""
    names = ("rule", "num_rows", "num_units", "distribution", "threads")
    for values in itertools.product(*[axes[name] for name in names]):
        yield dict(zip(names, values))


def choose(kind, chosen, full=False, quick=False):
    """The workloads of one kind

    Parameters
    ----------
    kind : str
        ``'table'`` or ``'step'``.
    chosen : dict
        Axis to a list of values, or to None where the user named none.
    full : bool
        The product of all axes.
    quick : bool
        The base point only.

    Returns
    -------
    list of Workload
        Without repeats.
    """
    named = {axis: values for axis, values in chosen.items() if values}
    if full:
        points = list(multiply(dict(AXES, **named)))
    elif named or quick:
        points = list(multiply(dict(BASE, **named)))
    else:
        points = list(multiply(BASE))
        for axis, values in AXES.items():
            points.extend(multiply(dict(BASE, **{axis: values})))
    workloads = [Workload(kind=kind, num_lookups=NUM_LOOKUPS, **p) for p in points]
    return list(dict.fromkeys(workloads))


def thread_variables(threads, theano_openmp=True):
    """Environment variables that give a process so many threads in all its libraries"""
    count = str(threads)
    flags = "floatX=float32,openmp=%s" % (theano_openmp and threads > 1)
    if "THEANO_FLAGS" in os.environ:
        # Theano reads from left to right: ours win.
        flags = os.environ["THEANO_FLAGS"] + "," + flags
    return {
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "THEANO_FLAGS": flags,
    }


def contestants(workload, batches, python, peers):
    """Who takes part in a workload, and how much memory each needs

    Parameters
    ----------
    workload : Workload
        What a step does.
    batches : str
        The file of the batches.
    python, peers : str, or None for `peers`
        The interpreters of both environments.

    Returns
    -------
    list of (Contestant, int, int)
        Ours first. Bytes of the table and accumulators that it holds, and of what it
        makes of their size beside them, roughly.
    """
    arguments = {"workload": list(workload), "batches": batches}
    environment = thread_variables(workload.threads)
    tables = table_bytes(workload)
    one = 4 * workload.num_rows * workload.num_units

    def make(label, interpreter, module, name, **variables):
        variables = dict(environment, **variables)
        return Contestant(label, interpreter, module, name, arguments, variables)

    here = "contestants_theano"
    found = [(make("ours", python, here, "ours"), tables, 0)]
    if peers:
        for suffix, enabled in (("", "0"), (", huge pages", "1")):
            pages = {"THP_MEM_ALLOC_ENABLE": enabled}
            if workload.rule in PYTORCH_LABELS:
                label = PYTORCH_LABELS[workload.rule] + suffix
                peer = make(label, peers, "contestants_torch", "pytorch", **pages)
                found.append((peer, tables, one))
            if workload.rule in FBGEMM:
                name = FBGEMM[workload.rule]
                label = FBGEMM_LABELS[name] + suffix
                peer = make(label, peers, "contestants_torch", name, **pages)
                found.append((peer, one, one))
    found.append((make("Theano by hand", python, here, "by_hand"), tables, 0))
    # The dense gradient and the new values stand beside the old ones.
    dense = make("lasagne.updates, dense", python, here, "dense")
    found.append((dense, tables, 3 * one))
    return found
