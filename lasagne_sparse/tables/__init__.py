"""Tables that last: checkpoints, keys in the place of row numbers, file formats

.. autosummary::
    :nosignatures:

    checkpoint
    errors.FileError
"""

from . import checkpoint
from .errors import FileError

__all__ = ["FileError", "checkpoint"]
