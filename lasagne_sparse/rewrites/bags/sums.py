"""Puts a BagSum in the place of lookups that are summed.

Users and layers write the sum of a bag as a sum over an axis of an array of lookups, or
as increments of zeros; either way the array is made first, and is as large as batch,
length and number of units together.
"""

import theano.tensor as T
from theano.compile import SharedVariable, optdb
from theano.compile.ops import Shape_i
from theano.gof.opt import Optimizer, copy_stack_trace
from theano.gof.toolbox import ReplaceValidate
from theano.tensor.elemwise import Sum
from theano.tensor.subtensor import AdvancedIncSubtensor1, AdvancedSubtensor1

from ...graph import is_transfer
from ...ops import Gather
from ...sparsity.scatters import unique_rows_of
from ..lookups import (
    is_of_bags,
    length,
    same_number,
    scatter_into_zeros,
    unsliced,
)
from ..fusion.row_shapes import RowShapes
from .numbers import bag_numbers, product
from .spreads import flattened_sum, flattened_values
from .weighted import are_row_factors, bag_sum, rows_of_table, weighted

__all__ = ["SumBags"]

_LOOKUPS = (AdvancedSubtensor1, Gather)


class SumBags(Optimizer):
    """
    sum(reshape(table[indices]) * weights, axis=1) -> BagSum(table, indices, bags, ...)
    inc_subtensor(zeros[bags], table[indices] * weights) -> the same
    inc_subtensor(base[indices], reshape(g.dimshuffle(0, 'x', 1) * weights, (-1, ...)))
        -> inc_subtensor(base[indices], g[bags] * weights)
    sum(g.dimshuffle(0, 'x', 1) * reshape(table[indices]), axis=2)
        -> reshape(sum(g[bags] * table[indices], axis=1))

    Lookups that are summed over some of their axes, each times one number or none, and
    the gradients of such sums. What is spread to the lookups of a bag becomes a lookup
    among the bags, which row updates and maps take in.

    Holds for tables of float32 and float64 on the host; where the table's rows and what
    comes of them are known to be equally long; and not for a factor that differs
    between the units of a row.
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        if not any(isinstance(node.op, _LOOKUPS) for node in fgraph.apply_nodes):
            return
        nodes = fgraph.toposort()
        if any(is_transfer(node) for node in nodes):
            return
        bags, shapes = set(), RowShapes(fgraph, nodes)
        for node in nodes:
            new = self._replacement(fgraph, node, bags, shapes)
            if new is None or new.type != node.outputs[0].type:
                continue
            copy_stack_trace(node.outputs[0], new)
            fgraph.replace_validate(node.outputs[0], new, reason="lasagne_sparse_bags")
        self._look_bags_up(fgraph, bags)

    def _replacement(self, fgraph, node, bags, shapes):
        """Returns what takes the place of a node's output, or None."""
        if isinstance(node.op, Sum):
            return _summed(fgraph, node) or flattened_sum(fgraph, node)
        if isinstance(node.op, AdvancedIncSubtensor1):
            if node.op.set_instead_of_inc:
                return None
            return _scattered(fgraph, node, bags) or flattened_values(
                fgraph, node, shapes
            )
        return None

    def _look_bags_up(self, fgraph, bags):
        """Makes lookups among bags the kind that maps take in."""
        for node in list(fgraph.apply_nodes):
            if isinstance(node.op, AdvancedSubtensor1) and node.inputs[1] in bags:
                if node.inputs[0].ndim > 1 and is_of_bags(node.outputs[0]):
                    new = Gather()(*node.inputs)
                    copy_stack_trace(node.outputs[0], new)
                    fgraph.replace_validate(
                        node.outputs[0], new, reason="lasagne_sparse_bags"
                    )


def _summed(fgraph, node):
    """Returns the bags of a sum over axes of lookups, or None."""
    (operand,), (result,) = node.inputs, node.outputs
    if node.op.axis is None or operand.dtype != result.dtype:
        return None
    found = weighted(operand, rows_of_table)
    if found is None or not are_row_factors(found):
        return None
    rows, order = found.rows, found.order
    reduced = {order[d] for d in node.op.axis}
    if not reduced or max(reduced) >= rows.num_axes:
        return None
    kept = [k for k in range(rows.num_axes) if k not in reduced]
    new = bag_sum(
        fgraph,
        found,
        bag_numbers(Shape_i(0)(rows.indices), rows.sizes, kept),
        product(rows.sizes[k] for k in kept),
    )
    if len(kept) != 1:
        units = [length(fgraph, rows.table, k) for k in range(1, rows.table.ndim)]
        shape = [rows.sizes[k] for k in kept] + units
        new = T.reshape(new, shape, ndim=len(shape))
    have = kept + list(range(rows.num_axes, operand.ndim))
    wanted = [axis for d, axis in enumerate(order) if d not in node.op.axis]
    if have != wanted:
        new = new.dimshuffle(*[have.index(axis) for axis in wanted])
    return T.patternbroadcast(new, result.broadcastable)


def _scattered(fgraph, node, bags):
    """Returns the bags of lookups that are added to zeros, or None."""
    (result,) = node.outputs
    if _is_within(node):
        return None
    scatter = scatter_into_zeros(result)
    if scatter is None:
        return None
    terms, num_bags = [], length(fgraph, scatter.base)
    for values, of in scatter.pieces:
        # a gradient by distinct rows is for the row updates
        if values.type != result.type or unique_rows_of(unsliced(of), 1) is not None:
            return None
        found = weighted(values, rows_of_table)
        if found is None or _is_of_table(num_bags, found.rows.table):
            return None
        if found.rows.num_axes > 1 or not are_row_factors(found):
            return None
        if found.order != list(range(values.ndim)) or not all(
            same_number(length(fgraph, values, d), length(fgraph, scatter.base, d))
            for d in range(1, values.ndim)
        ):
            return None
        terms.append(bag_sum(fgraph, found, of, num_bags))
        bags.add(of)
    return sum(terms[1:], terms[0])


def _is_of_table(number, table):
    """Tells whether a number of bags is that of rows of a table: of its gradient."""
    node = number.owner
    if node is None or not isinstance(node.op, Shape_i):
        return False
    (of,) = node.inputs
    return of is table or isinstance(of, SharedVariable) and of.dtype == table.dtype


def _is_within(node):
    """Tells whether increments are inside of others: then those are looked at."""
    return any(
        client != "output"
        and position == 0
        and isinstance(client.op, AdvancedIncSubtensor1)
        and not client.op.set_instead_of_inc
        for client, position in node.outputs[0].clients
    )


optdb.register("lasagne_sparse_bags", SumBags(), 48.1, "fast_run", "lasagne_sparse")
