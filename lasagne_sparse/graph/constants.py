"""Knows numbers before a function runs: is this expression all zeros?

What a gradient is outside of the rows that were looked up, and what may be left out of
a sum, follows from the constants in a graph.
"""

from weakref import WeakKeyDictionary

import numpy as np
from theano import scalar
from theano.gof.graph import Constant
from theano.tensor import Alloc, Rebroadcast
from theano.tensor.elemwise import DimShuffle, Elemwise

from .views import is_transfer
from .walk import evaluate

__all__ = ["constant_value", "is_zeros", "value_at"]

# What is known of a variable stays true: rewrites exchange the inputs of a node for
# others of the same values only. Not kept in variable.tag, which copies of a node with
# other inputs inherit.
_known = WeakKeyDictionary()


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

    Notes
    -----
    The answer is kept, also for all that `variable` is made of: asking of every
    variable of a graph takes time linear in the graph.
    """
    return evaluate(variable, _parts, _combined, _known)


def _parts(variable):
    """Lists the inputs of which a variable may have its one number."""
    node = variable.owner
    if node is None:
        return []
    if isinstance(node.op, (Alloc, DimShuffle, Rebroadcast)) or is_transfer(node):
        return node.inputs[:1]
    if isinstance(node.op, Elemwise) and len(node.outputs) == 1:
        return node.inputs
    return []


def _combined(variable, values):
    """Returns the number of a variable, those of its parts given."""
    if isinstance(variable, Constant):
        return _number_of(variable)
    if not values:
        return None
    node = variable.owner
    return value_at(node, values) if isinstance(node.op, Elemwise) else values[0]


def _number_of(constant):
    """Returns the number that a constant is everywhere, or None."""
    data = np.asarray(constant.data)
    if data.dtype.kind not in "biuf" or not data.size:
        return None
    first = data.flat[0]
    return first if data.size == 1 or np.all(data == first) else None


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
    return _computed(op, values, [v.dtype for v in node.inputs])


def _computed(op, values, dtypes):
    """Computes a scalar operation; None where it has no result, as ``0 ** -1``."""
    numbers = [np.asarray(v, dtype)[()] for v, dtype in zip(values, dtypes)]
    try:
        with np.errstate(all="ignore"):
            return np.asarray(op.impl(*numbers))[()]
    except (ArithmeticError, ValueError):  # of Python's numbers and NumPy's integers
        return None


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
