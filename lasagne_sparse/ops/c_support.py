"""What the C code of the Ops has in common: its files and its flags."""

import os

from theano import config
from theano.gof.op import OpenMPOp

__all__ = ["c_files", "openmp_flags"]

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "c_code")


def c_files(*names):
    """Reads files of ``c_code/``

    Parameters
    ----------
    names : str
        Names of files, in the order in which the compiler needs them.

    Returns
    -------
    str
        Their text, one after the other.
    """
    texts = []
    for name in names:
        with open(os.path.join(_FOLDER, name)) as file:
            texts.append(file.read())
    return "\n".join(texts)


def openmp_flags():
    """Tells how to compile OpenMP

    Theano's flag ``openmp`` is off by default because its elementwise loops are
    often too small; ours decide at run time, so only the compiler is asked. The
    answer is kept where Theano keeps it. ``OMP_NUM_THREADS=1`` is the way to have
    one thread.

    Returns
    -------
    list of str
        Empty if there is no compiler, or it has no OpenMP.
    """
    if not config.cxx:
        return []
    if OpenMPOp.gxx_support_openmp is None:
        OpenMPOp.gxx_support_openmp = OpenMPOp.test_gxx_support()
    return ["-fopenmp"] if OpenMPOp.gxx_support_openmp else []
