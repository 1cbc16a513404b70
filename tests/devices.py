"""The device of a run of the tests, and how to stay on the host in one on a GPU"""

import contextlib
import functools
import importlib.util

import numpy as np
import theano
from lasagne_sparse.inspection.devices import OPEN
from lasagne_sparse.inspection.in_child import ask
from theano.compile import mode, optdb
from theano.compile.sharedvalue import shared
from theano.gof.link import PerformLinker

__all__ = ["ON_GPU", "ON_OPENCL", "on_host", "same_memory", "why_not"]

ON_GPU = theano.config.device != "cpu"
ON_OPENCL = theano.config.device.startswith("opencl")


@contextlib.contextmanager
def on_host():
    """Makes shared variables on the host, and compiles functions for it

    For what is compared with a GPU, and for the rewrites and Ops of the host.
    """
    if not ON_GPU:
        yield
        return
    from theano.gpuarray.type import gpuarray_shared_constructor

    linkers = mode.predefined_linkers
    with_c, linkers["py"] = linkers["py"], PerformLinker()
    shared.constructors.remove(gpuarray_shared_constructor)
    optdb.remove_tags("gpuarray_opt", "fast_run", "fast_compile")
    try:
        yield
    finally:
        optdb.add_tags("gpuarray_opt", "fast_run", "fast_compile")
        shared.constructors.append(gpuarray_shared_constructor)
        linkers["py"] = with_c


def same_memory(one, other):
    """Tells whether two arrays of shared variables, as they are, lie together"""
    if not ON_GPU:
        return np.shares_memory(one, other)
    from pygpu.gpuarray import may_share_memory

    return may_share_memory(one, other)


@functools.lru_cache(maxsize=None)
def why_not(device):
    """Says why a device cannot be used, or '': it is opened in another process"""
    if importlib.util.find_spec("pygpu") is None:
        return "pygpu is not installed"
    fault = ask(OPEN, device)[1]
    return "%s does not start (%s)" % (device, fault) if fault else ""
