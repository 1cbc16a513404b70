"""Which class does a block of random bits mean, under each distribution?

Only integers and single multiplications, no logarithm or power: so Python and C agree
in every bit, whatever the processor and its mathematical library.
``ops/sampling/candidates.h`` says the same in C.
"""

import numpy as np

from .philox import multiply_high, philox

__all__ = ["DISTRIBUTIONS", "candidates"]


def candidates(distribution, state, count, num_classes, alias=None):
    """Reads blocks of random bits as classes

    Parameters
    ----------
    distribution : str
        One of :data:`DISTRIBUTIONS`.
    state : triple of int
        Seed, stream and position, as for :func:`.philox`.
    count : int
        How many blocks.
    num_classes : int
    alias : NumPy matrix, shape ``(num_classes, 2)``, float64, optional
        For each column how much of it is the class itself, in [0, 1], and which class
        the rest is.

    Returns
    -------
    NumPy vector, shape ``(count,)``, int64
        -1 for a block that means no class and is passed over.
    """
    first, second = philox(*state, count)
    return _READERS[distribution](first, second, num_classes, alias)


def _uniform(first, second, num_classes, alias):
    return _columns(first, num_classes)


def _log_uniform(first, second, num_classes, alias):
    """``class + 1`` is the integer part of x, of density 1 / x in [1, num_classes + 1)

    All octaves [2**j, 2**(j + 1)) weigh the same. In one, x = 2**j (1 + f) is drawn
    evenly and taken with probability 1 / (1 + f).
    """
    octaves = int(num_classes).bit_length()
    product = (first >> np.uint64(6)) * np.uint64(octaves)  # below 2**64
    octave = product >> np.uint64(58)
    taken = _fraction(product << np.uint64(6)) * (1.0 + _fraction(second)) < 1.0
    inside = second >> np.uint64(1) >> (np.uint64(63) - octave)
    found = ((np.uint64(1) << octave) + inside - np.uint64(1)).astype(np.int64)
    return np.where(taken & (found < num_classes), found, -1)


def _alias(first, second, num_classes, alias):
    """Walker's method: a column, and either its own class or its alias"""
    column = _columns(first, num_classes)
    own, other = alias[np.maximum(column, 0)].T
    found = np.where(_fraction(second) < own, column, other.astype(np.int64))
    return np.where(column < 0, -1, found)


def _columns(bits, num_classes):
    """Numbers in [0, num_classes), all as probable, by Lemire's method; -1: again"""
    upper, lower = multiply_high(bits, num_classes)
    even = lower >= np.uint64(2**64 % num_classes)
    return np.where(even, upper.astype(np.int64), -1)


def _fraction(bits):
    """The upper 53 bits as a number in [0, 1)"""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


_READERS = {"uniform": _uniform, "log_uniform": _log_uniform, "alias": _alias}

#: What classes may be drawn by. Also the numbers that the C knows them by.
DISTRIBUTIONS = tuple(_READERS)
