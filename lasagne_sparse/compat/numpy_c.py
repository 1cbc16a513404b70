"""Lets the C that Theano writes compile with the headers of NumPy 2

What NumPy 2 changed in its C interface, and Theano 1.0.5 uses: ``NPY_MAXDIMS`` for "all
axes" has a name of its own; ``noprefix.h`` and the names for Python 3 are gone; complex
numbers are C's, without fields ``real`` and ``imag``; what a dtype holds is read by
functions, unless a module is compiled for NumPy 2 alone.
"""

import re

import numpy as np

from .after_import import with_edited_source
from .c_sources import edit_c
from .increments import inc_code
from .records import Mend, mends

__all__ = ["EDITS", "PRELUDE", "for_numpy_2", "mend_c"]

#: Goes above each module.
PRELUDE = """\
#define PY_SSIZE_T_CLEAN
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>
#define NPY_PY3K 1
#ifndef PyInt_Check
#define PyInt_Check PyLong_Check
#define PyInt_AsLong PyLong_AsLong
#define PyInt_AS_LONG PyLong_AsLong
#define PyInt_FromLong PyLong_FromLong
#endif
#ifndef LASAGNE_SPARSE_COMPLEX
#define LASAGNE_SPARSE_COMPLEX
/* What Theano derives its own complex types from. */
typedef struct { npy_float32 real, imag; } lasagne_sparse_complex64;
typedef struct { npy_float64 real, imag; } lasagne_sparse_complex128;
#endif
"""

#: Pattern and replacement; what a pattern finds nowhere is as it should be.
EDITS = [
    # "axis = NPY_MAXDIMS", "axis != NPY_MAXDIMS", "PyArray_Min(x, NPY_MAXDIMS,"
    (r"([=,] )NPY_MAXDIMS\b", r"\1NPY_RAVEL_AXIS"),
    (r"<numpy/noprefix\.h>", "<numpy/arrayobject.h>"),
    (r": public npy_complex(64|128)\b", r": public lasagne_sparse_complex\1"),
]


#: Theano's cumsum hands the constant over from Python, where it has no name any more.
ALL_AXES = [
    ("np.MAXDIMS if self.axis is None", "np.iinfo('intc').min if self.axis is None")
]
#: The C interface's version is a part of the keys of compiled modules. NumPy 2 warns of
#: the name by which Theano asks for it.
VERSION = [("= np.core._multiarray_umath.", "= np._core._multiarray_umath.")]


def for_numpy_2(name, code):
    """Edits the text of one module

    Parameters
    ----------
    name : str
        The module's name.
    code : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(for_numpy_2("m", "axis = NPY_MAXDIMS;")[-23:])
    axis = NPY_RAVEL_AXIS;
    """
    for pattern, replacement in EDITS:
        code = re.sub(pattern, replacement, code)
    return PRELUDE + code


def mend_c():
    """Has all modules edited where NumPy is 2 or later"""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return
    edit_c(for_numpy_2, version=PRELUDE + repr(EDITS) + inc_code())
    with_edited_source("theano.tensor.extra_ops", ALL_AXES)
    with_edited_source("theano.gof.cc", VERSION)
    mends.append(
        Mend(
            "C that Theano writes",
            "NumPy 2 changed its C interface: all axes, complex numbers, headers",
        )
    )
