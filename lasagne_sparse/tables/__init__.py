"""Tables that last: checkpoints, keys in the place of row numbers, file formats

.. autosummary::
    :nosignatures:

    checkpoint
    keys.key_map.KeyMap
    formats
    neighbours.nearest
    int8
    errors.FileError
"""

from . import checkpoint, formats, int8
from .errors import FileError
from .keys import KeyMap
from .neighbours import nearest

__all__ = ["FileError", "KeyMap", "checkpoint", "formats", "int8", "nearest"]
