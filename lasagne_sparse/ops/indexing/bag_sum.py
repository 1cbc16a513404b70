"""Sums of weighted rows of a table, by the bag that each lookup belongs to."""

import numpy as np
import theano.tensor as T
from theano.gof import Apply
from theano.gof.utils import MethodNotDefined
from theano.gradient import DisconnectedType

from .bounds import IndexingOp, as_index_vector, as_indices, check_bounds, wrap_negative
from ..c_support import c_files, openmp_flags

__all__ = ["BagSum"]


class BagSum(IndexingOp):
    """
    lasagne_sparse.ops.BagSum(table=None)

    Looks rows of a table up, and sums those of each bag.

    The Op computes, for a ``table`` of shape ``(num_rows, ...)``, ``indices`` and
    ``bags`` of shape ``(num_lookups,)``, a scalar ``num_bags`` and, if they are given,
    ``weights`` of shape ``(num_lookups,)``::

        sums = np.zeros((num_bags,) + table.shape[1:], table.dtype)
        for i in range(num_lookups):
            sums[bags[i]] += weights[i] * table[indices[i]]

    No array with a row for each lookup is made. The additions to a bag are in the order
    of its lookups whatever the number of threads, so the result has the same bits each
    time. Bags that ascend are the fastest. Only a rewrite puts it into a graph.

    Parameters
    ----------
    table : str, optional
        The name of the table, for the message of the error only.

    Raises
    ------
    TypeError
        If ``indices`` or ``bags`` are no vectors of integers, ``num_bags`` is no
        integer scalar, the table is a scalar, or the weights are no vector of its dtype
        (when the graph is built).
    IndexError
        If an index is not in ``[-num_rows, num_rows)``, or a bag not in
        ``[-num_bags, num_bags)`` (at run time).
    ValueError
        If there are not as many bags, or weights, as indices (at run time).
    """

    def make_node(self, table, indices, bags, num_bags, *weights):
        table, indices = T.as_tensor_variable(table), as_index_vector(indices)
        bags, num_bags = as_indices(bags, num_bags)
        weights = [T.as_tensor_variable(v) for v in weights]
        if table.ndim == 0:
            raise TypeError("a table has at least one dimension, got a scalar")
        if len(weights) > 1 or any(
            v.ndim != 1 or v.dtype != table.dtype for v in weights
        ):
            raise TypeError(
                "expected a vector of weights of dtype %s, or none; got %s"
                % (table.dtype, [v.type for v in weights])
            )
        sums = T.TensorType(table.dtype, (False,) + table.broadcastable[1:])()
        inputs = [table, indices, T.cast(bags, "int64"), num_bags]
        return Apply(self, inputs + weights, [sums])

    def infer_shape(self, node, input_shapes):
        return [(node.inputs[3],) + tuple(input_shapes[0][1:])]

    def perform(self, node, inputs, output_storage, name):
        table, indices, bags, num_bags = inputs[:4]
        num_bags = max(int(num_bags), 0)
        for vector in inputs[2:3] + inputs[4:]:
            if len(vector) != len(indices):
                raise ValueError(
                    "expected a bag, and a weight if there are any, for each of %d "
                    "indices; got %d" % (len(indices), len(vector))
                )
        check_bounds(indices, len(table), name)
        check_bounds(bags, num_bags, "bags")
        values = table[wrap_negative(indices, len(table))]
        for weights in inputs[4:]:
            values = values * weights.reshape((-1,) + (1,) * (table.ndim - 1))
        sums = np.zeros((num_bags,) + table.shape[1:], table.dtype)
        np.add.at(sums, wrap_negative(bags, num_bags), values)
        output_storage[0][0] = sums

    def grad(self, inputs, output_gradients):
        table, indices, bags = inputs[:3]
        spread = output_gradients[0][bags]
        by_weights = [
            (spread * table[indices]).sum(axis=tuple(range(1, table.ndim)))
            for _ in inputs[4:]
        ]
        for weights in inputs[4:]:
            spread *= weights.dimshuffle(0, *["x"] * (table.ndim - 1))
        by_table = T.inc_subtensor(table.zeros_like()[indices], spread)
        return [by_table] + [DisconnectedType()() for _ in inputs[1:4]] + by_weights

    def R_op(self, inputs, eval_points):
        table, rest, directions = inputs[0], inputs[1:4], eval_points[:1]
        terms = [] if directions[0] is None else [(directions[0], inputs[4:])]
        terms += [(table, [v]) for v in eval_points[4:] if v is not None]
        terms = [self(of, *rest, *weights) for of, weights in terms]
        return [sum(terms[1:], terms[0]) if terms else None]

    def connection_pattern(self, node):
        return [[True], [False], [False], [False]] + [[True] for _ in node.inputs[4:]]

    def c_compile_args(self):
        return openmp_flags()

    def c_support_code(self):
        return c_files(
            "c_code/threads.h",
            "c_code/bounds.h",
            "c_code/arrays.h",
            "indexing/bag_sum.h",
        )

    def c_code(self, node, name, inputs, outputs, sub):
        if node.outputs[0].dtype not in ("float32", "float64"):
            raise MethodNotDefined("c_code", type(self), "dtype")
        return """
        if (lasagne_sparse_bag_sum<%(index_t)s, %(value_t)s>(
                %(table)s, %(indices)s, %(bags)s,
                *(npy_int64 *)PyArray_DATA(%(num_bags)s), %(weights)s, %(name)s,
                &%(sums)s)) {
            %(fail)s
        }
        """ % dict(
            index_t=node.inputs[1].type.dtype_specs()[1],
            value_t=node.inputs[0].type.dtype_specs()[1],
            table=inputs[0],
            indices=inputs[1],
            bags=inputs[2],
            num_bags=inputs[3],
            weights=inputs[4] if len(inputs) > 4 else "NULL",
            name=sub["params"],
            sums=outputs[0],
            fail=sub["fail"],
        )
