"""Lasagne layers that look rows up

.. autosummary::
    :nosignatures:

    EmbeddingLayer
"""

from .embedding import EmbeddingLayer

__all__ = ["EmbeddingLayer"]
