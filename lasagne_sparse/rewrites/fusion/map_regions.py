"""Finds lookups of tables in a graph, and what of it one pass can compute with them."""

from collections import OrderedDict

from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise, Sum

from ...ops import Gather
from .dependence import Dependence
from .map_programs import is_total
from .row_programs import (
    DTYPES,
    is_loop,
    is_on_gpu,
    keeps_rows,
    scope_of,
    stretches,
    sums_units,
)
from .row_shapes import RowShapes

__all__ = ["does_work", "map_regions"]


def does_work(node):
    """Tells whether a node computes, rather than looks at memory

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    bool
    """
    return isinstance(node.op, (Elemwise, CAReduce))


def map_regions(fgraph, nodes):
    """Finds the nodes that maps over lookups can take the place of

    Each node of the graph is looked at twice, however many maps there are.

    Parameters
    ----------
    fgraph : FunctionGraph
    nodes : list of Apply nodes
        All nodes of the graph, each after those that it needs.

    Returns
    -------
    list of _Region
        Gathers and what is computed of them, where that is anything. None of them waits
        for a node that is not in it but needs something in it, also when the others
        have become one node each.
    shapes : RowShapes
        What is known of the graph.
    """
    shapes = RowShapes(fgraph, nodes)
    regions = _Regions(shapes)
    groups = _connected_gathers(nodes, shapes)
    for node in nodes:
        regions.add(node, groups.get(node))
    found = [r for r in regions.regions if any(does_work(node) for node in r.nodes)]
    return found, shapes


class _Region:
    """Nodes that one map can take the place of

    Attributes
    ----------
    nodes : dict with Apply nodes as keys
    shape : tuple or None
        The shape of the rows, as `RowShapes` tells it; None if they have one element.
    """

    def __init__(self, bit, shape):
        self.bit, self.shape, self.nodes = bit, shape, OrderedDict()


class _Regions:
    """Grows regions, while the nodes of a graph come in their order."""

    def __init__(self, shapes):
        self.shapes = shapes
        self.dependence = Dependence()
        self.regions, self._of_group = [], {}
        self._region_of, self._above = {}, {}

    def add(self, node, group):
        """Puts a node into a region, or into none."""
        above, met = 0, []
        for variable in node.inputs:
            maker = variable.owner
            if maker is None:
                continue
            above |= self._above[maker]
            region = self._region_of.get(maker)
            if region is not None:
                above_too = region.bit if is_total(maker) else 0
                above |= above_too
                if not above_too and region not in met:
                    met.append(region)
        joined = None
        for region in [self._of(group)] if group is not None else met:
            others = above
            for other in met:
                others |= other.bit if other is not region else 0
            if self._takes(region, node) and self.dependence.add(region.bit, others):
                joined = region
                break
        if joined is not None:
            self._region_of[node] = joined
            joined.nodes[node] = True
        for region in met:
            above |= region.bit if region is not joined else 0
        self._above[node] = above

    def _of(self, group):
        """Returns the region of connected gathers."""
        if group not in self._of_group:
            region = _Region(self.dependence.new_group(), group.shape)
            self._of_group[group] = region
            self.regions.append(region)
        return self._of_group[group]

    def _takes(self, region, node):
        """Tells whether the pass of a region can compute what a node does."""
        if _is_source(node):
            return True
        if not _is_computed(node):
            return False
        wanted = node.inputs[0] if isinstance(node.op, CAReduce) else node.outputs[0]
        if scope_of(wanted) == "row":
            return True
        shape = self.shapes.of(wanted)
        if region.shape is None:
            region.shape = shape
        return shape == region.shape


class _Group:
    """Gathers that meet in what is computed of them, with rows of one shape."""

    def __init__(self, shape):
        self.shape, self.joined, self.works = shape, None, False

    def last(self):
        """Returns the group that this one has become a part of."""
        group = self
        while group.joined is not None:
            if group.joined.joined is not None:  # the way is shorter next time
                group.joined = group.joined.joined
            group = group.joined
        return group

    def fits(self, shape):
        """Tells whether rows of a shape, or of one element, belong here."""
        return None in (self.shape, shape) or self.shape == shape


def _connected_gathers(nodes, shapes):
    """Returns {gather: its group}, for gathers of which something is computed."""
    sources, group_of = OrderedDict(), {}
    for node in nodes:
        if _is_source(node):
            sources[node] = group_of[node] = _Group(_shape_of(node.outputs[0], shapes))
            continue
        makers = [v.owner for v in node.inputs if v.owner in group_of]
        if not makers or not _is_computed(node):
            continue
        shape = _shape_of(node.outputs[0], shapes)
        found = dict.fromkeys(group_of[maker].last() for maker in makers)
        found = [group for group in found if group.fits(shape)]
        if not found:
            continue
        first = next((g for g in found if g.shape is not None), found[0])
        first.shape = first.shape or shape
        for other in found:
            if other is not first and first.fits(other.shape):
                first.works |= other.works
                other.joined = first
        first.works |= does_work(node)
        group_of[node] = first
    groups = {node: group.last() for node, group in sources.items()}
    return {node: group for node, group in groups.items() if group.works}


def _shape_of(variable, shapes):
    return shapes.of(variable) if scope_of(variable) == "unit" else None


def _has_rows(variable):
    """Tells whether a variable has a row for each lookup, rather than one for all."""
    return variable.ndim > 0 and not variable.broadcastable[0]


def _is_source(node):
    """Tells whether a node looks rows up that a map can read."""
    return (
        isinstance(node.op, Gather)
        and node.inputs[0].dtype in DTYPES
        and _has_rows(node.outputs[0])
        and not is_on_gpu(node.inputs[0])
    )


def _is_computed(node):
    """Tells whether a node can be part of a map, if its inputs are."""
    (first, *_), result = node.inputs or [None], node.outputs[0]
    if first is None or len(node.outputs) > 1:
        return False
    if isinstance(node.op, Elemwise):
        return (
            _has_rows(result)
            # one of them tells how long the rows are
            and any(
                _has_rows(v) and scope_of(v) == scope_of(result) for v in node.inputs
            )
            and is_loop(node, DTYPES)
            and not any(stretches(v) for v in node.inputs)
        )
    if isinstance(node.op, DimShuffle):
        return scope_of(result) == "row" and keeps_rows(node)
    if isinstance(node.op, Sum):
        by_row = sums_units(node) and scope_of(first) == "unit"
        return is_total(node) or by_row
    return False
