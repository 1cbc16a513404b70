"""Lasagne layers that look rows up

.. autosummary::
    :nosignatures:

    EmbeddingLayer
    EmbeddingBagLayer
"""

from .bag import EmbeddingBagLayer
from .embedding import EmbeddingLayer

__all__ = ["EmbeddingBagLayer", "EmbeddingLayer"]
