"""The sum of all elements of a tensor, such as a loss."""

import numpy as np
import theano.tensor as T
from theano.gof import Apply

from .c_support import CodeOp, c_files

__all__ = ["Total"]


class Total(CodeOp):
    """
    lasagne_sparse.ops.Total()

    Sums all elements of a tensor of float32 or float64, in float64.

    The Op computes ``values.sum(dtype='float64').astype(values.dtype)``: Theano's
    ``Sum`` over all axes, whose additions wait for one another. In a training step on
    some rows of a table the loss is such a sum over all that was looked up. Here many
    partial sums are made side by side; which element goes to which depends on its
    position alone, so the result has the same bits each time.

    Raises
    ------
    TypeError
        If the values are of another dtype (when the graph is built).
    """

    def make_node(self, values):
        values = T.as_tensor_variable(values)
        if values.dtype not in ("float32", "float64"):
            raise TypeError(
                "Total expects values of float32 or float64, got %s" % values.type
            )
        return Apply(self, [values], [T.scalar(dtype=values.dtype)])

    def infer_shape(self, node, input_shapes):
        return [()]

    def perform(self, node, inputs, output_storage):
        (values,) = inputs
        total = values.sum(dtype="float64")
        output_storage[0][0] = np.asarray(total, dtype=values.dtype)

    def grad(self, inputs, output_gradients):
        (values,), (gradient,) = inputs, output_gradients
        return [T.zeros_like(values) + gradient]

    def R_op(self, inputs, eval_points):
        (direction,) = eval_points
        return [None if direction is None else self(direction)]

    def c_support_code(self):
        return c_files("c_code/arrays.h", "total.h")

    def c_code(self, node, name, inputs, outputs, sub):
        _, value_t, type_num = node.outputs[0].type.dtype_specs()
        return """
        {
            double total;
            if (lasagne_sparse_total<%(value_t)s>(%(values)s, &total) ||
                lasagne_sparse_ensure(&%(result)s, 0, NULL, %(type_num)s)) {
                %(fail)s
            }
            *(%(value_t)s *)PyArray_DATA(%(result)s) = total;
        }
        """ % dict(
            value_t=value_t,
            type_num=type_num,
            values=inputs[0],
            result=outputs[0],
            fail=sub["fail"],
        )
