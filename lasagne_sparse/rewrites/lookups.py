"""Reads lookups and their gradients off an optimized graph.

What the rewrites about gathers and about reductions both ask: are these the zeros
that a gradient is scattered into, are these numbers the same, is this a table?
They know the forms that Theano's own rewrites leave at their position.
"""

from collections import namedtuple

import theano.tensor as T
from theano import scalar
from theano.compile import SharedVariable
from theano.compile.ops import Shape_i
from theano.gof.graph import Constant
from theano.tensor.basic import ScalarFromTensor
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.opt import Assert
from theano.tensor.subtensor import AdvancedIncSubtensor1, AdvancedSubtensor1, Subtensor

from ..graph import are_distinct, constant_value, is_zeros, without_transfers
from ..ops import Gather

__all__ = [
    "Scatter",
    "are_distinct",
    "as_long_as",
    "is_of_bags",
    "length",
    "lengths_of_check",
    "one_row_each",
    "same_number",
    "scatter_into_zeros",
    "scatter_of",
    "table_name",
    "unsliced",
    "without_check",
]

_SAME_LENGTH = Assert("the rows of a gradient must be as long as those of its table")

#: Of lengths that are made of more nodes it is not asked whether they are the same.
_MOST_NODES = 200

Scatter = namedtuple("Scatter", ["base", "pieces"])
Scatter.__doc__ = """Values that are added to rows of something

``base`` is what they are added to; ``pieces`` are pairs ``(values, indices)``, in the
order in which they are added.
"""


def table_name(table):
    """Returns the name of a table, None for one without, False for no table

    Parameters
    ----------
    table : Theano variable

    Returns
    -------
    str, None or False
        A table is an input of the function, such as a shared variable, or that with
        its axes shuffled.
    """
    suffix = ""
    if table.owner is not None and isinstance(table.owner.op, DimShuffle):
        if sorted(table.owner.op.new_order, key=str) != list(range(table.ndim)):
            return False
        table, suffix = table.owner.inputs[0], ".T"
    table = without_transfers(table)
    if table.owner is not None or table not in table.fgraph.inputs:
        return False
    return None if table.name is None else table.name + suffix


def is_of_bags(variable):
    """Tells whether a variable is ``g[bags]``, what lookups have of what bags have

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    bool
        False also for rows of a shared variable: it may be a table, and whoever reads
        it late reads rows that were written since.
    """
    node = variable.owner
    if node is None or not isinstance(node.op, (AdvancedSubtensor1, Gather)):
        return False
    of = node.inputs[0]
    while of.owner is not None and isinstance(of.owner.op, DimShuffle):
        of = of.owner.inputs[0]
    of = without_transfers(of)
    return not isinstance(of, (SharedVariable, Constant))


def unsliced(indices):
    """Returns the vector of which `indices` are a slice, or themselves"""
    node = indices.owner
    if node is not None and isinstance(node.op, Subtensor):
        return node.inputs[0]
    return indices


def length(fgraph, variable, axis=0):
    """Returns the size of a variable along an axis, as the graph computes it

    Parameters
    ----------
    fgraph : FunctionGraph
        Without Theano's ``ShapeOpt`` it knows no shapes: then the variable is asked.
    variable : Theano variable
    axis : int

    Returns
    -------
    Theano scalar, int64
    """
    feature = getattr(fgraph, "shape_feature", None)
    if feature is None:
        return Shape_i(axis)(variable)
    return feature.get_shape(variable, axis)


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
    first, second = _as_tensor(first), _as_tensor(second)
    if first is second:
        return True
    left, right = _terms(first), _terms(second)
    if left is None or right is None:
        return False
    while left:
        term = left.pop()
        same = next((t for t in right if _is_same_term(term, t)), None)
        if same is None:
            return False
        right.remove(same)
    return not right


def _terms(number):
    """Splits a sum into its terms, less those that are zero; None if they are many."""
    terms, waiting = [], [number]
    while waiting:
        number = _as_tensor(waiting.pop())
        node = number.owner
        if isinstance(number, Constant) and number.data == 0:
            continue
        if len(terms) + len(waiting) > _MOST_NODES:
            return None
        if node is None or not isinstance(node.op, Elemwise):
            terms.append(number)
        elif isinstance(node.op.scalar_op, scalar.Add):
            waiting.extend(node.inputs)
        else:
            chosen = _chosen(node)
            if chosen is None:
                terms.append(number)
            else:
                waiting.append(chosen)
    return terms


def _chosen(node):
    """Returns what a switch on a known condition gives, or None."""
    # The length of what is joined has one of constants: shapes are not simplified.
    if not isinstance(node.op.scalar_op, scalar.Switch):
        return None
    condition = constant_value(node.inputs[0])
    return None if condition is None else node.inputs[1 if condition else 2]


def _is_same_term(first, second):
    """Tells whether two scalars that are no sums are known to be the same.

    What is made of many nodes is not known to be: to compare it whenever somebody asks
    would take as long as the graph is, each time.
    """
    pairs = [(first, second)]
    for one, other in pairs:
        if one is other:
            continue
        if isinstance(one, Constant) and isinstance(other, Constant):
            if not _is_same_constant(one, other):
                return False
            continue
        if not _makes_the_same(one, other) or len(pairs) > _MOST_NODES:
            return False
        pairs.extend(zip(one.owner.inputs, other.owner.inputs))
    return True


def _is_same_constant(one, other):
    """Tells whether two constants are the same, numbers of whatever integer dtype."""
    if one.ndim == other.ndim == 0:
        return bool(one.data == other.data)
    return one.equals(other)


def _makes_the_same(one, other):
    """Tells whether two variables are the same if the inputs of their nodes are."""
    if one.owner is None or other.owner is None or one.type != other.type:
        return False
    return (
        one.owner.op == other.owner.op
        and len(one.owner.inputs) == len(other.owner.inputs)
        and one.owner.outputs.index(one) == other.owner.outputs.index(other)
    )


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


def as_long_as(values, length, other):
    """Says of values that two lengths are the same, and checks it

    Parameters
    ----------
    values : Theano variable
    length, other : Theano scalars

    Returns
    -------
    Theano variable
        The values, as :func:`without_check` gives them back.
    """
    return _SAME_LENGTH(values, T.eq(length, other))


def lengths_of_check(node):
    """Returns the lengths that the `Assert` of :func:`one_row_each` says are equal

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    list of pairs of Theano scalars
        Empty for another node.
    """
    if node.op != _SAME_LENGTH:
        return []
    checks = [condition.owner for condition in node.inputs[1:]]
    return [tuple(check.inputs) for check in checks if check is not None]


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
