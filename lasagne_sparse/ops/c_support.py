"""What the C code of the Ops has in common: its files, its flags, its version."""

import hashlib
import os

from theano import config
from theano.gof import Op
from theano.gof.op import OpenMPOp
from theano.gof.utils import MethodNotDefined

__all__ = ["CodeOp", "c_files", "openmp_flags", "text_version"]

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def c_files(*paths):
    """Reads headers

    Parameters
    ----------
    paths : str
        Paths below ``ops/``, with slashes, in the order in which the compiler needs
        the files. The C of an Op lies beside its Python; what all share in ``c_code/``.

    Returns
    -------
    str
        Their text, one after the other.
    """
    texts = []
    for path in paths:
        with open(os.path.join(_FOLDER, *path.split("/")), encoding="utf-8") as file:
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
    # threads.h starts a thread of its own in a forked child
    return ["-fopenmp", "-pthread"] if OpenMPOp.gxx_support_openmp else []


def text_version(*texts):
    """Makes the version of a compiled module of the text that is compiled

    Parameters
    ----------
    texts : str

    Returns
    -------
    tuple of int
        The same in each process, unlike Python's ``hash`` of a string.

    Examples
    --------
    >>> text_version("int i;") == text_version("int i;") != text_version("int j;")
    True
    """
    digest = hashlib.sha256("\0".join(texts).encode("utf-8")).digest()
    return (int.from_bytes(digest[:8], "big"),)


class CodeOp(Op):
    """
    lasagne_sparse.ops.c_support.CodeOp()

    The base of Ops with C: their modules are known by the text they are made of.

    Theano keeps a compiled module as long as its Ops' versions stay. Here a version is
    a hash of all that the Op writes for a node, its headers among it; so it cannot be
    forgotten when one of them changes.
    """

    # For Ops without properties. `__props__ = ()` would say the same, but then Theano
    # takes a module for one without a version, and compiles it in every process.
    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def __str__(self):
        return type(self).__name__

    def c_parts(self):
        """Lists the scalar Ops whose C is a part of this Op's"""
        return []

    def c_code_cache_version(self):
        """Returns the version of what is the same for all nodes

        ``()``, which tells Theano to keep no module, if a part has no version.
        """
        if not all(part.c_code_cache_version() for part in self.c_parts()):
            return ()
        return text_version(*_written(self, "c_support_code"))

    def c_code_cache_version_apply(self, node):
        """Returns the version of all that is written for a node, or ``()``"""
        if not self.c_code_cache_version():
            return ()
        sub = {"fail": "fail;", "params": "params"}
        inputs = ["input_%d" % i for i in range(len(node.inputs))]
        outputs = ["output_%d" % i for i in range(len(node.outputs))]
        return text_version(
            *_written(self, "c_support_code"),
            *_written(self, "c_support_code_apply", node, "name"),
            *_written(self, "c_support_code_struct", node, "name"),
            *_written(self, "c_init_code_struct", node, "name", sub),
            *_written(self, "c_code", node, "name", inputs, outputs, sub),
        )


def _written(op, method, *args):
    """Returns what a method writes in a list, which is empty if there is no method."""
    try:
        return [getattr(op, method)(*args)]
    except MethodNotDefined:
        return []
