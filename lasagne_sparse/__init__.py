"""Sparse updates for the lookup tables of Lasagne networks

A network that looks rows up in a big table touches a few of them per
minibatch; this library updates those, and only those, under every rule.

.. autosummary::
    :nosignatures:

    layers
    objectives
    samplers
    tables
    updates
    explain
    assert_sparse
    install
    uninstall
"""

from .inspection.in_child import outlive

outlive()  # the report, python -m lasagne_sparse, does not die of what follows

from . import compat  # first: what follows imports Theano and Lasagne
from . import layers, objectives, rewrites, samplers, tables, updates
from .inspection.explanation import assert_sparse, explain
from .install import install, uninstall
from . import former_paths  # noqa: F401
from .version import __version__

__all__ = [
    "assert_sparse",
    "compat",
    "explain",
    "install",
    "layers",
    "objectives",
    "rewrites",
    "samplers",
    "tables",
    "uninstall",
    "updates",
    "__version__",
]
