"""Adds the scatters of an expression up: distinct rows, and what it is there"""

from collections import namedtuple

import theano.tensor as T
from theano.scan_module.scan_utils import equal_computations
from theano.tensor.elemwise import Elemwise
from theano.tensor.subtensor import AdvancedIncSubtensor1

from ..graph import evaluate, is_transfer, is_zeros, without_transfers
from ..ops import unique_rows
from .restrict import restrict
from .scatters import axis_back, unique_rows_of

__all__ = ["Rows", "coalesce"]

Rows = namedtuple("Rows", "rows values opaque")
Rows.__doc__ = """Distinct ``rows``, the ``values`` of an expression there, and the
``opaque`` expressions that must be computed for all rows to know them
"""


def coalesce(expression, axis, background, num_rows, name=None):
    """Restricts an expression to the rows that its scatters touch

    Steps between a scatter and the expression, such as clipping, are carried out on
    the sums of repeated indices.

    Parameters
    ----------
    expression : Theano variable
        Its background is known.
    axis : int
        Along which its rows are counted.
    background : Background
    num_rows : symbolic integer scalar
        The size of `expression` along `axis`.
    name : str, optional
        That of the table, for errors.

    Returns
    -------
    Rows
    """
    is_sum = _sum_finder(background)
    sums = _sums(expression, axis, background, is_sum)
    groups = [_scatters_of(total, background, is_sum) for total in sums]
    if len(groups) == 1 and len(groups[0]) == 1 and groups[0][0].distinct:
        rows, values = groups[0][0].indices, [groups[0][0].values]
    else:
        groups = [_merged([_expanded(s, num_rows) for s in g]) for g in groups]
        rows, inverse = _distinct_rows(groups, num_rows, name)
        values = _summed(groups, inverse, rows)
    known, opaque = {}, []
    for (variable, along), value in reversed(list(zip(sums, values))):
        value = axis_back(value, along)
        if not is_sum((variable, along)):  # on top of something else
            base = background.scatter(variable, along).base
            value = restrict(base, rows, along, known, opaque) + value
        known[variable, along] = value
    return Rows(rows, restrict(expression, rows, axis, known, opaque), opaque)


def _sum_finder(background):
    """Returns what tells whether a ``(variable, axis)`` is a sum of scatters."""

    def parts(item):
        variable, axis = item
        if is_zeros(variable):
            return []
        if background.scatter(variable, axis) is None:
            if not _adds(variable.owner):
                return [None]
            terms = [i for i in variable.owner.inputs if not is_zeros(i)]
            if any(i.broadcastable[axis] for i in terms):
                return [None]
        return background.parts(variable, axis)

    def combined(item, are_sums):
        return all(are_sums)

    known = {}
    return lambda item: evaluate(item, parts, combined, known)


def _sums(expression, axis, background, is_sum):
    """Lists the largest parts of an expression that are sums of scatters

    As pairs ``(variable, axis)``; of a scatter that is added to something else, that
    alone. Those upstream of others come after them.
    """
    found, seen, stack = [], set(), [(expression, axis)]
    while stack:
        variable, axis = stack.pop()
        item = without_transfers(variable), axis  # one sum, wherever it is needed
        if item in seen or background.value(*item) is None or is_zeros(item[0]):
            continue
        seen.add(item)
        if is_sum(item) or background.scatter(*item) is not None:
            found.append(item)
        if not is_sum(item):
            stack.extend(reversed(background.parts(*item)))
    return found


def _scatters_of(item, background, is_sum):
    """Returns the scatters of a sum, or the one on top of something else."""
    found, stack, whole = [], [item], is_sum(item)
    while stack:
        variable, axis = stack.pop()
        scatter = background.scatter(variable, axis)
        if scatter is not None and not is_zeros(variable):
            found.append(scatter)
        if whole:
            stack.extend(reversed(background.parts(variable, axis)))
    return found


def _adds(node):
    """Tells whether a node adds, or only brings its input somewhere else."""
    if node is None or is_transfer(node):
        return node is not None
    return isinstance(node.op, Elemwise) and isinstance(
        node.op.scalar_op, (T.scal.Add, T.scal.Identity)
    )


def _expanded(scatter, num_rows):
    """Undoes a coalescing: distinct rows become the indices they came from

    ``inc(zeros[rows], inc(zeros[inverse], g))`` is ``inc(zeros[indices], g)``:
    where several lookups are coalesced together, each on its own would be
    work done twice. Holds where the rows were counted with those of the table: of
    another number, a negative index means another row.
    """
    node = unique_rows_of(scatter.indices, 0)
    inner = scatter.values.owner
    if node is None or inner is None:
        return scatter
    if not isinstance(inner.op, AdvancedIncSubtensor1) or inner.op.set_instead_of_inc:
        return scatter
    if inner.inputs[2] is not node.outputs[1] or not is_zeros(inner.inputs[0]):
        return scatter
    if inner.inputs[1].broadcastable != scatter.values.broadcastable:
        return scatter
    if not equal_computations([node.inputs[1]], [T.cast(num_rows, "int64")]):
        return scatter
    return scatter._replace(
        indices=node.inputs[0], values=inner.inputs[1], distinct=False
    )


def _merged(scatters):
    """Adds the values up of scatters at the same indices, as of two lookups of them."""
    merged, places = [], {}
    for scatter in scatters:
        key = scatter.indices, scatter.values.broadcastable
        place = places.get(key)
        if place is None:
            place = next((k for k, m in enumerate(merged) if _alike(m, scatter)), None)
        if place is None:
            place = len(merged)
            merged.append(scatter)
        else:
            total = merged[place].values + scatter.values
            merged[place] = merged[place]._replace(values=total)
        places[key] = place
    return merged


def _alike(one, other):
    """Tells whether two scatters have indices that are computed alike."""
    return (
        one.values.broadcastable == other.values.broadcastable
        and one.indices.type == other.indices.type
        and type(getattr(one.indices.owner, "op", None))
        is type(getattr(other.indices.owner, "op", None))
        and equal_computations([one.indices], [other.indices])
    )


def _distinct_rows(groups, num_rows, name):
    """Finds the distinct rows of all scatters together, and the inverse."""
    indices = [scatter.indices for group in groups for scatter in group]
    if len(indices) > 1:
        # Not left to concatenate: it would turn int64 with uint64 into float64.
        indices = [T.concatenate([T.cast(i, "int64") for i in indices])]
    return unique_rows(indices[0], num_rows, name)


def _summed(groups, inverse, rows):
    """Sums the values of each group, for each distinct row."""
    if len(groups) == 1:
        return [_segment_sum(groups[0], inverse, rows)]
    sums, start = [], 0
    for group in groups:
        stop = start
        for scatter in group:
            stop = stop + scatter.indices.shape[0]
        sums.append(_segment_sum(group, inverse[start:stop], rows))
        start = stop
    return sums


def _segment_sum(group, inverse, rows):
    """Sums the values of scatters, one after the other, for each distinct row."""
    values = group[0].values
    if len(group) > 1:
        values = T.concatenate([scatter.values for scatter in group], axis=0)
    shape = [rows.shape[0]] + [values.shape[d] for d in range(1, values.ndim)]
    return T.inc_subtensor(T.zeros(shape, dtype=values.dtype)[inverse], values)
