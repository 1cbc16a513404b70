"""The sums of those rows of a matrix that belong together, on a GPU."""

import numpy as np
import theano.tensor as T
from theano import scalar
from theano.gof import Apply
from theano.gpuarray.basic_ops import as_gpuarray_variable, infer_context_name
from theano.gpuarray.type import GpuArrayType

from ..programs.row_program import Operand, RowProgram, Slot, Step, Store
from ..indexing.segment_sum import SegmentSum
from .rows import RowKernelBase

__all__ = ["GpuSegmentSum"]


class GpuSegmentSum(RowKernelBase, SegmentSum):
    """
    lasagne_sparse.ops.gpu.GpuSegmentSum()

    Sums groups of rows on a GPU: see :class:`SegmentSum`.

    ``order`` and ``offsets`` are vectors on the host, the values arrays on the
    device. A thread adds up the values of a segment in their order, without atomic
    operations, so the result has the same bits each time.

    Raises
    ------
    TypeError, ValueError, IndexError
        As :class:`SegmentSum` does.
    RuntimeError
        If the device reports an error (at run time).
    """

    def make_node(self, order, offsets, *values):
        context = infer_context_name(*values)
        values = [as_gpuarray_variable(v, context) for v in values]
        on_host = [T.TensorType(v.dtype, v.broadcastable)() for v in values]
        expected = super().make_node(order, offsets, *on_host)
        kind = expected.outputs[0].type
        sums = GpuArrayType(kind.dtype, kind.broadcastable, context_name=context)()
        return Apply(self, expected.inputs[:2] + values, [sums])

    def perform(self, node, inputs, output_storage, context):
        result = [None]
        super().perform(node, [np.asarray(v) for v in inputs], [result])
        sums = node.outputs[0].type.filter(result[0], allow_downcast=True)
        output_storage[0][0] = sums

    def row_program(self, node):
        values = node.inputs[2:]
        scope = "unit" if values[0].ndim > 1 else "row"
        x = scalar.get_scalar_type(values[0].dtype)()
        composite = scalar.Composite([x], [scalar.identity(x)])
        step = Step(
            scope,
            composite,
            (Slot("operand", 0),),
            (Store(0, Slot("table", 0), None),),
        )
        operand = Operand("summed", scope, len(values))
        return RowProgram((scope,), (operand,), (step,), (), ())

    def row_arrays(self, node):
        return [node.outputs[0]] + node.inputs[2:]

    # SegmentSum's own C is for the host.
    c_support_code = RowKernelBase.c_support_code

    def c_compile_args(self):
        return []

    def c_code(self, node, name, inputs, outputs, sub):
        (sums,) = outputs
        first, ndim = inputs[2], node.outputs[0].ndim
        make = """
        size_t shape_%(name)s[%(ndim)d] = {(size_t)groups.num_rows};
        for (int i = 1; i < %(ndim)d; i++)
            shape_%(name)s[i] = PyGpuArray_DIM(%(first)s, i);
        npy_int64 rows_together = 0;
        PyGpuArrayObject *together[] = {%(values)s};
        for (int i = 0; i < %(num_values)d; i++)
            rows_together += PyGpuArray_DIM(together[i], 0);
        const bool for_all = %(num_values)d == 1 && rows_together == 1;
        if (rows_together != groups.num_lookups && !for_all) {
            PyErr_Format(PyExc_ValueError,
                         "values must have %%lld rows together, one for each lookup; "
                         "got %%lld", (long long)groups.num_lookups,
                         (long long)rows_together);
            break;
        }
        Py_XDECREF(%(sums)s);
        %(sums)s = pygpu_empty(%(ndim)d, shape_%(name)s, %(typecode)d, GA_C_ORDER,
                               %(context)s, Py_None);
        if (%(sums)s == NULL) break;
        arrays[0] = %(sums)s;
        """ % dict(
            name=name,
            ndim=ndim,
            first=first,
            values=", ".join(inputs[2:]),
            num_values=len(inputs) - 2,
            sums=sums,
            typecode=node.outputs[0].type.typecode,
            context=sub["params"],
        )
        return self.launch(
            node,
            name,
            sub,
            vectors=["NULL", inputs[0], inputs[1]],
            names=[sums] + list(inputs[2:]),
            tables=[sums],
            before=make,
        )
