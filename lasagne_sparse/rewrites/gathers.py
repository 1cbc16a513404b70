"""Rewrites about looking rows up, and about the sums of their gradients.

They undo what the symbolic half does for clarity: the detour over distinct rows.
"""

import theano.tensor as T
from theano.compile import optdb
from theano.gof.graph import Constant
from theano.gof.opt import copy_stack_trace, local_optimizer
from theano.tensor.subtensor import (
    AdvancedIncSubtensor1,
    AdvancedSubtensor1,
    Subtensor,
    advanced_subtensor1,
    get_idx_list,
)

from ..ops import Gather, SegmentSum
from ..sparsity.scatters import unique_rows_of
from .early_exit import OnlyWithDB
from .lookups import (
    length,
    one_row_each,
    same_number,
    scatter_into_zeros,
    table_name,
    unsliced,
)

__all__ = [
    "local_gather_of_table",
    "local_lookup_through_subset",
    "local_segment_sum_of_scatter",
]


@local_optimizer([AdvancedSubtensor1])
def local_lookup_through_subset(node):
    """
    table[rows][inverse] -> table[indices]

    Holds where `rows` and `inverse` come from the same `UniqueRows` of `indices`, and
    the number of rows that it counts with is known to be that of the table: then
    negative indices mean the same to both.
    """
    if not isinstance(node.op, AdvancedSubtensor1):
        return False
    subset, inverse = node.inputs
    unique = unique_rows_of(inverse, 1)
    if unique is None or subset.owner is None:
        return False
    if not isinstance(subset.owner.op, (AdvancedSubtensor1, Gather)):
        return False
    table, rows = subset.owner.inputs
    indices, num_rows = unique.inputs
    if rows is not unique.outputs[0]:
        return False
    if not same_number(num_rows, length(node.fgraph, table)):
        return False
    new = advanced_subtensor1(table, indices)
    if new.type != node.outputs[0].type:
        return False
    copy_stack_trace([subset, node.outputs[0]], new)
    return [new]


@local_optimizer([AdvancedSubtensor1])
def local_gather_of_table(node):
    """
    AdvancedSubtensor1(table, indices) -> Gather{name of the table}(table, indices)

    Holds where the table is an input of the function, such as a shared variable, or
    that with its axes shuffled (columns are rows of the transposed table). Other
    arrays are in the cache already, and have no name.
    """
    if not isinstance(node.op, AdvancedSubtensor1):
        return False
    table, indices = node.inputs
    name = table_name(table)
    if name is False:
        return False
    new = Gather(name)(table, indices)
    copy_stack_trace(node.outputs[0], new)
    return [new]


@local_optimizer([AdvancedIncSubtensor1])
def local_segment_sum_of_scatter(node):
    """
    inc_subtensor(zeros[inverse], values) -> SegmentSum(order, offsets, values)
    inc_subtensor(zeros[inverse], join(0, a, b)) -> SegmentSum(order, offsets, a, b)
    inc_subtensor(inc_subtensor(zeros[inverse[:n]], a)[inverse[n:]], b)
        -> SegmentSum(order, offsets, a, b)

    Holds where `inverse` comes from `UniqueRows`, the zeros have as many rows as
    there are distinct rows, and slices of it follow one another from its begin to
    its end. Values that the increment would spread are spread first.
    """
    if not isinstance(node.op, AdvancedIncSubtensor1):
        return False
    inverse = unsliced(node.inputs[2])
    unique = unique_rows_of(inverse, 1)
    if unique is None or _is_within(node, inverse):
        return False
    scatter = scatter_into_zeros(node.outputs[0])
    if scatter is None or any(unsliced(i) is not inverse for _, i in scatter.pieces):
        return False
    fgraph = node.fgraph
    if not same_number(length(fgraph, scatter.base), length(fgraph, unique.outputs[0])):
        return False
    pieces = _in_order(scatter.pieces, inverse, length(fgraph, inverse))
    if pieces is None:
        return False
    values = [
        part
        for piece, indices in pieces
        for part in _parts(fgraph, piece, indices, scatter.base)
    ]
    new = SegmentSum()(unique.outputs[2], unique.outputs[3], *values)
    if new.type != node.outputs[0].type:
        return False
    copy_stack_trace(node.outputs[0], new)
    return [new]


def _is_within(node, inverse):
    """Tells whether an increment is inside another one: then that one is looked at.

    Of many, one inside the other, each would walk through all that are inside of it.
    """
    clients = node.outputs[0].clients
    if len(clients) != 1 or clients[0][0] == "output":
        return False
    ((client, position),) = clients
    return (
        position == 0
        and isinstance(client.op, AdvancedIncSubtensor1)
        and not client.op.set_instead_of_inc
        and unsliced(client.inputs[2]) is inverse
    )


def _in_order(pieces, inverse, num_lookups):
    """Sorts pieces by the slices of the inverse; None unless they make up all of it."""
    if len(pieces) == 1 and pieces[0][1] is inverse:
        return pieces
    bounds = [_slice_bounds(indices) for _, indices in pieces]
    if None in bounds:
        return None
    ordered, position = [], T.constant(0)
    while len(ordered) < len(pieces):
        here = _starting_at(position, bounds, len(ordered))
        if here is None or here in ordered:
            return None
        ordered.append(here)
        position = bounds[here][1]
        if position is None and len(ordered) < len(pieces):
            return None
    if position is not None and not same_number(position, num_lookups):
        return None
    return [pieces[i] for i in ordered]


def _starting_at(position, bounds, likely):
    """Returns which slice begins at a position, or None; they are mostly in order."""
    for i in (likely, *range(len(bounds))):
        if same_number(bounds[i][0], position):
            return i
    return None


def _slice_bounds(indices):
    """Returns the begin and the end (None: open) of ``vector[begin:end]``, or None."""
    node = indices.owner
    if node is None or not isinstance(node.op, Subtensor):
        return None
    (index,) = get_idx_list(node.inputs, node.op.idx_list)
    if not isinstance(index, slice):
        return None
    step = index.step
    if step is not None and not (isinstance(step, Constant) and step.data == 1):
        return None
    return T.constant(0) if index.start is None else index.start, index.stop


def _parts(fgraph, values, indices, base):
    """Splits joined values, where nothing else needs them joined."""
    node = values.owner
    if (
        node is None
        or not isinstance(node.op, T.Join)
        or len(values.clients) > 1
        or not (isinstance(node.inputs[0], Constant) and node.inputs[0].data == 0)
        or values.ndim < base.ndim
    ):
        return [one_row_each(fgraph, values, indices, base)]
    # Each part has its own number of rows, so only the other dimensions are spread.
    return [one_row_each(fgraph, part, None, base) for part in node.inputs[1:]]


gathers = OnlyWithDB((AdvancedSubtensor1, AdvancedIncSubtensor1))
for _rewrite in (
    local_lookup_through_subset,
    local_gather_of_table,
    local_segment_sum_of_scatter,
):
    gathers.register(
        "lasagne_sparse_" + _rewrite.__name__, _rewrite, "fast_run", "lasagne_sparse"
    )
optdb.register("lasagne_sparse_gathers", gathers, 48.2, "fast_run", "lasagne_sparse")
