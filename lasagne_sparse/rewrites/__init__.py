"""The compile-time rewrites that make the plain graphs fast.

They are part of Theano's ``fast_run`` and carry the tag ``lasagne_sparse``:
``theano.config.optimizer_excluding = 'lasagne_sparse'`` switches all of them off
at no change of results but rounding.
"""

import sys

from . import gathers, ordering, reductions, totals
from .bags import gradients, sums
from .fusion import row_maps, row_updates, row_writes

# Theano imports its GPU part where its flags ask for a device, and then only.
if getattr(sys.modules.get("theano.gpuarray"), "pygpu_activated", False):
    from . import gpu  # noqa: F401

__all__ = [
    "gathers",
    "gradients",
    "ordering",
    "reductions",
    "row_maps",
    "row_updates",
    "row_writes",
    "sums",
    "totals",
]
