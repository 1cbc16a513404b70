"""Lets Theano's part for GPUs be imported, which ``scan`` does on every machine

Its breakpoints ask ``imp`` whether there is a debugger: Python 3.12 dropped it. Its
linear algebra imports an error from ``numpy.linalg.linalg``: NumPy 2.5 dropped that.
"""

import importlib.util
import sys
import warnings

from .after_import import with_edited_source
from .records import Mend, mends

__all__ = ["mend_gpuarray"]

_BREAKPOINTS = [
    ("import imp\n", "import importlib.util\n"),
    # This one returns None where there is no such module, as they expect.
    ("imp.find_module(", "importlib.util.find_spec("),
]
_LINALG = [("from numpy.linalg.linalg import", "from numpy.linalg import")]


def mend_gpuarray():
    """Edits what imports a module that is not there"""
    if sys.version_info >= (3, 12):
        _mend("theano.tests.breakpoint", _BREAKPOINTS, "Python 3.12 dropped imp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        has_linalg = importlib.util.find_spec("numpy.linalg.linalg")
    if not has_linalg:
        why = "NumPy 2.5 dropped numpy.linalg.linalg"
        _mend("theano.gpuarray.linalg", _LINALG, why)


def _mend(name, edits, why):
    with_edited_source(name, edits)
    mends.append(Mend(name, why + ", which it imports, and scan imports it"))
