"""Sparse updates for the lookup tables of Lasagne networks

A network that looks rows up in a big table touches a few of them per
minibatch; this library updates those, and only those, under every rule.

.. autosummary::
    :nosignatures:

    layers.EmbeddingLayer
    updates
    install
    uninstall
"""

from . import compat  # first: what follows imports Theano and Lasagne
from . import layers, rewrites, updates
from .install import install, uninstall

__version__ = "0.1.0.dev0"

__all__ = [
    "compat",
    "install",
    "layers",
    "rewrites",
    "uninstall",
    "updates",
    "__version__",
]
