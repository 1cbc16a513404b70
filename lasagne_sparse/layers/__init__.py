"""Lasagne layers that look rows up

.. autosummary::
    :nosignatures:

    EmbeddingLayer
    EmbeddingBagLayer
    PaddingMaskLayer
    constrain_rows
    convert
"""

from .bag import EmbeddingBagLayer
from .conversion import convert
from .embedding import EmbeddingLayer
from .masks import PaddingMaskLayer
from .norms import constrain_rows

__all__ = [
    "EmbeddingBagLayer",
    "EmbeddingLayer",
    "PaddingMaskLayer",
    "constrain_rows",
    "convert",
]
