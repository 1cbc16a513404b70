"""Lets Theano find the dtype of a number by casting and comparing, as NumPy 1 did

Theano casts a constant to one dtype after the other, and takes the first that holds
it. ``numpy.asarray(300, "int8")`` wrapped around, and 300 was not what came out; from
NumPy 2 it raises OverflowError. And ``0.1 == numpy.asarray(0.1, "float32")``, which
compared in float64, casts the 0.1 of Python first (NEP 50) and holds: a learning rate
of 0.1 would be rounded to float32 in a float64 network.
"""

import numpy as np

from .after_import import after_import, with_edited_source
from .records import Mend, mends

__all__ = ["COMPARISONS", "mend_casts"]

#: In ``theano.scalar.basic``. An array has its dtype: it is compared in the wider one.
COMPARISONS = [
    ("np.all(x == x_)", "np.all(np.asarray(x) == x_)"),
    ("data == converted_data)", "np.asarray(data) == converted_data)"),
]


def mend_casts():
    """Has Theano cast and compare in that way where NumPy is 2 or later"""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return
    after_import("theano.misc.safe_asarray", _wrap_around)
    with_edited_source("theano.scalar.basic", COMPARISONS)
    mends.append(
        Mend(
            "theano._asarray",
            "NumPy 2 raises where a number was cast to a dtype that does not hold it, "
            "and Theano casts and compares",
        )
    )
    mends.append(
        Mend(
            "theano.scalar: dtypes of constants",
            "NumPy 2 compares a number of Python in the dtype of the other side, and "
            "0.1 would be float32",
        )
    )


def _wrap_around(module):
    cast = module._asarray

    def _asarray(a, dtype, order=None):
        try:
            return cast(a, dtype, order)
        except OverflowError:
            # An array is cast as ever; what int64 does not hold raised before, too.
            return cast(np.asarray(a, "int64"), dtype, order)

    _asarray.__doc__ = cast.__doc__
    module._asarray = _asarray
