"""Sums the gradients of bags by row, where they are not summed by a row update alone.

By now a bag's gradient is ``g[bags]`` times weights, and its sums by the distinct rows
of the table are a :class:`~lasagne_sparse.ops.SegmentSum`.
"""

import theano.tensor as T
from theano.compile import optdb
from theano.compile.ops import Shape_i
from theano.gof.opt import Optimizer, copy_stack_trace
from theano.gof.toolbox import ReplaceValidate

from ...graph import is_transfer
from ...ops import Gather, SegmentSum
from ...sparsity.scatters import unique_rows_of
from ..lookups import as_long_as, without_check
from .weighted import are_row_factors, bag_sum, rows_of_bags, weighted, weights_of

__all__ = ["JoinSpreads", "SumSpreads"]


class _OnSegmentSums(Optimizer):
    """Replaces the segment sums of a graph, unless some of it is on a GPU."""

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        nodes = list(fgraph.apply_nodes)
        if not any(isinstance(node.op, SegmentSum) for node in nodes) or any(
            is_transfer(node) for node in nodes
        ):
            return
        for node in nodes:
            if isinstance(node.op, SegmentSum):
                new = self._replacement(fgraph, node)
                if new is not None and new.type == node.outputs[0].type:
                    copy_stack_trace(node.outputs[0], new)
                    fgraph.replace_validate(
                        node.outputs[0], new, reason="lasagne_sparse_bags"
                    )


class JoinSpreads(_OnSegmentSums):
    """
    SegmentSum(order, offsets, g[a] * v, h[b] * w)
        -> SegmentSum(order, offsets, join(g, h)[join(a, b + len(g))] * join(v, w))

    The gradients of several bags of one table, or of bags and plain lookups: all of
    them become bags, so that no array has a row for each lookup of a bag.
    """

    def _replacement(self, fgraph, node):
        order, offsets, values = node.inputs[0], node.inputs[1], node.inputs[2:]
        if len(values) == 1 or values[0].ndim < 2:
            return None
        found = [_spread(without_check(v)) for v in values]
        if not any(found):
            return None
        rows, bags, weights, start = [], [], [], 0
        for of, v in zip(found, values):
            rows.append(without_check(v) if of is None else of.rows.table)
            num_rows = Shape_i(0)(rows[-1])
            bag = T.arange(num_rows) if of is None else of.rows.indices
            bags.append(T.switch(T.lt(bag, 0), bag + num_rows, bag) + start)
            weights.append(None if of is None else weights_of(fgraph, of))
            start = start + num_rows
        bags_of_all = T.join(0, *bags)
        new = Gather()(T.join(0, *rows), bags_of_all)
        if any(weight is not None for weight in weights):
            one = T.constant(1, dtype=new.dtype)
            weights = [
                T.alloc(one, Shape_i(0)(bag)) if weight is None else weight
                for weight, bag in zip(weights, bags)
            ]
            units = ["x"] * (new.ndim - 1)
            new = new * T.join(0, *weights).dimshuffle(0, *units)
        # As many as before, of which the segment sum knew that they are one for each.
        new = as_long_as(new, Shape_i(0)(bags_of_all), Shape_i(0)(order))
        return node.op(order, offsets, new)


class SumSpreads(_OnSegmentSums):
    """
    SegmentSum(order, offsets, g[bags] * weights) -> BagSum(g, bags, inverse, ...)

    The gradient of a bag by each distinct row, where something else needs it than the
    row update that takes it in: the norm of all gradients, for one.
    """

    def _replacement(self, fgraph, node):
        if len(node.inputs) != 3:
            return None
        unique = unique_rows_of(node.inputs[0], 2)
        found = _spread(without_check(node.inputs[2]))
        if unique is None or found is None:
            return None
        rows, inverse = unique.outputs[:2]
        return bag_sum(fgraph, found, inverse, Shape_i(0)(rows))


def _spread(values):
    """Reads ``g[bags] * weights``; None if it is anything else."""
    found = weighted(values, rows_of_bags)
    if found is None or not are_row_factors(found):
        return None
    return found if found.order == list(range(values.ndim)) else None


optdb.register(
    "lasagne_sparse_join_spreads", JoinSpreads(), 48.3, "fast_run", "lasagne_sparse"
)
optdb.register(
    "lasagne_sparse_sum_spreads", SumSpreads(), 48.41, "fast_run", "lasagne_sparse"
)
