"""What the Ops on a GPU that work row by row have in common."""

import numpy as np
import pygpu
from theano.gof.utils import MethodNotDefined
from theano.gpuarray.basic_ops import GpuKernelBase, Kernel
from theano.gpuarray.type import GpuArrayType, gpu_context_type

from ..c_support import CodeOp, c_files
from .kernel import KERNEL, THREADS, Array, row_kernel

__all__ = ["RowKernelBase"]

_LAUNCH = """
{
    PyGpuArrayObject *arrays[] = {%(arrays)s};
    const row_spec specs[] = {%(specs)s};
    PyGpuArrayObject *sent = NULL, *buffers = NULL;
    row_groups groups;
    std::vector<npy_int64> plan;
    bool failed = true;
    (void)buffers;
    do {
        if (row_groups_init(&groups, %(vectors)s) < 0) break;
        %(before)s
        if (gpu_rows_plan(&groups, %(num_tables)d, specs, %(num_specs)d, arrays,
                          %(row_dims)d, &plan) < 0)
            break;
        size_t grid[2], block[2];
        gpu_rows_shape(groups.num_rows, plan[0], grid, block);
        const bool anything = groups.num_rows > 0 && plan[0] > 0;
        %(buffers)s
        if (anything) {
            sent = gpu_rows_send(plan, %(context)s);
            if (sent == NULL) break;
        }
        %(outputs)s
        if (anything) {
            const int error = %(kernel)s_call(2, grid, block, 0, sent->ga.data,
                sent->ga.offset, groups.num_rows, groups.num_lookups%(arguments)s);
            if (error != GA_NO_ERROR) {
                gpu_rows_error(error, %(context)s->ctx, "the kernel of %(op)s");
                break;
            }
        }
        failed = false;
    } while (0);
    Py_XDECREF(sent);
    Py_XDECREF(buffers);
    row_groups_free(&groups);
    if (failed) {
        %(fail)s
    }
}
"""

_BUFFERS = """
const size_t buffer_size = anything ?
    grid[0] * block[1] * %(count)d * plan[0] * 8 : 1;
buffers = pygpu_empty(1, &buffer_size, GA_BYTE, GA_C_ORDER, %(context)s, Py_None);
if (buffers == NULL) break;
"""


class RowKernelBase(GpuKernelBase, CodeOp):
    """
    lasagne_sparse.ops.gpu.rows.RowKernelBase()

    The base of Ops that run a row program on a GPU.

    A subclass says what its program is and which variables are the tables and
    operands. Indices come as vectors on the host; they are checked there and sent to
    the device together, by one transfer.
    """

    params_type = gpu_context_type
    _f16_ok = True

    def row_program(self, node):
        """Returns the RowProgram of a node"""
        raise MethodNotDefined("row_program", type(self))

    def row_arrays(self, node):
        """Returns the variables of the tables, then those of the operands"""
        raise MethodNotDefined("row_arrays", type(self))

    def get_params(self, node):
        return node.outputs[0].type.context

    def gpu_kernels(self, node, name):
        program = self.row_program(node)
        arrays = [_array(v) for v in self.row_arrays(node)]
        text, dtypes = row_kernel(program, arrays, self._row_dims(node))
        params = [
            pygpu.gpuarray.GpuArray,
            pygpu.gpuarray.SIZE,
            np.dtype("int64"),
            np.dtype("int64"),
        ]
        for array in arrays:
            by_value = np.dtype(array.dtype)
            params.append(by_value if array.by_value else pygpu.gpuarray.GpuArray)
        if program.buffers:
            params.append(pygpu.gpuarray.GpuArray)
        return [
            Kernel(
                code=text,
                name=KERNEL,
                params=params,
                flags=Kernel.get_flags(*sorted(dtypes)),
                codevar="code_" + self._kernel_name(name),
                objvar=self._kernel_name(name),
                fname=self._kernel_name(name) + "_call",
                sname=self._kernel_name(name) + "_scall",
            )
        ]

    def _kernel_name(self, name):
        return "row_kernel_" + name

    def _row_dims(self, node):
        """Returns the rank of a row: of the first array that has units."""
        program, arrays = self.row_program(node), self.row_arrays(node)
        scopes = list(program.tables)
        for operand in program.operands:
            scopes += [operand.scope] * operand.count
        ranks = [v.ndim - 1 for v, scope in zip(arrays, scopes) if scope == "unit"]
        return ranks[0] if ranks else 0

    def c_headers(self):
        headers = super().c_headers()
        return headers + [
            "<numpy_compat.h>",
            "<vector>",
            "<gpuarray/array.h>",
            "<gpuarray/kernel.h>",
            "<gpuarray/error.h>",
            "<gpuarray_api.h>",
        ]

    def c_support_code(self):
        return c_files("rows/row_checks.h", "gpu/rows.h")

    def c_code_cache_version_apply(self, node):
        version = CodeOp.c_code_cache_version_apply(self, node)
        return version and version + self.kernel_version(node)

    def launch(self, node, name, sub, **parts):
        """Writes the C that checks, sends the plan and runs the kernel

        Parameters
        ----------
        node : Apply node
        name : str
        sub : dict
            As of ``c_code``.
        parts : dict of str
            ``vectors``: the C names of rows (or NULL), order and offsets;
            ``names``: those of all arrays; ``tables``: of the outputs, which the
            kernel works on; ``before`` and ``outputs``: C that makes outputs, before
            and after everything is checked.

        Returns
        -------
        str
        """
        program = self.row_program(node)
        arrays = [_array(v) for v in self.row_arrays(node)]
        names = parts["names"]
        specs = ["{ROW_TABLE, %s, 1}" % _bool(s == "unit") for s in program.tables]
        specs += [
            "{ROW_%s, %s, %d}" % (o.kind.upper(), _bool(o.scope == "unit"), o.count)
            for o in program.operands
        ]
        used = parts["tables"] + names[len(program.tables) :]
        arguments = [
            "*(npy_%s *)PyArray_DATA(%s)" % (array.dtype, variable)
            if array.by_value
            else variable + "->ga.data"
            for array, variable in zip(arrays, used)
        ]
        context = sub["params"]
        if program.buffers:
            arguments.append("buffers->ga.data")
        return _LAUNCH % dict(
            op=type(self).__name__,
            arrays=", ".join(
                "NULL" if array.by_value else variable
                for array, variable in zip(arrays, names)
            ),
            specs=", ".join(specs),
            num_specs=len(specs),
            num_tables=len(program.tables),
            row_dims=self._row_dims(node),
            vectors=", ".join(parts["vectors"]),
            before=parts.get("before", ""),
            outputs=parts.get("outputs", ""),
            buffers=_BUFFERS % dict(count=len(program.buffers), context=context)
            if program.buffers
            else "",
            kernel=self._kernel_name(name),
            arguments="".join(", " + argument for argument in arguments),
            context=context,
            fail=sub["fail"],
        )


assert THREADS == 128, "gpu/rows.h says so too"


def _array(variable):
    """Returns what the kernel knows of a variable."""
    return Array(variable.dtype, not isinstance(variable.type, GpuArrayType))


def _bool(value):
    return "true" if value else "false"
