"""Losses of large output vocabularies, by a few of their classes

They are functions of Theano expressions, and give a loss for each example, as those of
:mod:`lasagne.objectives`. Only the rows that they look up are updated: those of the
true classes, and of a sample for the whole batch.

Sampled losses
--------------

.. autosummary::
    :nosignatures:

    sampled_softmax
    in_batch_softmax
    nce
    negative_sampling
    bpr
    bpr_max
    top1_max

Trees and clusters
------------------

.. autosummary::
    :nosignatures:

    hierarchical_softmax
    HuffmanTree
    adaptive_softmax

All classes
-----------

.. autosummary::
    :nosignatures:

    all_scores
    log_probabilities
    hierarchical_log_probabilities
    adaptive_log_probabilities
    top_k
"""

from .adaptive_softmax import adaptive_log_probabilities, adaptive_softmax
from .all_classes import log_probabilities, top_k
from .hierarchical_softmax import (
    hierarchical_log_probabilities,
    hierarchical_softmax,
)
from .huffman import HuffmanTree
from .nce import nce, negative_sampling
from .ranking import bpr, bpr_max, top1_max
from .sampled_softmax import in_batch_softmax, sampled_softmax
from .scores import all_scores

__all__ = [
    "HuffmanTree",
    "adaptive_log_probabilities",
    "adaptive_softmax",
    "all_scores",
    "bpr",
    "bpr_max",
    "hierarchical_log_probabilities",
    "hierarchical_softmax",
    "in_batch_softmax",
    "log_probabilities",
    "nce",
    "negative_sampling",
    "sampled_softmax",
    "top1_max",
    "top_k",
]
