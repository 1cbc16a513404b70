"""One pass over the touched rows of a table and its accumulators, on a GPU."""

import numpy as np
import theano.tensor as T
from theano.gof import Apply
from theano.gpuarray.basic_ops import as_gpuarray_variable
from theano.gpuarray.type import GpuArrayType

from ..rows.row_update import RowUpdate
from .rows import RowKernelBase

__all__ = ["GpuRowUpdate"]


class GpuRowUpdate(RowKernelBase, RowUpdate):
    """
    lasagne_sparse.ops.gpu.GpuRowUpdate(program, inplace=())

    Updates the touched rows of tables on a GPU: see :class:`RowUpdate`.

    ``rows``, ``order`` and ``offsets`` are vectors on the host: they are checked
    there, and are all that travels. Tables and operands are arrays on the device;
    but an operand that is one number for all rows may be on the host, and is then
    passed to the kernel by value.

    Parameters
    ----------
    program : RowProgram
        What to compute for a row: see :mod:`lasagne_sparse.ops.programs.row_program`.
    inplace : tuple of int
        The positions of the tables whose storage the results take over.

    Raises
    ------
    TypeError
        As :class:`RowUpdate` does (when the graph is built).
    ValueError, IndexError
        As :class:`RowUpdate` does (at run time, before anything is written).
    RuntimeError
        If the device reports an error (at run time).
    """

    __props__ = ("program", "inplace")

    def __str__(self):
        return "Gpu" + RowUpdate.__str__(self)

    def make_node(self, rows, order, offsets, *arrays):
        num_tables = len(self.program.tables)
        context = arrays[0].type.context_name
        expected = super().make_node(rows, order, offsets, *map(_on_host, arrays))
        kinds = [None] * num_tables
        for operand in self.program.operands:
            kinds += [operand] * operand.count
        arrays = [
            v
            if kind is not None and _may_stay_on_host(kind, v)
            else as_gpuarray_variable(v, context)
            for v, kind in zip(arrays, kinds)
        ]
        outputs = [table.type() for table in arrays[:num_tables]]
        return Apply(self, self.lookups_of(expected) + arrays, outputs)

    def perform(self, node, inputs, output_storage, context):
        num_tables = len(node.outputs)
        on_host = [np.asarray(v) for v in inputs]
        results = [[None] for _ in range(num_tables)]
        plain = RowUpdate(self.program)
        plain.perform(node, on_host, results)
        for i, (result,) in enumerate(results):
            table = inputs[self.table_input(i)]
            if i not in self.inplace:
                table = table.copy()
            table[...] = result
            output_storage[i][0] = table

    def row_program(self, node):
        return self.program

    def row_arrays(self, node):
        return self.arrays_of(node)

    # RowUpdate's own C is for the host.
    c_headers = RowKernelBase.c_headers
    c_support_code = RowKernelBase.c_support_code
    c_support_code_apply = RowKernelBase.c_support_code_apply

    def c_compile_args(self):
        return []

    def c_code(self, node, name, inputs, outputs, sub):
        vectors, tables, operands = self.split(inputs)
        made = [
            "if (gpu_rows_output(&%s, %s, %s) < 0) break; arrays[%d] = %s;"
            % (output, table, "true" if i in self.inplace else "false", i, output)
            for i, (output, table) in enumerate(zip(outputs, tables))
        ]
        # A copy may have another layout than its table: copies are made first.
        return self.launch(
            node,
            name,
            sub,
            vectors=vectors,
            names=tables + operands,
            tables=list(outputs),
            before="\n".join(made),
        )


def _on_host(variable):
    """Returns a variable of the type that an array has on the host."""
    if isinstance(variable.type, GpuArrayType):
        return T.TensorType(variable.dtype, variable.broadcastable)()
    return variable


def _may_stay_on_host(operand, variable):
    """Tells whether an operand is one number on the host, passed by value."""
    return (
        operand.kind == "shared"
        and operand.scope == "row"
        and not isinstance(variable.type, GpuArrayType)
    )
