"""Lets Theano find a BLAS to link: NumPy 1.22 dropped the answer that it asks for

Theano 1.0 reads ``numpy.distutils.__config__.blas_opt_info`` when it is configured.
With an answer that names OpenBLAS it tries that, then any BLAS, then does without.
"""

import contextlib
import logging
import warnings

from .records import Mend, Trouble, mends, troubles

__all__ = ["described_blas", "look_for_blas", "unlogged_blas"]


@contextlib.contextmanager
def described_blas(config):
    """Gives ``blas_opt_info`` back while Theano is imported, if it is gone

    NumPy is left as it was found.

    Parameters
    ----------
    config : module
        ``numpy.distutils.__config__``, or what stands in for it.
    """
    if hasattr(config, "blas_opt_info"):
        yield
        return
    # Where the user named a BLAS, Theano does not ask.
    config.blas_opt_info = {"libraries": ["openblas"], "library_dirs": []}
    try:
        yield
    finally:
        del config.blas_opt_info
    mends.append(
        Mend(
            "numpy.distutils.__config__.blas_opt_info",
            "NumPy 1.22 dropped it, and Theano asks it for the BLAS to link",
        )
    )


@contextlib.contextmanager
def unlogged_blas():
    """Keeps Theano from warning of a missing BLAS: `look_for_blas` has the remedy"""
    logger = logging.getLogger("theano.tensor.blas")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def look_for_blas(theano):
    """Warns where Theano found no BLAS, unless the user wants none

    Parameters
    ----------
    theano : module
    """
    # Without a compiler nothing is linked, and Theano has said so itself.
    if theano.config.blas.ldflags or not theano.config.cxx:
        return
    chosen = not type(theano.config.blas).ldflags.is_default
    trouble = Trouble(
        "Theano found no BLAS to link: matrix products will be slow",
        "Install OpenBLAS (Debian, Ubuntu: apt-get install libopenblas-dev; conda: "
        "conda install openblas), or name yours: THEANO_FLAGS=blas.ldflags=-lNAME",
    )
    troubles.append(trouble)
    if not chosen:
        warnings.warn(". ".join(trouble), RuntimeWarning, stacklevel=2)
