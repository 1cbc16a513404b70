"""Which bag does each lookup belong to, and how much does it count?"""

from functools import reduce
from operator import mul

import theano.tensor as T
from theano.gof.graph import Constant
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.opt import Assert, MakeVector

from ..lookups import length, same_number

__all__ = [
    "bag_numbers",
    "checked",
    "flat_weights",
    "known_length",
    "product",
    "shuffled",
]

_SAME_SHAPE = Assert("what is multiplied with rows must have the shape of the lookups")
#: So many nodes are asked how long an array is.
_MOST_NODES = 60


def product(numbers):
    """Multiplies symbolic numbers; 1 if there are none"""
    numbers = list(numbers)
    return reduce(mul, numbers) if numbers else T.constant(1, dtype="int64")


def known_length(fgraph, variable, axis):
    """Returns the size of a variable along an axis, as its makers say it

    Theano does not trust the length that an array is reshaped to, as it may be -1, and
    that of elementwise work is then the one that it does not trust. What is computed is
    never -1.

    Parameters
    ----------
    fgraph : FunctionGraph
    variable : Theano variable
    axis : int

    Returns
    -------
    Theano scalar, int64
    """
    waiting = [(variable, axis)]
    for v, d in waiting:
        number = _length_said(v, d)
        if number is not None:
            return number
        if v.owner is None:
            return length(fgraph, v, d)
        if isinstance(v.owner.op, DimShuffle):
            before = v.owner.op.new_order[d]
            waiting += [(i, before) for i in v.owner.inputs if before != "x"]
        elif isinstance(v.owner.op, Elemwise) and len(waiting) < _MOST_NODES:
            waiting += [(i, d) for i in v.owner.inputs if not i.broadcastable[d]]
    return length(fgraph, variable, axis)


def _length_said(variable, axis):
    """Returns the length to which an array is reshaped or spread, or None."""
    node = variable.owner
    if node is None:
        return None
    if isinstance(node.op, T.Alloc):
        return node.inputs[1 + axis]
    if not isinstance(node.op, T.Reshape) or node.inputs[1].owner is None:
        return None
    shape = node.inputs[1].owner
    if not isinstance(shape.op, MakeVector):
        return None
    number = shape.inputs[axis]
    is_constant = isinstance(number, Constant)
    if is_constant and number.data < 0 or number.owner is None and not is_constant:
        return None
    return number


def shuffled(variable, order):
    """Shuffles axes; of several shuffles, one inside the other, it makes one or none

    Parameters
    ----------
    variable : Theano variable
    order : sequence of int or 'x'
        As of ``dimshuffle``.

    Returns
    -------
    Theano variable
    """
    order = list(order)
    while variable.owner is not None and isinstance(variable.owner.op, DimShuffle):
        before = variable.owner.op.new_order
        order = [d if d == "x" else before[d] for d in order]
        variable = variable.owner.inputs[0]
    if order == list(range(variable.ndim)):
        return variable
    return variable.dimshuffle(*order)


def bag_numbers(num_lookups, sizes, kept):
    """Numbers the bags of lookups that are summed over some axes

    Parameters
    ----------
    num_lookups : Theano scalar
    sizes : list of Theano scalars
        The shape of the array of lookups, of which the vector is the flattened one.
    kept : sequence of int
        Its axes, ascending, that are not summed over.

    Returns
    -------
    Theano vector, shape ``(num_lookups,)``, int64
        Numbers from 0, in the order of the flattened axes that are kept.
    """
    if not kept:
        return T.alloc(T.constant(0, dtype="int64"), num_lookups)
    numbers = T.arange(product(sizes[k] for k in kept))
    if len(kept) != 1:
        numbers = numbers.reshape([sizes[k] for k in kept], ndim=len(kept))
    axes = iter(range(len(kept)))
    axes = [next(axes) if k in kept else "x" for k in range(len(sizes))]
    return _flat(T.alloc(numbers.dimshuffle(*axes), *sizes), num_lookups)


def checked(fgraph, variable, axes, sizes):
    """Keeps the check that elementwise work makes of the shapes of its inputs

    Parameters
    ----------
    fgraph : FunctionGraph
    variable : Theano variable
    axes : list of int
        Some axes of the variable,
    sizes : list of Theano scalars
        and how long they must be, where they have not one element by type.

    Returns
    -------
    Theano variable
        With an `Assert` wherever that is not known.
    """
    checks = []
    for axis, size in zip(axes, sizes):
        number = known_length(fgraph, variable, axis)
        if not variable.broadcastable[axis] and not same_number(number, size):
            checks.append(T.eq(number, size))
    return _SAME_SHAPE(variable, *checks) if checks else variable


def flat_weights(fgraph, factors, dtype, axes, sizes, num_lookups):
    """Multiplies factors of lookups

    Parameters
    ----------
    fgraph : FunctionGraph
    factors : list of (str, Theano variable)
        ``('mul', v)``, ``('div', v)`` or ``('neg', None)``; with more axes than the
        lookups have, they are one number along these.
    dtype : str
    axes : list of int
        Which axis of a factor each axis of the lookups is.
    sizes : list of Theano scalars
        The shape of the lookups.
    num_lookups : Theano scalar

    Returns
    -------
    Theano vector, shape ``(num_lookups,)``, or None
        None if there is no factor.
    """
    weight = None
    for kind, factor in factors:
        if kind == "neg":
            weight = T.constant(-1, dtype=dtype) if weight is None else -weight
            continue
        factor = checked(fgraph, factor, axes, sizes)
        factor = shuffled(T.cast(factor, dtype), axes)
        if kind == "div":
            one = T.constant(1, dtype=dtype)
            weight = (one if weight is None else weight) / factor
        else:
            weight = factor if weight is None else weight * factor
    if weight is None:
        return None
    if weight.ndim < len(sizes) or any(weight.broadcastable):
        weight = T.alloc(weight, *sizes)
    return _flat(weight, num_lookups)


def _flat(array, num_lookups):
    """Returns an array as a vector that is known to be so long."""
    if array.ndim == 1 and not array.broadcastable[0]:
        return array
    return T.reshape(array, [num_lookups], ndim=1)
