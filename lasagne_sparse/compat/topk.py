"""Lets Theano's ``topk`` run with NumPy 1.23

Theano 1.0.5 indexes by a list of slices, which NumPy takes for an array of indices
since 1.23.
"""

import importlib

import numpy as np

from .records import Mend, mends

__all__ = ["mend_topk"]


def mend_topk():
    """Has the Op index by a tuple, where a list does not do"""
    # `theano.tensor.sort` is also a function of that module
    sort = importlib.import_module("theano.tensor.sort")
    probe = sort.TopKOp(sorted=False)
    try:
        sort._topk_py_impl(probe, np.arange(3.0), 2, 0, "int64")
    except IndexError:
        sort._topk_py_impl = _with_tuples(sort._topk_py_impl)
        mends.append(
            Mend(
                "theano.tensor.topk",
                "it indexes by a list, which NumPy 1.23 takes for an array",
            )
        )


def _with_tuples(original):
    """Returns a function that leaves to the original what does not index"""

    def topk(op, x, k, axis, idx_dtype):
        if not 0 < abs(k) < x.shape[axis]:  # all of it, or an error
            return original(op, x, k, axis, idx_dtype)
        index = [slice(None)] * x.ndim
        index[axis] = slice(-k, None) if k > 0 else slice(-k)
        order = np.argpartition(x, -k, axis=axis)[tuple(index)]
        values = np.take_along_axis(x, order, axis)
        if not op.return_indices:
            return values
        order = order.astype(idx_dtype)
        return (values, order) if op.return_values else order

    return topk
