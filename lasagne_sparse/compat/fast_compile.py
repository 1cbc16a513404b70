"""The flag that switches the mends of compiling off: ``lasagne_sparse.fast_compile``

The mends of :mod:`.cache_refresh`, :mod:`.constant_folding`,
:mod:`.debug_information`, :mod:`.module_versions`, :mod:`.parallel_compile` and
:mod:`.precompiled_header` change how long a compile takes, and nothing else. With

::

    THEANO_FLAGS=lasagne_sparse.fast_compile=False

Theano compiles as it does by itself. It is a flag of Theano's, so it may stand in
``.theanorc``, and it is asked at every compile, so it may be changed in a program. It
is no part of the keys of compiled modules: both settings share a cache.
"""

from .records import Mend, mends

__all__ = ["add_flag", "compiles_fast", "mend_compiling"]

_NAME = "lasagne_sparse.fast_compile"


def add_flag(theano):
    """Adds the flag to Theano's

    Parameters
    ----------
    theano : module
    """
    from theano.configparser import AddConfigVar, BoolParam

    AddConfigVar(
        _NAME,
        "Compile the modules of a function side by side, with the headers that all "
        "share compiled once and without debug information, and keep each of them. "
        "False: as Theano does by itself.",
        BoolParam(True),
        in_c_key=False,
    )


def compiles_fast(theano):
    """Tells whether there is a compiler whose work is to be made shorter

    Parameters
    ----------
    theano : module

    Returns
    -------
    bool
    """
    return bool(theano.config.cxx) and theano.config.lasagne_sparse.fast_compile


def mend_compiling(theano):
    """Makes the mends, each of which asks the flag whenever it is used

    Parameters
    ----------
    theano : module
    """
    if hasattr(theano.config, "lasagne_sparse"):
        return  # made already: this package was imported anew
    from . import cache_refresh, constant_folding, debug_information
    from . import module_versions, parallel_compile, precompiled_header

    add_flag(theano)
    for mend in (
        precompiled_header.mend,  # what is next to the compiler comes first
        debug_information.mend,
        parallel_compile.mend,
        module_versions.mend,
        constant_folding.mend,
        cache_refresh.mend,
    ):
        name, why = mend(theano)
        mends.append(Mend(name, why))
