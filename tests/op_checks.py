"""Checks that every Op must pass"""

import numpy as np
import theano

__all__ = ["check_inferred_shape"]


def check_inferred_shape(inputs, outputs, values, op_class):
    """Asserts that shapes are right, and known without running the Op"""
    shapes = theano.function(inputs, [output.shape for output in outputs])
    nodes = shapes.maker.fgraph.apply_nodes
    assert not any(isinstance(node.op, op_class) for node in nodes)
    results = theano.function(inputs, outputs)(*values)
    for shape, result in zip(shapes(*values), results):
        np.testing.assert_array_equal(shape, result.shape)
