"""Tables that last: checkpoints, keys in the place of row numbers, file formats

.. autosummary::
    :nosignatures:

    checkpoint
    keys.key_map.KeyMap
    errors.FileError
"""

from . import checkpoint
from .errors import FileError
from .keys import KeyMap

__all__ = ["FileError", "KeyMap", "checkpoint"]
