"""Keeps compiled modules that Theano compiles anew in each process, by two mistakes

Theano 1.0 counts an Op's properties among the versions of its code, and keeps no module
of which a version is ``()``. On Python 3 the properties of an Op that has none are
``()``: so matrix products, softmax and ``Alloc`` are compiled by every process. And the
version of an Op whose C lies in a file, such as ``DimShuffle``, is Python's ``hash`` of
a text, another one in each process: so its modules are kept, and never found again.

These are the only keys of modules that change by a mend: they were never found.
"""

import hashlib

from .fast_compile import compiles_fast

__all__ = ["mend"]


def mend(theano):
    """Gives these modules versions that stay

    Parameters
    ----------
    theano : module

    Returns
    -------
    name, why : str
    """
    from theano.gof.cc import CLinker
    from theano.gof.op import COp

    key_of, version_of = CLinker.cmodule_key, COp.c_code_cache_version

    def cmodule_key(self):
        key = key_of(self)
        if key is None or key[0] or not compiles_fast(theano):
            return key
        return _version(self.fgraph.toposort()), key[1]

    def c_code_cache_version(self):
        version = version_of(self)
        if not version or not compiles_fast(theano):
            return version
        text = "\0".join(self.func_codes).encode("utf-8")
        digest = hashlib.sha256(text).digest()
        return (int.from_bytes(digest[:8], "big"), *version[1:])

    CLinker.cmodule_key = cmodule_key
    COp.c_code_cache_version = c_code_cache_version
    return (
        "theano.gof: versions of compiled modules",
        "matrix products, softmax and DimShuffle were compiled in every process",
    )


def _version(nodes):
    """Puts together the versions as Theano does, of Ops without properties too

    Returns ``()`` if anything of the nodes has no version.
    """
    versions = []
    for node in nodes:
        if hasattr(node.op, "c_code_cache_version_apply"):
            versions.append(node.op.c_code_cache_version_apply(node))
        if getattr(node.op, "__props__", ()):
            versions.append(node.op.__props__)
        for variable in node.inputs + node.outputs:
            versions.append(variable.type.c_code_cache_version())
    return tuple(versions) if all(versions) else ()
