"""Writes come last: an error in one lookup leaves every table as it was.

An operation in place changes a shared variable while the function still runs. If
another operation fails after that, what was written stays, although the function
raised and updated nothing else. So each such write is put off until everything that
can be computed without it is computed: then a bad index is found before the first
table, accumulator or counter changes.
"""

from collections import OrderedDict, deque

from theano.compile import optdb
from theano.gof.graph import io_toposort
from theano.gof.opt import Optimizer
from theano.gof.toolbox import Feature
from theano.ifelse import IfElse

from ..ops import Gather, SegmentSum, UniqueRows
from ..ops.rows.row_map import RowMap
from ..ops.rows.row_update import RowUpdate

__all__ = ["OrderWrites", "WritesComeLast"]

_OURS = (Gather, RowMap, RowUpdate, SegmentSum, UniqueRows)


class WritesComeLast(Feature):
    """
    lasagne_sparse.rewrites.ordering.WritesComeLast()

    Tells the linker to run writes in place to inputs after what needs none of them.

    Where several writes are waiting, the one that most other nodes depend on goes
    first (a counter or a random state, of which an update is made), and those that
    nothing depends on are last of all: those to tables.

    A node that only one branch of an ``ifelse`` needs is not waited for: it may never
    run.
    """

    def orderings(self, fgraph):
        """Returns for each write the nodes that must run before it"""
        # in an order that is the same in each process
        nodes = io_toposort(fgraph.inputs, fgraph.outputs)
        writes = {node for node in nodes if _writes_input(node)}
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

    Where the graph has one of our Ops. It runs after all rewrites in place; nodes that
    change later are no matter, since the order is made when it is asked for.
    """

    def apply(self, fgraph):
        if any(isinstance(feature, WritesComeLast) for feature in fgraph._features):
            return
        if any(isinstance(node.op, _OURS) for node in fgraph.apply_nodes):
            fgraph.attach_feature(WritesComeLast())


def _changed_inputs(node):
    """Returns the inputs of a node that it writes to."""
    positions = getattr(node.op, "destroy_map", {}).values()
    return [node.inputs[i] for position in positions for i in position]


def _writes_input(node):
    """Tells whether a node writes to an input of the graph, also through views."""
    return any(_is_part_of_input(variable) for variable in _changed_inputs(node))


def _is_part_of_input(variable):
    """Tells whether a variable shares the memory of an input of the graph."""
    waiting = [variable]
    while waiting:
        variable = waiting.pop()
        node = variable.owner
        if node is None:
            if variable in variable.fgraph.inputs:
                return True
            continue
        position = node.outputs.index(variable)
        for name in ("view_map", "destroy_map"):
            sources = getattr(node.op, name, {}).get(position, [])
            waiting.extend(node.inputs[i] for i in sources)
    return False


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
    missing = {node: len(earlier) for node, earlier in before.items()}
    for node, earlier in before.items():
        for maker in earlier:
            after[maker].append(node)
    weight = {node: _count_reachable(node, after) for node in before if node in writes}
    free = [node for node in before if not missing[node]]
    ready = deque(node for node in free if node not in writes)
    waiting = [node for node in free if node in writes]
    order = []
    while ready or waiting:
        if ready:
            node = ready.popleft()
        else:
            node = max(waiting, key=weight.get)
            waiting.remove(node)
        order.append(node)
        for later in after[node]:
            missing[later] -= 1
            if not missing[later]:
                (waiting if later in writes else ready).append(later)
    return order


def _count_reachable(node, after):
    """Counts the nodes that cannot run before a node has run."""
    seen, stack = set(), [node]
    while stack:
        for later in after[stack.pop()]:
            if later not in seen:
                seen.add(later)
                stack.append(later)
    return len(seen)


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
