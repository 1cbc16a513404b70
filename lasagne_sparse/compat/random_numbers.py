"""Lets ``MRG_RandomStreams`` draw without C, as dropout does under some modes

It masks a number of int32 by 0xffffffff, which NumPy 1 took for an int64; NumPy 2 wants
every number of Python to fit the dtype beside it (NEP 50), and raises OverflowError.
"""

import numpy as np

from .after_import import with_edited_source
from .records import Mend, mends

__all__ = ["mend_random_numbers"]

MASKS = [("mask = 0xffffffff", "mask = np.int64(0xffffffff)")]


def mend_random_numbers():
    """Has the mask be an int64 where NumPy is 2 or later"""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return
    with_edited_source("theano.sandbox.rng_mrg", MASKS)
    mends.append(
        Mend(
            "theano.sandbox.rng_mrg: drawing in Python",
            "NumPy 2 raises where a number of Python does not fit the int32 beside it",
        )
    )
