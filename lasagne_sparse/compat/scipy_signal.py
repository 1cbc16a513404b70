"""Finds the parts of SciPy by which Theano convolves without C: in SciPy 1.8 and later

They are private functions, in modules that SciPy 1.8 renamed.
"""

import importlib.util

from .after_import import with_edited_source
from .records import Mend, mends

__all__ = ["find_convolutions"]

MODULES = ["theano.tensor.nnet.conv", "theano.tensor.nnet.abstract_conv"]
EDITS = [
    ("from scipy.signal.signaltools import", "from scipy.signal._signaltools import"),
    ("from scipy.signal.sigtools import", "from scipy.signal._sigtools import"),
]


def find_convolutions():
    """Has Theano import them from where they are now"""
    if importlib.util.find_spec("scipy.signal._signaltools") is None:
        return
    for name in MODULES:
        with_edited_source(name, EDITS)
    mends.append(
        Mend(
            "theano.tensor.nnet: convolutions in Python",
            "SciPy 1.8 renamed the private modules from which they are imported",
        )
    )
