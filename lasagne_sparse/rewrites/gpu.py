"""Rewrites that take our Ops to the GPU, where their tables are.

The rewrites for the CPU have run before: Theano moves to the GPU what they leave. They
are registered as Theano's own are, and run with those.
"""

from theano.compile import optdb
from theano.compile.ops import Shape_i
from theano.gof.graph import ancestors
from theano.gof.opt import Optimizer
from theano.gpuarray.basic_ops import HostFromGpu, as_gpuarray_variable
from theano.gpuarray.opt import op_lifter, register_opt, register_opt2
from theano.gpuarray.subtensor import GpuAdvancedSubtensor1
from theano.tensor import TensorType, integer_dtypes

from ..ops import Gather, SegmentSum, UniqueRows
from ..ops.gpu import GpuRowUpdate, GpuSegmentSum
from ..ops.indexing.row_numbers import RowNumbers
from ..ops.rows.row_update import RowUpdate

__all__ = [
    "KeepOnHost",
    "local_gpu_gather",
    "local_gpu_row_update",
    "local_gpu_segment_sum",
]


@register_opt("fast_compile", "lasagne_sparse")
@op_lifter([SegmentSum])
@register_opt2([SegmentSum], "fast_compile", "lasagne_sparse")
def local_gpu_segment_sum(op, context_name, inputs, outputs):
    """
    SegmentSum(order, offsets, GPU values) -> GpuSegmentSum(order, offsets, values)

    Order and offsets stay on the host.
    """
    values = [as_gpuarray_variable(v, context_name) for v in inputs[2:]]
    return [GpuSegmentSum()(*(inputs[:2] + values))]


@register_opt("fast_compile", "lasagne_sparse")
@op_lifter([RowUpdate])
@register_opt2([RowUpdate], "fast_compile", "lasagne_sparse")
def local_gpu_row_update(op, context_name, inputs, outputs):
    """
    RowUpdate(rows, order, offsets, GPU tables, operands)
        -> GpuRowUpdate(rows, order, offsets, tables, operands)

    Holds where a table is on a GPU; one that the user keeps on the host is updated
    there. The rows stay on the host; so do operands that are one number there.
    """
    lookups, tables, operands = op.split(inputs)
    if all(_on_gpu(v) is None for v in tables):
        return False
    tables = [as_gpuarray_variable(v, context_name) for v in tables]
    operands = [v if _on_gpu(v) is None else _on_gpu(v) for v in operands]
    new = GpuRowUpdate(op.program, op.inplace)
    return new(*(lookups + tables + operands), return_list=True)


@register_opt("fast_compile", "lasagne_sparse")
@op_lifter([Gather])
@register_opt2([Gather], "fast_compile", "lasagne_sparse")
def local_gpu_gather(op, context_name, inputs, outputs):
    """
    Gather(GPU table, indices) -> GpuAdvancedSubtensor1(table, RowNumbers(indices))

    `RowNumbers` raises the error about a bad index, on the host.
    """
    table, indices = inputs
    if _on_gpu(table) is None:
        return False
    table = as_gpuarray_variable(table, context_name)
    rows = RowNumbers(op.table)(indices, Shape_i(0)(table))
    return [GpuAdvancedSubtensor1()(table, rows)]


def _on_gpu(variable):
    """Returns a variable as it is on a GPU, or None if it is on the host."""
    if not isinstance(variable.type, TensorType):
        return variable
    if variable.owner is not None and isinstance(variable.owner.op, HostFromGpu):
        return variable.owner.inputs[0]
    return None


class KeepOnHost(Optimizer):
    """
    Keeps inputs on the host that have no business on the GPU, changes no node

    Theano moves every input there that is not told to stay: integers of which lookups
    are made, which would come back for the distinct rows to be found; and tables that
    the user keeps on the host (``target='cpu'``), in each step and as a whole.
    """

    def apply(self, fgraph):
        indices, tables = [], []
        for node in fgraph.apply_nodes:
            if isinstance(node.op, UniqueRows):
                indices.append(node.inputs[0])
            elif isinstance(node.op, Gather):
                tables.append(node.inputs[0])
                indices.append(node.inputs[1])
            elif isinstance(node.op, RowUpdate):
                tables.extend(node.op.tables_of(node))
        indices, tables = set(ancestors(indices)), set(ancestors(tables))
        for variable in fgraph.inputs:
            if isinstance(variable.type, TensorType) and (
                variable in tables
                or (variable in indices and variable.dtype in integer_dtypes)
            ):
                variable.tag.target = "cpu"


optdb.register(
    "lasagne_sparse_keep_on_host",
    KeepOnHost(),
    48.45,
    "fast_run",
    "fast_compile",
    "gpuarray",
    "lasagne_sparse",
)
