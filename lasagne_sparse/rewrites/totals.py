"""The rewrite of sums over all of a tensor, such as the loss of a step."""

from theano.compile import optdb
from theano.gof.opt import copy_stack_trace, in2out, local_optimizer
from theano.tensor.elemwise import Sum

from ..ops.total import Total
from .early_exit import OnlyWith

__all__ = ["local_total"]


@local_optimizer([Sum])
def local_total(node):
    """
    Sum(values) over all axes -> Total(values)

    Holds for float32 and float64, which both add up in float64.
    """
    if not isinstance(node.op, Sum):
        return False
    (values,), (result,) = node.inputs, node.outputs
    if values.ndim == 0 or result.ndim > 0 or values.dtype != result.dtype:
        return False
    if values.dtype not in ("float32", "float64") or node.op.acc_dtype != "float64":
        return False
    total = Total()(values)
    copy_stack_trace(result, total)
    return [total]


# After all rewrites that look for a Sum, and after a GPU has taken its own.
optdb.register(
    "lasagne_sparse_totals",
    OnlyWith((Sum,), in2out(local_total, name="lasagne_sparse_totals")),
    49.3,
    "fast_run",
    "lasagne_sparse",
)
