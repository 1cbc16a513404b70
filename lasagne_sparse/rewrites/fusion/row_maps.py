"""Puts one RowMap in the place of lookups and what is computed of them.

A lookup alone is a :class:`~lasagne_sparse.ops.Gather`. Most losses go on with
elementwise work and sums over the units of a row (the dot product of a user and an
item, the distance of two embeddings): done array by array, each of them is written to
memory and read again.
"""

from theano.compile import optdb
from theano.gof.opt import Optimizer, copy_stack_trace
from theano.gof.toolbox import ReplaceValidate
from theano.ifelse import IfElse
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise, Sum

from ...ops import Gather
from ...ops.rows.row_map import RowMap
from .map_programs import MapReader, is_total
from .row_programs import (
    DTYPES,
    is_loop,
    is_on_gpu,
    keeps_rows,
    num_units_now,
    scope_of,
    stretches,
    sums_units,
)

__all__ = ["FuseRowMaps"]


class FuseRowMaps(Optimizer):
    """
    sum(table[i] * other[j], axis=1), ... -> RowMap(i, j, table, other, ...)

    Gathers of tables and what is computed of their rows, elementwise, by a sum over the
    units of a row or by the sum of everything, become one node. Its outputs are what
    anything else needs of it.

    It does not fuse float16 or complex numbers, what is on a GPU, and what would have
    to wait for its own result; and nothing where there is an ``ifelse``, of which only
    one branch is to be computed.
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        nodes = fgraph.toposort()
        if any(isinstance(node.op, IfElse) for node in nodes):
            return
        for gathers in _connected_gathers(nodes):
            region = _region(fgraph.toposort(), gathers)
            if any(_does_work(node) for node in region):
                self._fuse(fgraph, region)

    def _fuse(self, fgraph, region):
        """Replaces the nodes of a region by one."""
        results = [
            v
            for node in region
            for v in node.outputs
            if any(client not in region for client, _ in v.clients)
        ]
        results.sort(key=lambda v: is_total(v.owner))
        reader = MapReader(region, results)
        op = RowMap(reader.program(), reader.names, num_units_now(reader.tables))
        new = op(*reader.inputs, return_list=True)
        if any(a.type != b.type for a, b in zip(results, new)):
            return
        copy_stack_trace(results, new)
        fgraph.replace_all_validate(
            list(zip(results, new)), reason="lasagne_sparse_fuse_row_maps"
        )


def _connected_gathers(nodes):
    """Returns sets of gathers that meet in what is computed of them."""
    groups, group_of = {}, {}  # of nodes: a gather that it is computed from
    used = set()
    for node in nodes:
        if _is_source(node):
            group_of[node] = node
            groups[node] = {node}
        elif _is_computed(node):
            found = {group_of[v.owner] for v in node.inputs if v.owner in group_of}
            for other in found:
                first = group_of.setdefault(node, other)
                if other is not first:
                    groups[first] |= groups.pop(other)
                    for member, group in group_of.items():
                        if group is other:
                            group_of[member] = first
            if found and _does_work(node):
                used.add(node)
    used = {group_of[node] for node in used}
    return [gathers for first, gathers in groups.items() if first in used]


def _region(nodes, gathers):
    """Returns gathers and what can be computed together with them, as an ordered dict

    Nothing in it waits for a node that is not in it but needs something in it.
    """
    region, rows, later = {}, set(), set()
    for node in nodes:
        waits = any(v in later for v in node.inputs)
        joins = node in gathers or (
            _is_computed(node) and any(v in rows for v in node.inputs)
        )
        if joins and not waits:
            region[node] = True
            (later if is_total(node) else rows).update(node.outputs)
        elif waits or any(v in rows for v in node.inputs):
            later.update(node.outputs)
    return region


def _does_work(node):
    """Tells whether a node computes, rather than looks at memory."""
    return isinstance(node.op, (Elemwise, CAReduce))


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
        return keeps_rows(node)
    if isinstance(node.op, Sum):
        by_row = sums_units(node) and scope_of(first) == "unit"
        return is_total(node) or by_row
    return False


optdb.register(
    "lasagne_sparse_fuse_row_maps",
    FuseRowMaps(),
    48.42,
    "fast_run",
    "lasagne_sparse",
)
