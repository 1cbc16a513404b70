"""Reports on the stack below the library: ``python -m lasagne_sparse``

Prints versions, compiler, BLAS, OpenMP and devices, what :mod:`.compat` mended
and why, and what to do about anything that is off. The exit code is 0 if the
library can be used, if only slowly, and 1 if not.
"""

import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings

import lasagne
import numpy
import scipy
import theano
import theano.tensor as T

from .. import compat, updates
from .. import version as own
from ..compat import Trouble
from .devices import devices
from .in_child import ENDED

__all__ = ["main", "report"]

WIDTH = 16
COMPILER = (
    "Install g++ (Debian, Ubuntu: apt-get install g++ python3-dev), or name one: "
    "THEANO_FLAGS=cxx=/path/to/g++"
)


def versions():
    """Lists the versions of what is imported, and where each lies

    Returns
    -------
    list of (str, str)
        Name and description.
    """
    lines = [("Python", "%s  %s" % (platform.python_version(), sys.executable))]
    for name, module, version in (
        ("lasagne_sparse", own, own.__version__),
        ("Theano", theano, theano.__version__),
        ("Lasagne", lasagne, lasagne.__version__),
        ("NumPy", numpy, numpy.__version__),
        ("SciPy", scipy, scipy.__version__),
    ):
        lines.append((name, "%s  %s" % (version, os.path.dirname(module.__file__))))
    return lines


def _builds(*flags):
    """Tells whether the compiler builds a program with flags

    Returns
    -------
    str or None
        None if it does, else the first line that it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "empty.cpp")
        with open(source, "w") as file:
            file.write("int main() { return 0; }\n")
        target = os.path.join(folder, "empty")
        try:
            done = subprocess.run(
                [theano.config.cxx, source, "-o", target, *flags],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                universal_newlines=True,
            )
        except OSError as error:
            return str(error)
    if done.returncode == 0:
        return None
    return (done.stdout.strip().splitlines() or ["no message"])[0]


def compiler():
    """Looks at the compiler, and at what it must link

    Returns
    -------
    lines : list of (str, str)
        Name and description.
    troubles : list of Trouble
        What is off.
    """
    if not theano.config.cxx:
        trouble = Trouble(
            "There is no C++ compiler: everything runs in Python", COMPILER
        )
        return [("compiler", "none")], [trouble]
    fault = _builds()
    if fault:
        trouble = Trouble("The compiler builds nothing: " + fault, COMPILER)
        return [("compiler", theano.config.cxx)], [trouble]
    lines = [("compiler", "%s  %s" % (_compiler_version(), theano.config.cxx))]
    troubles = []
    for describe in (_blas, _openmp, _scan):
        line, trouble = describe()
        lines.append(line)
        troubles += trouble
    lines.append(("compiled into", theano.config.compiledir))
    return lines, troubles


def _compiler_version():
    return subprocess.check_output(
        [theano.config.cxx, "-dumpfullversion", "-dumpversion"],
        universal_newlines=True,
    ).strip()


def _blas():
    flags = theano.config.blas.ldflags
    if not flags:
        return ("BLAS", "none"), []  # compat has the trouble
    fault = _builds(*flags.split())
    if fault is None:
        return ("BLAS", flags + ", links"), []
    trouble = Trouble(
        "The BLAS that was named does not link: " + fault,
        "Install OpenBLAS (Debian, Ubuntu: apt-get install libopenblas-dev), or "
        "name another: THEANO_FLAGS=blas.ldflags=-lNAME",
    )
    return ("BLAS", flags + ", does not link"), [trouble]


def _openmp():
    fault = _builds("-fopenmp")
    if fault:
        trouble = Trouble(
            "The compiler has no OpenMP: updates run on one core. " + fault,
            "Install g++ (it brings OpenMP), or name one: THEANO_FLAGS=cxx=...",
        )
        return ("OpenMP", "none"), [trouble]
    threads = os.environ.get("OMP_NUM_THREADS") or "%d" % _cores()
    waiting = ["%s=%s" % (k, os.environ[k]) for k in compat.WAITING if k in os.environ]
    return ("OpenMP", " ".join(["up to %s threads" % threads, *waiting])), []


def _scan():
    fault = compat.scan_in_c()
    if fault is None:
        return ("scan", "its loop runs in C"), []
    return ("scan", "its loop runs in Python: " + fault), []  # compat has the trouble


def _cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def try_a_step():
    """Compiles one sparse step and looks at what it did

    Returns
    -------
    lines : list of (str, str)
        Name and description.
    troubles : list of Trouble
        Why the library cannot be used, if it cannot.
    """
    began = time.perf_counter()
    table = theano.shared(numpy.zeros((4, 2), theano.config.floatX), "table")
    indices = T.ivector("indices")
    try:
        update = updates.sgd(table[indices].sum(), [table], learning_rate=1)
        step = theano.function([indices], updates=update)
        step(numpy.array([1, 3, 1], "int32"))
    except Exception as error:  # whatever it is, the report is about it
        reason = (str(error).strip().splitlines() or [""])[0][:300]
        trouble = Trouble(
            "A sparse step raises %s: %s" % (type(error).__name__, reason),
            "Look at what else is off here; if nothing is, report it with this output.",
        )
        return [("a sparse step", "fails")], [trouble]
    seconds = time.perf_counter() - began
    right = [[0, 0], [-2, -2], [0, 0], [-1, -1]]
    if not numpy.array_equal(table.get_value(), right):
        trouble = Trouble(
            "A sparse step gave %s instead of %s" % (table.get_value().tolist(), right),
            "Remove the compiled modules (theano-cache purge), and try again.",
        )
        return [("a sparse step", "is wrong")], [trouble]
    return [("a sparse step", "compiled and right, %.1f s" % seconds)], []


def report():
    """Collects the report on the stack

    Returns
    -------
    lines : list of str
        The report.
    usable : bool
        False if a sparse step cannot be computed rightly, or only in Python, or not
        with Theano's flags as they are.
    """
    compiler_lines, compiler_troubles = compiler()
    device_lines, device_troubles = devices()
    step_lines, step_troubles = try_a_step()
    lines = [
        name.ljust(WIDTH) + text
        for name, text in versions() + compiler_lines + device_lines + step_lines
    ]
    lines += [
        "",
        "Mended by lasagne_sparse.compat:" if compat.mends else "Nothing mended.",
    ]
    for mend in compat.mends:
        lines += ["  " + mend.name, "    " + mend.why]
    troubles = compat.troubles + compiler_troubles + device_troubles + step_troubles
    lines += ["", "What is off:" if troubles else "Nothing is off."]
    for trouble in troubles:
        lines += ["  " + trouble.what, "    -> " + trouble.remedy]
    has_compiler = bool(theano.config.cxx) and _builds() is None
    was_ended = bool(os.environ.get(ENDED))
    return lines, has_compiler and not step_troubles and not was_ended


def main():
    """Prints the report

    Returns
    -------
    int
        The exit code: 0 if the library can be used, else 1.
    """
    logging.getLogger("theano.gof.compilelock").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        lines, usable = report()
    print("\n".join(lines))
    return 0 if usable else 1
