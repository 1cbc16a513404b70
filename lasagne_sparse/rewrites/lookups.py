"""Reads lookups and their gradients off an optimized graph.

What the rewrites about gathers and about reductions both ask: are these the zeros
that a gradient is scattered into, are these numbers the same, is this a table?
They know the forms that Theano's own rewrites leave at their position.
"""

from collections import namedtuple

import theano.tensor as T
from theano import scalar
from theano.gof.graph import Constant
from theano.scan_module.scan_utils import equal_computations
from theano.tensor.basic import ScalarFromTensor
from theano.tensor.elemwise import Elemwise
from theano.tensor.opt import Assert
from theano.tensor.subtensor import AdvancedIncSubtensor1, Subtensor

from ..graph import constant_value, is_zeros
from ..ops import UniqueRows

__all__ = [
    "Scatter",
    "are_distinct",
    "length",
    "one_row_each",
    "same_number",
    "scatter_into_zeros",
    "scatter_of",
    "unique_rows_of",
    "unsliced",
    "without_check",
]

_SAME_LENGTH = Assert("the rows of a gradient must be as long as those of its table")

Scatter = namedtuple("Scatter", ["base", "pieces"])
Scatter.__doc__ = """Values that are added to rows of something

``base`` is what they are added to; ``pieces`` are pairs ``(values, indices)``, in the
order in which they are added.
"""


def unique_rows_of(variable, output):
    """Returns the node of which a variable is that output of UniqueRows, or None

    Parameters
    ----------
    variable : Theano variable
    output : int
        0 for the rows, 1 for the inverse.

    Returns
    -------
    Apply node or None
    """
    node = variable.owner
    if node is None or not isinstance(node.op, UniqueRows):
        return None
    return node if variable is node.outputs[output] else None


def unsliced(indices):
    """Returns the vector of which `indices` are a slice, or themselves"""
    node = indices.owner
    if node is not None and isinstance(node.op, Subtensor):
        return node.inputs[0]
    return indices


def are_distinct(indices):
    """Tells whether no row can repeat among indices"""
    return unique_rows_of(indices, 0) is not None


def length(fgraph, variable, axis=0):
    """Returns the size of a variable along an axis, as the graph computes it"""
    return fgraph.shape_feature.get_shape(variable, axis)


def same_number(first, second):
    """Tells whether two integer scalars are known to be the same

    Parameters
    ----------
    first, second : Theano scalars
        Tensors of rank 0 or scalars, as in shapes and slices.

    Returns
    -------
    bool
        False also where it cannot be known before the function runs.
    """
    left, right = _terms(first), _terms(second)
    while left:
        term = left.pop()
        same = next((t for t in right if _is_same_term(term, t)), None)
        if same is None:
            return False
        right.remove(same)
    return not right


def _terms(number):
    """Splits a sum into its terms, less those that are zero."""
    number = _as_tensor(number)
    if isinstance(number, Constant) and number.data == 0:
        return []
    node = number.owner
    if node is None or not isinstance(node.op, Elemwise):
        return [number]
    if isinstance(node.op.scalar_op, scalar.Add):
        return [term for i in node.inputs for term in _terms(i)]
    if isinstance(node.op.scalar_op, scalar.Switch):
        # The length of what is joined has one of constants: shapes are not simplified.
        condition = constant_value(node.inputs[0])
        if condition is not None:
            return _terms(node.inputs[1 if condition else 2])
    return [number]


def _is_same_term(first, second):
    """Tells whether two scalars that are no sums are known to be the same."""
    if first is second:
        return True
    if isinstance(first, Constant) or isinstance(second, Constant):
        if not (isinstance(first, Constant) and isinstance(second, Constant)):
            return False
        return int(first.data) == int(second.data)
    return first.type == second.type and equal_computations([first], [second])


def _as_tensor(number):
    """Strips the conversion that the bounds of a slice go through."""
    node = number.owner
    if node is not None and isinstance(node.op, ScalarFromTensor):
        return node.inputs[0]
    return number


def scatter_of(variable):
    """Reads increments of rows, one inside the other

    Parameters
    ----------
    variable : Theano variable
        For example ``inc_subtensor(inc_subtensor(zeros[i], a)[j], b)``, the form
        that Theano gives to the sum of two gradients.

    Returns
    -------
    Scatter or None
        None if it is anything else.
    """
    pieces = []
    while _is_increment(variable):
        base, values, indices = variable.owner.inputs
        pieces.append((values, indices))
        variable = base
    return Scatter(variable, pieces[::-1]) if pieces else None


def _is_increment(variable):
    """Tells whether a variable is ``inc_subtensor(base[indices], values)``"""
    node = variable.owner
    return (
        node is not None
        and isinstance(node.op, AdvancedIncSubtensor1)
        and not node.op.set_instead_of_inc
    )


def scatter_into_zeros(variable):
    """Reads increments of rows of zeros, as :func:`scatter_of` does

    Returns
    -------
    Scatter or None
        None also if the base is not known to be zeros.
    """
    scatter = scatter_of(variable)
    return scatter if scatter is not None and is_zeros(scatter.base) else None


def without_check(values):
    """Undoes the `Assert` of :func:`one_row_each`, for an Op that checks by itself

    Parameters
    ----------
    values : Theano variable

    Returns
    -------
    Theano variable
        The values that it would let through, or `values`.
    """
    node = values.owner
    if node is not None and node.op == _SAME_LENGTH:
        return node.inputs[0]
    return values


def one_row_each(fgraph, values, indices, base):
    """Returns the values of a scatter with one row for each index

    An increment spreads its values where they have fewer dimensions than the zeros,
    or size 1 in one of them; what replaces it does not.

    Parameters
    ----------
    fgraph : FunctionGraph
    values : Theano variable
        What is added.
    indices : Theano vector, shape ``(num_lookups,)``, or None
        Where. None if the first axis of the values is known to be right.
    base : Theano variable, shape ``(num_rows, ...)``
        The zeros that it is added to.

    Returns
    -------
    Theano variable, shape ``(num_lookups, ...)``, dtype of `base`
        With an `Assert` wherever the sizes are not known to agree.
    """
    sizes = [length(fgraph, base, d) for d in range(1, base.ndim)]
    like = values if indices is None else indices
    wanted = like.broadcastable[:1] + base.broadcastable[1:]
    if values.ndim < base.ndim or any(
        v and not w for v, w in zip(values.broadcastable, wanted)
    ):
        values = T.alloc(values, length(fgraph, like), *sizes)
    else:
        checks = [
            T.eq(length(fgraph, values, d), size)
            for d, size in enumerate(sizes, 1)
            if not same_number(length(fgraph, values, d), size)
        ]
        if checks:
            values = _SAME_LENGTH(values, *checks)
    return T.cast(values, base.dtype)
