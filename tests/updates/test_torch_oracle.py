"""Do our rules reach PyTorch's numbers? A second oracle beside the NumPy loops.

The constants were made by ``torch_oracle/make_constants.py``, which says how the
rules of both libraries correspond: ``torch.optim.SparseAdam``, ``Adagrad`` and
``SGD`` on the sparse gradient of an embedding, over a fixed sequence of batches with
repeated indices, an empty batch, and a row that is never looked up.
"""

import json
import os

import lasagne_sparse  # first: mends what Theano needs to import
import numpy as np
import pytest
import theano
import theano.tensor as T

__all__ = []

HERE = os.path.dirname(os.path.abspath(__file__))
with open(
    os.path.join(HERE, "torch_oracle", "constants.json"), encoding="utf-8"
) as file:
    CONSTANTS = json.load(file)

CASES = [
    (rule, dtype)
    for rule in ("sgd", "adagrad", "adam")
    for dtype in ("float32", "float64")
]
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
UNTOUCHED_ROW = 5


class Training:
    """One rule's training function on a fresh table, and how to start it again"""

    def __init__(self, rule, dtype):
        with theano.configparser.change_flags(floatX=dtype):
            self.table = theano.shared(np.array(CONSTANTS["table"], dtype), "W")
            indices, targets = T.lvector("indices"), T.matrix("targets")
            loss = T.sum((self.table[indices] - targets) ** 2)
            hyperparameters = CONSTANTS["results"][rule]["hyperparameters"]
            update = getattr(lasagne_sparse.updates, rule)
            updates = update(loss, [self.table], **hyperparameters)
            self.step = theano.function([indices, targets], updates=updates)
        self.variables = list(updates)
        self.first_values = [variable.get_value() for variable in self.variables]
        self.accumulators = [
            variable
            for variable in self.variables
            if variable is not self.table and variable.ndim
        ]

    def run(self, wrap=False):
        """The tables after each step, from the start; `wrap`: odd indices negative"""
        for variable, value in zip(self.variables, self.first_values):
            variable.set_value(value)
        num_rows, num_units = self.first_table.shape
        tables = []
        for batch in CONSTANTS["batches"]:
            indices = np.array(batch["indices"], "int64")
            if wrap:
                indices[1::2] -= num_rows
            targets = np.array(batch["targets"], self.table.dtype)
            self.step(indices, targets.reshape(-1, num_units))
            tables.append(self.table.get_value())
        return np.array(tables)

    @property
    def first_table(self):
        """The table before the first step"""
        return np.array(CONSTANTS["table"], self.table.dtype)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request):
    """A compiled training function, and PyTorch's results for the same rule"""
    rule, dtype = request.param
    return Training(rule, dtype), CONSTANTS["results"][rule][dtype]


def assert_close(actual, desired):
    """Equal to the rounding of the dtype of `actual`, relative to the largest one"""
    tolerance = TOLERANCE[str(actual.dtype)] * np.max(np.abs(desired))
    np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance)


def test_table_after_every_step_is_pytorchs(case):
    training, expected = case
    assert_close(training.run(), np.array(expected["tables"]))


def test_accumulators_after_the_last_step_are_pytorchs(case):
    training, expected = case
    training.run()
    assert len(training.accumulators) == len(expected["accumulators"])
    for accumulator, desired in zip(training.accumulators, expected["accumulators"]):
        assert_close(accumulator.get_value(), np.array(desired))


def test_negative_indices_reach_the_same_bits(case):
    training, _ = case
    np.testing.assert_array_equal(training.run(wrap=True), training.run())


def test_row_that_is_never_looked_up_keeps_its_bits(case):
    training, _ = case
    last = training.run()[-1]
    np.testing.assert_array_equal(
        last[UNTOUCHED_ROW], training.first_table[UNTOUCHED_ROW]
    )


def test_dtype_is_kept(case):
    training, _ = case
    training.run()
    dtypes = {str(variable.dtype) for variable in training.accumulators}
    assert dtypes <= {training.table.dtype}
