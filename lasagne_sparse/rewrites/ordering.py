"""Writes come last: an error in one lookup leaves every table as it was.

An operation in place changes a shared variable while the function still runs. If
another operation fails after that, what was written stays, although the function
raised and updated nothing else. So each such write is put off until everything that
can be computed without it is computed: then a bad index is found before the first
table, accumulator or counter changes.
"""

import heapq
from collections import OrderedDict, deque
from itertools import count

from theano.compile import optdb
from theano.gof.graph import io_toposort
from theano.gof.opt import Optimizer
from theano.gof.toolbox import Feature
from theano.ifelse import IfElse
from theano.tensor.subtensor import AdvancedSubtensor, AdvancedSubtensor1

from ..ops import BagSum, Gather, SegmentSum, UniqueRows
from ..ops.rows.row_map import RowMap
from ..ops.rows.row_update import RowUpdate

__all__ = ["OrderWrites", "WritesComeLast"]

# Lookups, which an index out of range stops: ours, and Theano's in a view of a table.
_LOOKUPS = (
    AdvancedSubtensor,
    AdvancedSubtensor1,
    BagSum,
    Gather,
    RowMap,
    RowUpdate,
    SegmentSum,
    UniqueRows,
)


class WritesComeLast(Feature):
    """
    lasagne_sparse.rewrites.ordering.WritesComeLast()

    Tells the linker to run writes in place to inputs after what needs none of them.

    Where several writes are waiting, the one that the longest chain of other nodes
    depends on goes first (a counter or a random state, of which an update is made), and
    those that nothing depends on are last of all: those to tables.

    A node that only one branch of an ``ifelse`` needs is not waited for: it may never
    run.
    """

    def orderings(self, fgraph):
        """Returns for each write the nodes that must run before it"""
        # in an order that is the same in each process
        nodes = io_toposort(fgraph.inputs, fgraph.outputs)
        writes = _writes_to_inputs(fgraph, nodes)
        wanted, since = OrderedDict(), []
        if not writes:
            return wanted
        certain = _certain_nodes(fgraph)
        before = _nodes_before(nodes, _orderings_of_others(self, fgraph))
        for node in _with_late_writes(before, writes):
            if node in writes:
                wanted[node] = list(since)
                if node in certain:  # what comes later waits for what it waits for
                    since = []
            if node in certain:
                since.append(node)
        return wanted


class OrderWrites(Optimizer):
    """
    Attaches :class:`WritesComeLast`, changes no node

    Where the graph looks rows up. It runs after all rewrites in place; nodes that
    change later are no matter, since the order is made when it is asked for.
    """

    def apply(self, fgraph):
        if any(isinstance(feature, WritesComeLast) for feature in fgraph._features):
            return
        if any(isinstance(node.op, _LOOKUPS) for node in fgraph.apply_nodes):
            fgraph.attach_feature(WritesComeLast())


def _writes_to_inputs(fgraph, nodes):
    """Returns the nodes that write to an input of a graph, also through views."""
    writes, parts = set(), set(fgraph.inputs)  # what shares the memory of an input
    for node in nodes:
        changed = getattr(node.op, "destroy_map", {})
        if any(node.inputs[i] in parts for where in changed.values() for i in where):
            writes.add(node)
        for shared in (changed, getattr(node.op, "view_map", {})):
            for position, sources in shared.items():
                if any(node.inputs[i] in parts for i in sources):
                    parts.add(node.outputs[position])
    return writes


def _orderings_of_others(feature, fgraph):
    """Returns what the other features of a graph demand, as the destroy handler."""
    orderings = {}
    for other in fgraph._features:
        if other is not feature and hasattr(other, "orderings"):
            for node, before in other.orderings(fgraph).items():
                orderings.setdefault(node, []).extend(before)
    return orderings


def _nodes_before(nodes, orderings):
    """Returns for each node the nodes that must run right before it."""
    before = OrderedDict()
    for node in nodes:
        makers = [i.owner for i in node.inputs if i.owner is not None]
        before[node] = list(OrderedDict.fromkeys(makers + orderings.get(node, [])))
    return before


def _with_late_writes(before, writes):
    """Sorts nodes so that each comes after those before it, and writes late."""
    after = {node: [] for node in before}
    for node, earlier in before.items():
        for maker in earlier:
            after[maker].append(node)
    chains = _chains(_sorted(before, after, {}), after)
    return _sorted(before, after, {node: chains[node] for node in writes})


def _sorted(before, after, late):
    """Sorts nodes so that each comes after those before it.

    Those that are `late` come when there is no other, those of the longest chain first.
    """
    missing = {node: len(earlier) for node, earlier in before.items()}
    order, ready, waiting, number = [], deque(), [], count()
    free = [node for node in before if not missing[node]]
    while True:
        for node in free:
            if node in late:
                heapq.heappush(waiting, (-late[node], next(number), node))
            else:
                ready.append(node)
        if not ready and not waiting:
            return order
        node = ready.popleft() if ready else heapq.heappop(waiting)[-1]
        order.append(node)
        free = []
        for later in after[node]:
            missing[later] -= 1
            if not missing[later]:
                free.append(later)


def _chains(order, after):
    """Returns for each node how many wait in a row until it has run."""
    chain = {}
    for node in reversed(order):
        chain[node] = 1 + max([chain.get(later, 0) for later in after[node]], default=0)
    return chain


def _certain_nodes(fgraph):
    """Returns the nodes that run in every call: of an ifelse, not the branches."""
    certain, stack = set(), [v.owner for v in fgraph.outputs if v.owner is not None]
    while stack:
        node = stack.pop()
        if node in certain:
            continue
        certain.add(node)
        inputs = node.inputs[:1] if isinstance(node.op, IfElse) else node.inputs
        stack.extend(i.owner for i in inputs if i.owner is not None)
    return certain


optdb.register(
    "lasagne_sparse_order_writes",
    OrderWrites(),
    99.5,
    "fast_run",
    "fast_compile",
    "lasagne_sparse",
)
