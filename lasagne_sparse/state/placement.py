"""Makes a rule's accumulators where their parameters are

``theano.shared`` makes variables on the default device, and rules call it for their
accumulators. A parameter may live elsewhere (``theano.shared(W, target='dev1')``, or
``target='cpu'`` for a table that no GPU can hold): then its accumulators belong there
too, or they would travel in each step.
"""

import contextlib
from collections import OrderedDict

import numpy as np
import theano
from theano.compile.sharedvalue import shared
from theano.tensor.sharedvar import tensor_constructor

__all__ = ["accumulator", "call_beside"]


def call_beside(params, make):
    """Calls a function so that the shared variables it makes are beside parameters

    Arrays of float16 are made in float32: an accumulator in float16 would lose
    small gradients, and overflow.

    Parameters
    ----------
    params : iterable of shared variables
    make : callable
        Is called with a list of those of `params` that live on the same device, once
        for each device, in order; with an empty list if there are none.

    Returns
    -------
    list
        What `make` returned, for each device.

    Examples
    --------
    >>> import numpy as np, theano
    >>> half = theano.shared(np.zeros(3, 'float16'))
    >>> def accumulator(params):
    ...     return theano.shared(np.zeros(3, params[0].dtype))
    >>> call_beside([half], accumulator)[0].dtype
    'float32'
    """
    results = []
    for device, group in _by_device(params).items():
        with _shared_variables_on(device):
            results.append(make(group))
    return results


def accumulator(param, num_axes=None):
    """Makes a variable for what a rule accumulates of a parameter

    Parameters
    ----------
    param : shared variable
    num_axes : int, optional
        How many of its leading axes the accumulator has; all if left out.

    Returns
    -------
    shared variable
        Zeros of the parameter's lengths, dtype and broadcasting, without a name.
    """
    value = param.get_value(borrow=True)
    return theano.shared(
        np.zeros(value.shape[:num_axes], dtype=value.dtype),
        broadcastable=param.broadcastable[:num_axes],
    )


def _by_device(params):
    """Groups parameters by the device that they live on, None for the default one."""
    params = list(params)
    # Numbers are on the host always: they go with what is not.
    devices = [getattr(p.type, "context_name", None) for p in params if p.ndim]
    groups = OrderedDict((device, []) for device in devices or [None])
    first = next(iter(groups))
    for param in params:
        device = getattr(param.type, "context_name", None) if param.ndim else first
        groups[device].append(param)
    return groups


@contextlib.contextmanager
def _shared_variables_on(device):
    """Lets ``theano.shared`` make arrays on a device, None where it would anyway."""

    def constructor(value, **kwargs):
        # Upon a TypeError Theano asks the next constructor.
        if "target" in kwargs or not isinstance(value, np.ndarray) or not value.ndim:
            raise TypeError("not for this constructor")
        if value.dtype == "float16":
            return shared(value.astype("float32"), **kwargs)
        if device is None:
            raise TypeError("not for this constructor")
        if device == "cpu":
            return tensor_constructor(value, target=device, **kwargs)
        from theano.gpuarray.type import gpuarray_shared_constructor

        return gpuarray_shared_constructor(value, target=device, **kwargs)

    shared.constructors.append(constructor)
    try:
        yield
    finally:
        shared.constructors.remove(constructor)
