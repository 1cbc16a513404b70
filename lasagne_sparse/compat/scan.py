"""Lets the C of Theano's ``scan`` compile: on Python 3.11 and later, or NumPy 2

Theano ships the C that Cython 0.28 made of its loop. That text looks into structures
of Python that 3.11, 3.12 and 3.13 changed or closed, and into NumPy's dtypes, which
NumPy 2 closed. Cython's own switches turn most of it off; ``EDITS`` do the rest.

Where the text does not compile even so, scan takes its path in Python, which is slower,
and that leaves a :class:`~lasagne_sparse.compat.Trouble`.
"""

import contextlib
import importlib
import io
import sys
import warnings

import numpy as np

from .after_import import after_import
from .c_sources import edit_c, edits
from .records import Mend, Trouble, mends, troubles

__all__ = ["SCAN_EXTENSION", "mend_scan", "scan_in_c"]

#: The module of scan's loop in C. Where it is missing, scan has a path in Python.
SCAN_EXTENSION = "theano.scan_module.scan_perform_ext"

#: Theano's name for it when it is compiled.
MODULE = "scan_perform"

#: Goes above the text.
PRELUDE = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>
/* Cython's ways into the digits of an int, into the state of a thread and into frames:
   off, as on an interpreter that it does not know. */
#define CYTHON_USE_PYLONG_INTERNALS 0
#define CYTHON_FAST_THREAD_STATE 0
#define CYTHON_FAST_PYCALL 0
/* Only tracebacks show these code objects: name, file and line are enough. */
#define PyCode_New(a, k, l, s, f, code, c, n, v, fv, cell, file, name, line, lnos) \\
    PyCode_NewEmpty(PyUnicode_AsUTF8(file), PyUnicode_AsUTF8(name), line)
#include <numpy/arrayobject.h>
#if NPY_ABI_VERSION < 0x02000000
#define PyDataType_SUBARRAY(descr) ((descr)->subarray)
#define PyDataType_NAMES(descr) ((descr)->names)
#define PyDataType_FIELDS(descr) ((descr)->fields)
#endif
#if PY_VERSION_HEX >= 0x030c0000
#define PyUnicode_GET_SIZE PyUnicode_GET_LENGTH
#endif
#if PY_VERSION_HEX >= 0x030d0000
#define _PyLong_AsByteArray(number, bytes, size, little, is_signed) \\
    _PyLong_AsByteArray(number, bytes, size, little, is_signed, 1)
#endif
"""

#: What is replaced, everywhere, and by what.
EDITS = [
    # 3.11 closed frames. The code object has the line, see above.
    ("(frame)->f_lineno = (lineno)", "((void)(frame), (void)(lineno))"),
    # 3.12 closed a thread's exceptions: raise as is done on PyPy, by functions.
    (
        "#if CYTHON_COMPILING_IN_PYPY\n        PyObject *tmp_type",
        "#if 1\n        PyObject *tmp_type",
    ),
    # 3.12 keeps the sign of an int elsewhere.
    ("Py_SIZE(x) < 0", "_PyLong_Sign(x) < 0"),
    # NumPy's types are larger than its headers say, which is as it should be.
    ("PyErr_WarnEx(NULL, warning, 0) < 0", "0"),
    ("__pyx_v_d->subarray", "PyDataType_SUBARRAY(__pyx_v_d)"),
    ("__pyx_v_descr->names", "PyDataType_NAMES(__pyx_v_descr)"),
    ("__pyx_v_descr->fields", "PyDataType_FIELDS(__pyx_v_descr)"),
]


def mend_scan():
    """Has scan's C edited where it needs it, and Python's loop taken if it fails"""
    numpy_2 = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
    if sys.version_info < (3, 11) and not numpy_2:
        return
    if _edited in edits or SCAN_EXTENSION in sys.modules:
        return
    edit_c(_edited)
    after_import("theano.gof.cmodule", _take_failures_for_missing)
    mends.append(
        Mend(
            SCAN_EXTENSION,
            "its C, of an old Cython, looks into structures that Python 3.11 to 3.13 "
            "and NumPy 2 changed",
        )
    )


def scan_in_c():
    """Tells whether scan's loop runs in C, compiling it if that was not done before

    Returns
    -------
    str or None
        None if it does, else why not. It has left a trouble then.
    """
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said):
            warnings.simplefilter("ignore")
            importlib.import_module(SCAN_EXTENSION)
    except ImportError as error:
        return (str(error).splitlines() or ["ImportError"])[0][:300]
    return None


def _edited(name, code):
    if name != MODULE:
        return code
    for old, new in EDITS:
        code = code.replace(old, new)
    return PRELUDE + code


def _take_failures_for_missing(cmodule):
    """Lets scan go on without the module when it does not compile."""
    compiler = cmodule.GCC_compiler
    compile_str = compiler.compile_str

    def compile_or_do_without(module_name, *args, **options):
        if module_name != MODULE:
            return compile_str(module_name, *args, **options)
        try:
            return compile_str(module_name, *args, **options)
        except Exception as error:  # Theano raises it as such
            trouble = Trouble(
                "The C of Theano's scan does not compile: its loop runs in Python. "
                + (str(error).splitlines() or [""])[0][:300],
                "Report it with this output. Until then: unroll_scan=True does without "
                "the loop, where the length of the sequences is fixed.",
            )
            troubles.append(trouble)
            # Python's import system raises ImportError for None, without a new try.
            sys.modules[SCAN_EXTENSION] = None
            warnings.warn(trouble.what, RuntimeWarning, stacklevel=2)
            raise ImportError(trouble.what) from error

    compiler.compile_str = staticmethod(compile_or_do_without)
