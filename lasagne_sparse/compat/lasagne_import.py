"""Imports Lasagne without the warnings that its import gives today

Lasagne 0.1 asks ``pkg_resources`` for its own version, which setuptools 81 drops;
Lasagne 0.2.dev1 compares strings by ``is``, of which Python 3.8 warns.
"""

import warnings

__all__ = ["import_lasagne"]


def import_lasagne():
    """Imports Lasagne

    Raises
    ------
    ImportError
        If there is no Lasagne, or none of the ``pkg_resources`` that it asks for
        its own version.
    """
    remedies = {
        "lasagne": "pip install Lasagne==0.1",
        "pkg_resources": 'pip install "setuptools<81"',
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import lasagne  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in remedies:
            raise
        raise ImportError(
            "lasagne_sparse stands on Lasagne, whose import failed: %s. Install what "
            "is missing by: %s" % (error, remedies[error.name])
        ) from error
