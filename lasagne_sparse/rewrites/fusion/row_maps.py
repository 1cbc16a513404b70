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

from ...ops import Gather
from ...ops.rows.row_map import RowMap
from .map_programs import MapReader, is_total
from .map_regions import map_regions
from .row_programs import num_units_now

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
        if not any(isinstance(node.op, Gather) for node in fgraph.apply_nodes):
            return
        nodes = fgraph.toposort()
        if any(isinstance(node.op, IfElse) for node in nodes):
            return
        regions, shapes = map_regions(fgraph, nodes)
        for region in regions:
            self._fuse(fgraph, region, shapes)

    def _fuse(self, fgraph, region, shapes):
        """Replaces the nodes of a region by one."""
        results = [
            v
            for node in region.nodes
            for v in node.outputs
            if any(client not in region.nodes for client, _ in v.clients)
        ]
        results.sort(key=lambda v: is_total(v.owner))
        reader = MapReader(region.nodes, results, shapes, region.shape)
        op = RowMap(reader.program(), reader.names, num_units_now(reader.tables))
        new = op(*reader.inputs, return_list=True)
        if any(a.type != b.type for a, b in zip(results, new)):
            return
        copy_stack_trace(results, new)
        fgraph.replace_all_validate(
            list(zip(results, new)), reason="lasagne_sparse_fuse_row_maps"
        )


optdb.register(
    "lasagne_sparse_fuse_row_maps",
    FuseRowMaps(),
    48.42,
    "fast_run",
    "lasagne_sparse",
)
