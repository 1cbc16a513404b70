"""Lets Theano write into rows in place without NumPy 1's MapIter

NumPy 2 took ``PyArray_MapIterArray`` and its kin out of its C interface, by which the
C of Theano's ``AdvancedIncSubtensor1`` adds to ``x[i]``, or sets it. ``increments.h``
does the same with loops.
"""

import os

import numpy as np

from .after_import import after_import
from .records import Mend, mends

__all__ = ["inc_code", "mend_increments"]


def inc_code():
    """Returns the C of ``inplace_increment``, the function that Theano's C calls

    Takes the place of ``theano.tensor.inc_code.inc_code``.

    Returns
    -------
    str
    """
    path = os.path.join(os.path.dirname(__file__), "increments.h")
    with open(path, encoding="utf-8") as file:
        return file.read()


def mend_increments():
    """Has Theano take this :func:`inc_code` where NumPy is 2 or later"""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return
    after_import("theano.tensor.inc_code", _mend)
    mends.append(
        Mend(
            "theano.tensor.inc_code",
            "NumPy 2 took MapIter out of its C interface, by which rows are written",
        )
    )


def _mend(module):
    module.inc_code = inc_code
