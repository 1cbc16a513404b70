"""Provides ``theano.tensor.signal.downsample``, for Lasagne 0.1

Theano 0.9 dropped it, and Lasagne 0.1 imports it; Lasagne 0.2.dev1 does without.
"""

import importlib.machinery
import importlib.util
import sys

from .records import Mend, mends

__all__ = ["max_pool_2d", "provide_downsample"]

_DOWNSAMPLE = "theano.tensor.signal.downsample"


def max_pool_2d(input, ds, ignore_border=None, st=None, padding=(0, 0), mode="max"):
    """Pools over the two trailing axes: ``theano.tensor.signal.pool.pool_2d``

    Parameters and result are those of `pool_2d` in Theano 1.0, under their
    names of Theano 0.8: `ds` is its ``ws``, `st` its ``stride``, `padding` its
    ``pad``.
    """
    from theano.tensor.signal.pool import pool_2d

    return pool_2d(
        input, ws=ds, ignore_border=ignore_border, stride=st, pad=padding, mode=mode
    )


def provide_downsample():
    """Makes the module, with `max_pool_2d` alone, where there is none"""
    if _DOWNSAMPLE in sys.modules or importlib.util.find_spec(_DOWNSAMPLE):
        return
    import theano.tensor.signal

    spec = importlib.machinery.ModuleSpec(_DOWNSAMPLE, loader=None)
    module = importlib.util.module_from_spec(spec)
    module.__doc__ = "Stands in for a module of Theano 0.8."
    module.max_pool_2d = max_pool_2d
    sys.modules[_DOWNSAMPLE] = module
    theano.tensor.signal.downsample = module
    mends.append(Mend(_DOWNSAMPLE, "Theano 0.9 dropped it, and Lasagne 0.1 imports it"))
