"""Imports Theano 1.0 on today's Python and NumPy, or says why it cannot be

It needs what Python and NumPy dropped since, a BLAS described, and its C edited: each
has a file of its own in this package. It gives warnings of NumPy's and Python's, from
names that will go to files left open, that no user could do anything about.
"""

import os
import sys
import warnings

from .array_methods import write_methods_anew
from .blas import described_blas, unlogged_blas
from .casts import mend_casts
from .distutils_import import find_distutils
from .gpuarray_import import mend_gpuarray
from .increments import mend_increments
from .numpy_c import mend_c
from .numpy_distutils import numpy_distutils
from .random_numbers import mend_random_numbers
from .scipy_signal import find_convolutions

__all__ = ["import_theano"]


def import_theano():
    """Returns Theano, imported now or before

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If there is no Theano, or another one than 1.0, or if an earlier import of it
        failed in this process.
    """
    theano = _imported_before() or _imported_now()
    if not theano.__version__.startswith("1.0."):
        raise ImportError(
            "lasagne_sparse works with Theano 1.0.5, but found version %s in %s. "
            "Install it by: pip install Theano==1.0.5"
            % (theano.__version__, os.path.dirname(theano.__file__))
        )
    return theano


def _imported_before():
    """Returns the Theano that was imported before this module, if any."""
    theano = sys.modules.get("theano")
    started = theano or any(name.startswith("theano.") for name in sys.modules)
    # A failed import takes the package out of sys.modules, and leaves its parts.
    if started and not hasattr(theano, "function"):
        raise ImportError(
            "An import of Theano failed in this process, before lasagne_sparse could "
            'mend it. Put "import lasagne_sparse" above the first "import theano" or '
            '"import lasagne", and start Python anew.'
        )
    return theano


def _imported_now():
    find_distutils()
    for mend in (
        mend_c,
        mend_increments,
        mend_casts,
        mend_random_numbers,
        write_methods_anew,
        find_convolutions,
        mend_gpuarray,
    ):
        mend()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with numpy_distutils() as config, described_blas(config), unlogged_blas():
                import theano
    except ModuleNotFoundError as error:
        if error.name != "theano":
            raise
        raise ImportError(
            "lasagne_sparse stands on Theano 1.0.5, and there is none here. Install "
            "it by: pip install Theano==1.0.5"
        ) from error
    return theano
