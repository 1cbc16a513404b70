"""Finds ``distutils``, which Python 3.12 dropped and setuptools brings

Theano asks it for the folders of Python's headers and for the compiler's path.
"""

import importlib
import sys
import warnings

from .records import Mend, mends

__all__ = ["find_distutils"]


def find_distutils():
    """Has setuptools give its copy, on Python 3.12 and later

    Raises
    ------
    ImportError
        If there is no setuptools.
    """
    if sys.version_info < (3, 12) or "distutils" in sys.modules:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # It has `import distutils` find the copy, from now on.
            importlib.import_module("setuptools")
            importlib.import_module("distutils.sysconfig")
        except ModuleNotFoundError as error:
            if error.name.split(".")[0] not in ("setuptools", "distutils"):
                raise
            raise ImportError(
                "lasagne_sparse stands on Theano 1.0.5, which imports distutils. It "
                "went with Python 3.12, and setuptools, which has a copy, is not here. "
                'Install it by: pip install "setuptools<81"'
            ) from error
    mends.append(
        Mend(
            "distutils, of setuptools", "Python 3.12 dropped it, and Theano imports it"
        )
    )
