"""Does the bag layer reach PyTorch's numbers? A second oracle beside the NumPy loops.

The constants were made by ``torch_oracle/make_constants.py``.
"""

import json
import os

import lasagne_sparse  # noqa: F401  # first: mends what Theano needs to import
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import InputLayer, get_output
from lasagne_sparse.layers import EmbeddingBagLayer
from toy import function

__all__ = []

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "torch_oracle", "constants.json")
with open(PATH, encoding="utf-8") as file:
    CONSTANTS = json.load(file)
TABLE = np.array(CONSTANTS["table"], theano.config.floatX)
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}[theano.config.floatX]


def name_of(case):
    parts = [case["mode"], "matrix" if case["offsets"] is None else "ragged"]
    parts += ["weighted"] * (case["weights"] is not None)
    parts += ["padded"] * (case["padding_idx"] is not None)
    return "-".join(parts)


@pytest.mark.parametrize("case", CONSTANTS["cases"], ids=name_of)
def test_outputs_and_gradients_are_pytorchs(case):
    indices = np.array(case["indices"], "int32")
    symbol = T.TensorType("int32", (False,) * indices.ndim)()
    W = theano.shared(TABLE, "W")
    options = {}
    if case["offsets"] is not None:
        options["offsets"] = np.array(case["offsets"])
    if case["weights"] is not None:
        weights = theano.shared(np.array(case["weights"], TABLE.dtype), "weights")
        options["weights"] = weights
    layer = EmbeddingBagLayer(
        InputLayer((None,) * indices.ndim, symbol),
        *TABLE.shape,
        W=W,
        combiner=case["mode"],
        padding_idx=case["padding_idx"],
        **options,
    )
    output = get_output(layer)
    loss = T.sum(output * np.array(case["factors"], TABLE.dtype))
    gradients = [theano.grad(loss, layer.subset), layer.rows]
    expected = ["output"]
    results = [output]
    if case["weights"] is not None:
        results.append(theano.grad(loss, weights))
        expected.append("gradient_of_weights")
    found = function([symbol], results + gradients)(indices)
    rows, gradient = found.pop(), np.zeros_like(TABLE)
    gradient[rows] = found.pop()
    for value, key in zip(found + [gradient], expected + ["gradient"]):
        np.testing.assert_allclose(value, case[key], TOLERANCE, TOLERANCE)
    if case["padding_idx"] is not None:
        assert case["padding_idx"] not in rows
