"""Puts accumulators on the device where their parameters are

``theano.shared`` makes variables on the default device, and rules call it for their
accumulators. A parameter may live elsewhere (``theano.shared(W, target='dev1')``, or
``target='cpu'`` for a table that no GPU can hold): then its accumulators belong there
too, or they would travel in each step.
"""

import contextlib
import sys
from collections import OrderedDict

import numpy as np
from theano.compile.sharedvalue import shared
from theano.tensor.sharedvar import TensorSharedVariable, tensor_constructor

__all__ = ["by_device", "shared_variables_on"]


def by_device(params):
    """Groups parameters by the device that they live on

    Parameters
    ----------
    params : iterable of shared variables

    Returns
    -------
    list of tuple
        Pairs of a device, as ``theano.shared`` takes it for ``target`` (None for the
        default one), and the list of its parameters; one pair for each device, in
        order.
    """
    groups = OrderedDict()
    for param in params:
        device = getattr(param.type, "context_name", None)
        if isinstance(param, TensorSharedVariable) and param.ndim and _uses_gpu():
            device = "cpu"
        groups.setdefault(device, []).append(param)
    return list(groups.items())


def _gpu_constructor():
    """Returns what makes a shared variable on a GPU, or None where Theano uses none."""
    module = sys.modules.get("theano.gpuarray.type")
    return getattr(module, "gpuarray_shared_constructor", None)


def _uses_gpu():
    """Tells whether the default device is a GPU."""
    return _gpu_constructor() in shared.constructors


@contextlib.contextmanager
def shared_variables_on(device):
    """Lets ``theano.shared`` make its arrays on a device, and float16 as float32

    An accumulator in float16 would lose small gradients, and overflow.

    Parameters
    ----------
    device : str or None
        None leaves arrays on the device where they would be. Scalars stay where
        they are.
    """

    def constructor(value, **kwargs):
        # Upon a TypeError Theano asks the next constructor.
        if "target" in kwargs or not isinstance(value, np.ndarray) or not value.ndim:
            raise TypeError("not for this constructor")
        if value.dtype == "float16":
            return shared(value.astype("float32"), **kwargs)
        if device is None:
            raise TypeError("not for this constructor")
        make = tensor_constructor if device == "cpu" else _gpu_constructor()
        return make(value, target=device, **kwargs)

    shared.constructors.append(constructor)
    try:
        yield
    finally:
        shared.constructors.remove(constructor)
