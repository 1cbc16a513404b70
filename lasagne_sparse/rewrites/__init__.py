"""The compile-time rewrites that make the plain graphs fast.

They are part of Theano's ``fast_run`` and carry the tag ``lasagne_sparse``:
``theano.config.optimizer_excluding = 'lasagne_sparse'`` switches all of them off
at no change of results but rounding.
"""

from . import gathers, ordering, reductions, row_updates

__all__ = ["gathers", "ordering", "reductions", "row_updates"]
