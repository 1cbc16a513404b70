"""Stands in for ``numpy.distutils``, which Python 3.12 and NumPy 2.5 do without

Theano imports it for two answers: which BLAS to link (see :mod:`.blas`), and where
NumPy's headers are.
"""

import contextlib
import importlib
import sys
import types
import warnings

import numpy as np

from .after_import import after_import
from .records import Mend, mends

__all__ = ["numpy_distutils"]

_NAME = "numpy.distutils"


@contextlib.contextmanager
def numpy_distutils():
    """Gives the modules that Theano imports while it is imported

    NumPy is left as it was found: others may look for ``numpy.distutils`` to learn
    what they can do. Theano's compiler, which asks for the headers later on, keeps the
    stand-in to itself.

    Yields
    ------
    module
        ``numpy.distutils.__config__``, NumPy's own or a stand-in.
    """
    with warnings.catch_warnings():
        # distutils and numpy.distutils both announce their end on import.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            config = importlib.import_module(_NAME + ".__config__")
        except ModuleNotFoundError:
            config = None
    if config is not None:
        yield config
        return
    package, config, misc_util = _stand_ins()
    after_import("theano.gof.cmodule", lambda cmodule: _keep(cmodule, package))
    given = {module.__name__: module for module in (package, config, misc_util)}
    sys.modules.update(given)
    np.distutils = package
    try:
        yield config
    finally:
        del np.distutils
        for name in given:
            del sys.modules[name]
    mends.append(
        Mend(
            _NAME + ", while Theano is imported",
            "Python 3.12 and NumPy 2.5 do without it, and Theano asks it for a BLAS "
            "and for NumPy's headers",
        )
    )


def _stand_ins():
    package, config, misc_util = (
        types.ModuleType(_NAME + part) for part in ("", ".__config__", ".misc_util")
    )
    package.__path__ = []
    package.__config__ = config
    package.misc_util = misc_util
    misc_util.get_numpy_include_dirs = lambda: [np.get_include()]
    return package, config, misc_util


def _keep(cmodule, package):
    cmodule.numpy = types.SimpleNamespace(distutils=package)
