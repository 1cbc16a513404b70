"""Answers questions about a Theano graph without changing it

The symbolic half of the package (:mod:`lasagne_sparse.gradients`) and the
compile-time half (:mod:`lasagne_sparse.rewrites`) ask the same things: is this
expression all zeros, what does this elementwise operation make of zeros?
"""

from collections import deque

import numpy as np
from theano import scalar
from theano.compile.sharedvalue import SharedVariable
from theano.gof.graph import Constant, Variable
from theano.tensor import Alloc, Rebroadcast, Reshape
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import (
    AdvancedSubtensor,
    AdvancedSubtensor1,
    Subtensor,
)

__all__ = [
    "constant_value",
    "is_zeros",
    "value_at",
    "keeps_zeros",
    "is_full_slice",
    "is_transfer",
    "without_transfers",
    "table_of",
    "walk",
    "shape_now",
    "listed",
]

# By name: the Ops are there only where pygpu is, and are not asked for elsewhere.
_TRANSFERS = ("GpuFromHost", "GpuToGpu", "HostFromGpu")


def constant_value(variable):
    """Returns the one number that all elements of a variable are, if known

    Parameters
    ----------
    variable : Theano variable, any shape
        A constant, or an expression that spreads a constant: ``Alloc``,
        ``fill``, dimension shuffles and elementwise arithmetic on constants.

    Returns
    -------
    NumPy scalar or None
        None if the number is not known before the function runs.
    """
    if isinstance(variable, Constant):
        data = np.asarray(variable.data)
        if data.dtype.kind not in "biuf" or not data.size:
            return None
        first = data.flat[0]
        return first if data.size == 1 or np.all(data == first) else None
    node = variable.owner
    if node is None:
        return None
    if isinstance(node.op, (Alloc, DimShuffle, Rebroadcast)) or is_transfer(node):
        return constant_value(node.inputs[0])
    if isinstance(node.op, Elemwise) and len(node.outputs) == 1:
        return value_at(node, [constant_value(i) for i in node.inputs])
    return None


def is_zeros(variable):
    """Tells whether every element of a variable is known to be zero

    Parameters
    ----------
    variable : Theano variable, any shape

    Returns
    -------
    bool
        False also where it cannot be known before the function runs.
    """
    return constant_value(variable) == 0


def value_at(node, values):
    """Returns what an elementwise node makes of partly known inputs

    Parameters
    ----------
    node : Apply node of an ``Elemwise`` with one output
    values : list, one number or None for each input of `node`
        None stands for an input whose value is not known.

    Returns
    -------
    NumPy scalar or None
        None if the result depends on what is not known. A product with a known
        zero is zero: like Theano's own simplifications, this takes unknown
        factors to be finite and unknown divisors not to be zero.
    """
    op = node.op.scalar_op
    if isinstance(op, scalar.basic.Mul) and any(v == 0 for v in values):
        return node.outputs[0].type.dtype_specs()[0](0)
    if isinstance(op, (scalar.basic.TrueDiv, scalar.basic.IntDiv)) and values[0] == 0:
        # A constant divisor of zero makes NaN out of zero.
        return None if values[1] == 0 else values[0]
    if isinstance(op, scalar.basic.Second):
        return values[1]
    if isinstance(op, scalar.basic.Switch) and values[0] is not None:
        return values[1] if values[0] else values[2]
    if isinstance(op, scalar.basic.Switch) and values[1] == values[2]:
        return values[1]
    if isinstance(op, scalar.basic.Clip) and _is_symmetric(*node.inputs[1:]):
        return 0 if values[0] == 0 else None
    if any(v is None for v in values):
        return None
    with np.errstate(all="ignore"):
        return np.asarray(op.impl(*values))[()]


def _is_symmetric(low, high):
    """Tells whether ``low`` is written as ``-high``, both scalars."""
    low, high = _without_views(low), _without_views(high)
    node = low.owner
    if node is None or not isinstance(node.op, Elemwise):
        return False
    if isinstance(node.op.scalar_op, scalar.basic.Neg):
        return _without_views(node.inputs[0]) is high
    return False


def _without_views(variable):
    """Strips the dimension shuffles that broadcasting puts around a scalar."""
    while variable.owner is not None and isinstance(variable.owner.op, DimShuffle):
        variable = variable.owner.inputs[0]
    return variable


def keeps_zeros(node, zero_inputs):
    """Tells whether an elementwise node maps zeros to zeros

    Parameters
    ----------
    node : Apply node
        False for anything but an ``Elemwise`` with one output.
    zero_inputs : collection of int
        Positions of the inputs that are taken to be zero; the others may be
        anything, except where they are constants.

    Returns
    -------
    bool
        For example True for ``g * s`` with ``g`` zero, False for ``g + s``.
    """
    if not isinstance(node.op, Elemwise) or len(node.outputs) != 1:
        return False
    values = [
        0 if i in zero_inputs else constant_value(v) for i, v in enumerate(node.inputs)
    ]
    return value_at(node, values) == 0


def is_full_slice(index):
    """Tells whether an index is ``:``

    Parameters
    ----------
    index : int, slice or Theano variable
        One entry of an indexing tuple.

    Returns
    -------
    bool
    """
    return isinstance(index, slice) and index == slice(None)


def is_transfer(node):
    """Tells whether a node brings a variable to a GPU, or back from one

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    bool
    """
    return type(node.op).__name__ in _TRANSFERS


def without_transfers(variable):
    """Returns what a variable was before it was brought to a GPU or back

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    Theano variable
        Of ``W[x]``, for a table `W` that lives on a GPU, Theano makes
        ``HostFromGpu(W)[x]``: of the first input this is `W`.
    """
    while variable.owner is not None and is_transfer(variable.owner):
        variable = variable.owner.inputs[0]
    return variable


def table_of(param):
    """Returns the shared variable of which a parameter is a subset, or None

    Parameters
    ----------
    param : Theano variable
        A shared variable, or rows, columns or elements of one.

    Returns
    -------
    shared variable or None
    """
    lookups = (AdvancedSubtensor1, AdvancedSubtensor, Subtensor, DimShuffle, Reshape)
    while getattr(param, "owner", None) and (
        isinstance(param.owner.op, lookups) or is_transfer(param.owner)
    ):
        param = param.owner.inputs[0]
    return param if isinstance(param, SharedVariable) else None


def walk(variable, onward):
    """Walks from a variable up its graph, the nearest first, to each variable once

    Parameters
    ----------
    variable : Theano variable
    onward : callable
        ``onward(node)`` gives those inputs of a node that the walk goes on to.

    Yields
    ------
    Theano variable
        `variable` first.
    """
    queue, seen = deque([variable]), {variable}
    while queue:
        variable = queue.popleft()
        yield variable
        if variable.owner is not None:
            new = [i for i in onward(variable.owner) if i not in seen]
            seen.update(new)
            queue.extend(dict.fromkeys(new))


def shape_now(shared):
    """Returns the shape that the value of a shared variable has now

    Parameters
    ----------
    shared : shared variable

    Returns
    -------
    tuple of int
        Nothing is copied, nor fetched from a GPU.
    """
    return shared.get_value(borrow=True, return_internal_type=True).shape


def listed(variables, name):
    """Makes a list of variables, if they were not given as one alone

    Parameters
    ----------
    variables : iterable of Theano variables
    name : str
        What the caller's argument is called.

    Returns
    -------
    list

    Raises
    ------
    TypeError
        If `variables` is a Theano variable: its rows, which Theano may or may not
        know, would be taken for the items of a list.
    """
    if isinstance(variables, Variable):
        raise TypeError(
            "%s must be a list of shared variables and the like, got %s: write [%s]"
            % (name, variables, variables)
        )
    return list(variables)
