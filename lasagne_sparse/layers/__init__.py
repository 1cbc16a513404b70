"""Lasagne layers that look rows up

Input
-----

.. autosummary::
    :nosignatures:

    EmbeddingLayer

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
from .embedding import EmbeddingLayer
from .hierarchical import HierarchicalSoftmaxLayer
from .sampled import (
    NCELayer,
    NegativeSamplingLayer,
    SampledOutputLayer,
    SampledSoftmaxLayer,
)

__all__ = [
    "AdaptiveSoftmaxLayer",
    "EmbeddingLayer",
    "HierarchicalSoftmaxLayer",
    "NCELayer",
    "NegativeSamplingLayer",
    "SampledOutputLayer",
    "SampledSoftmaxLayer",
]
