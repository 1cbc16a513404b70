"""Lasagne layers that look rows up

Input
-----

.. autosummary::
    :nosignatures:

    EmbeddingLayer
    EmbeddingBagLayer
    PaddingMaskLayer
    constrain_rows
    convert

Output
------

They take the layer before and the true classes. Their output is the loss of each
example, and with ``deterministic=True`` the probabilities of all classes.

.. autosummary::
    :nosignatures:

    SampledSoftmaxLayer
    NCELayer
    NegativeSamplingLayer
    SampledOutputLayer
    HierarchicalSoftmaxLayer
    AdaptiveSoftmaxLayer
"""

from .adaptive import AdaptiveSoftmaxLayer
from .bag import EmbeddingBagLayer
from .conversion import convert
from .embedding import EmbeddingLayer
from .hierarchical import HierarchicalSoftmaxLayer
from .masks import PaddingMaskLayer
from .norms import constrain_rows
from .sampled import (
    NCELayer,
    NegativeSamplingLayer,
    SampledOutputLayer,
    SampledSoftmaxLayer,
)

__all__ = [
    "AdaptiveSoftmaxLayer",
    "EmbeddingBagLayer",
    "EmbeddingLayer",
    "HierarchicalSoftmaxLayer",
    "NCELayer",
    "NegativeSamplingLayer",
    "PaddingMaskLayer",
    "SampledOutputLayer",
    "SampledSoftmaxLayer",
    "constrain_rows",
    "convert",
]
