"""Knows indices of which no two mean the same row

A row that is looked up once needs no coalescing, and what is set to it does not depend
on an order. It is not enough that no number repeats: in a table of 10 rows -1 and 9
are the same row.
"""

import numpy as np
from theano.compile.ops import Shape_i
from theano.gof.graph import Constant
from theano.scalar import Cast
from theano.tensor.basic import ARange
from theano.tensor.elemwise import Elemwise
from theano.tensor.subtensor import AdvancedSubtensor1, Subtensor

from .constants import constant_value

__all__ = ["are_distinct", "are_not_negative"]


def are_distinct(indices):
    """Tells whether no two of some indices mean the same row, of whatever table

    Parameters
    ----------
    indices : Theano vector, any integer dtype
        Known are: what an Op says of its own outputs (``distinct_outputs``, positions
        of outputs with row numbers that are neither negative nor repeat, as
        those of ``UniqueRows``), ``arange``, constants, and slices,
        permutations and conversions of those.

    Returns
    -------
    bool
        False also where it cannot be known before the function runs, and where
        negative numbers stand beside others.

    Examples
    --------
    >>> import theano.tensor as T
    >>> are_distinct(T.arange(5)[::-1]), are_distinct(T.arange(-1, 5))
    (True, False)
    """
    return not _may_repeat(indices) and (
        are_not_negative(indices) or _are_negative(indices)
    )


def are_not_negative(indices):
    """Tells whether indices are known to be row numbers, none of them negative

    Parameters
    ----------
    indices : Theano vector or scalar, any integer dtype

    Returns
    -------
    bool
        Then they mean the same rows of tables of different lengths. False also where
        it cannot be known before the function runs.
    """
    source = _source(indices)
    if source.dtype.startswith("uint") or _says_op(source):
        return True
    if isinstance(source, Constant):
        return bool(np.all(source.data >= 0))
    node = source.owner
    if node is None:
        return False
    if isinstance(node.op, Shape_i):
        return True
    if isinstance(node.op, ARange):
        start, stop, step = node.inputs
        if _is(step, lambda n: n > 0):
            return are_not_negative(start)
        # the last number comes before `stop`
        ends = are_not_negative(stop) or _is(stop, lambda n: n >= -1)
        return ends and (_is(step, lambda n: n < 0) or are_not_negative(start))
    return False


def _are_negative(indices):
    """Tells whether all of some indices are known to count from the end."""
    source = _source(indices)
    if isinstance(source, Constant):
        return bool(np.all(source.data < 0))
    if source.owner is None or not isinstance(source.owner.op, ARange):
        return False
    start, stop, step = source.owner.inputs
    if _is(step, lambda n: n > 0):
        return _is(stop, lambda n: n <= 0)
    return _is(step, lambda n: n < 0) and _is(start, lambda n: n < 0)


def _may_repeat(indices):
    """Tells whether a number is not known to be there once at most."""
    while not isinstance(indices, Constant):
        node = indices.owner
        if _says_op(indices) or (node is not None and isinstance(node.op, ARange)):
            return False
        inner = _source_of_node(node)
        if inner is None:
            return True
        if isinstance(node.op, AdvancedSubtensor1) and not are_distinct(node.inputs[1]):
            return True
        indices = inner
    return len(np.unique(indices.data)) < indices.data.size


def _source(indices):
    """Returns the vector of which indices are some, in whatever order."""
    inner = _source_of_node(indices.owner)
    while inner is not None:
        indices, inner = inner, _source_of_node(inner.owner)
    return indices


def _source_of_node(node):
    """Returns the vector of which a node takes numbers, or None."""
    if node is None or not node.inputs:
        return None
    op, first = node.op, node.inputs[0]
    if isinstance(op, (AdvancedSubtensor1, Subtensor)):
        return first if first.ndim == node.outputs[0].ndim == 1 else None
    if isinstance(op, Elemwise) and isinstance(op.scalar_op, Cast):
        keeps_all = np.can_cast(first.dtype, node.outputs[0].dtype, "safe")
        return first if keeps_all and first.dtype != "bool" else None
    return None


def _says_op(variable):
    """Tells whether the Op that made a variable vouches for it."""
    node = variable.owner
    places = () if node is None else getattr(node.op, "distinct_outputs", ())
    return any(variable is node.outputs[i] for i in places)


def _is(number, condition):
    """Tells whether a number is known, and has a property."""
    value = constant_value(number)
    return value is not None and bool(condition(value))
