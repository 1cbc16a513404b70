"""Keys in the place of row numbers

.. autosummary::
    :nosignatures:

    key_map.KeyMap
    index
    candidates
    eviction
    resets
"""

from .key_map import KeyMap

__all__ = ["KeyMap"]
