"""Gives back names that NumPy dropped: to NumPy 1.24 and later

Theano asks NumPy for them when it is imported and when it runs, so they stay.
"""

import numpy as np

from .records import Mend, mends

__all__ = ["give_names_back"]


class _Cast(dict):
    """Casts by dtype, as ``np.cast`` did: ``cast["int8"](300)`` is 44."""

    def __missing__(self, dtype):
        return lambda values: np.asarray(values).astype(dtype)


def _sctype2char(sctype):
    return np.dtype(sctype).char


#: Name, the version of NumPy that dropped it, what it was.
NAMES = [
    # NumPy 2.0 has it again, as its own type.
    ("bool", "1.24", lambda: bool),
    ("complex", "1.24", lambda: complex),
    ("float", "1.24", lambda: float),
    ("product", "2.0", lambda: np.prod),
    ("cast", "2.0", _Cast),
    ("sctype2char", "2.0", lambda: _sctype2char),
    ("ComplexWarning", "2.0", lambda: np.exceptions.ComplexWarning),
]


def give_names_back():
    """Sets those of `NAMES` that NumPy lacks, and says which

    Examples
    --------
    >>> give_names_back()
    >>> np.cast["int8"](300).item()
    44
    """
    for name, version, value in NAMES:
        # hasattr would have NumPy warn of what it is about to drop.
        if name not in vars(np):
            setattr(np, name, value())
            mends.append(
                Mend(
                    "numpy." + name, "NumPy %s dropped it, and Theano uses it" % version
                )
            )
