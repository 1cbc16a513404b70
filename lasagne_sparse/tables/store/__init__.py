"""Arrays by name in a folder: what a checkpoint is made of, without Theano

A folder holds *data files* (``00000012-00000.data``: blocks of bytes, one after the
other) and *manifests* (``00000012.json``: which arrays there are, and in which blocks,
each with its digest). A manifest is written last; what no manifest names is not there.

.. autosummary::
    :nosignatures:

    folder.save_arrays
    folder.Saved
    folder.numbers
    manifest
    blocks
    arrays
    changes
"""

from .folder import Saved, numbers, save_arrays

__all__ = ["Saved", "numbers", "save_arrays"]
