"""Which numbers does PyTorch reach? Writes the constants of test_torch_oracle.py.

Runs PyTorch's own sparse optimizers over a short, fixed sequence of batches and
writes the table after every step, and the accumulators after the last one, to
``constants.json`` beside this file. The batches and the first table stand in that
file too, so that the test needs neither PyTorch nor this script.

Made with Python 3.11 and torch 2.13.0 for CPU, in an environment of their own::

    python3.11 -m venv torch-env
    torch-env/bin/pip install torch==2.13.0
    torch-env/bin/python tests/torch_oracle/make_constants.py

The loss is ``((table[indices] - targets) ** 2).sum()``, whose gradient depends on
the table: a wrong step shows in all the later ones.

How the rules of both libraries correspond:

* `sgd`: ``torch.optim.SGD`` without momentum is the same rule.
* `adam`: ``torch.optim.SparseAdam`` folds both bias corrections into the step size,
  ``learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t)``, and adds epsilon outside
  the root, as Lasagne does: the same rule. (``torch.optim.Adam`` is another one:
  it corrects the second moment before it adds epsilon.)
* `adagrad`: PyTorch divides by ``sqrt(sum) + eps``, Lasagne by
  ``sqrt(sum + epsilon)``. With ``eps=0`` and ``initial_accumulator_value=epsilon``
  the first becomes the second, and PyTorch's accumulator is Lasagne's + epsilon.
"""

import json
import os

import torch

__all__ = ["make_batches", "make_table", "run", "main"]

NUM_ROWS, NUM_UNITS = 7, 3

# Row 5 is never looked up; row 0 leaves for two steps and comes back, so that a
# history that decays while it is away would show. One batch has no repeats, one has
# a single index, one is empty (it counts as a step all the same).
INDICES = [
    [0, 3, 3, 1, 0, 0],
    [2, 1, 6, 2],
    [6, 6, 6, 6, 6],
    [],
    [4, 0, 2, 3],
    [1],
    [0, 6, 4, 4, 0, 3, 1, 1],
]

RULES = {
    "sgd": {"learning_rate": 0.05},
    "adagrad": {"learning_rate": 0.3, "epsilon": 0.01},
    "adam": {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.001},
}


def make_table():
    """The first table, shape ``(NUM_ROWS, NUM_UNITS)``: multiples of 1/16

    Returns
    -------
    list of list of float
        Exact in float32, so that both dtypes start from the same numbers.
    """
    return [
        [((5 * i + 3 * j) % 16 - 8) / 16 for j in range(NUM_UNITS)]
        for i in range(NUM_ROWS)
    ]


def make_batches():
    """The batches: indices, and targets that are multiples of 1/32

    Returns
    -------
    list of dict
        ``indices``, shape ``(num_lookups,)``, and ``targets``, shape
        ``(num_lookups, NUM_UNITS)``, the same row of which may differ between two
        lookups of one table row. All are exact in float32.
    """
    batches = []
    for step, indices in enumerate(INDICES):
        targets = [
            [((7 * k + 11 * j + 13 * step) % 64 - 31) / 32 for j in range(NUM_UNITS)]
            for k in range(len(indices))
        ]
        batches.append({"indices": indices, "targets": targets})
    return batches


def make_optimizer(rule, table, learning_rate, epsilon=None, beta1=None, beta2=None):
    """PyTorch's optimizer for one of Lasagne's rules, with Lasagne's arguments"""
    if rule == "sgd":
        return torch.optim.SGD([table], lr=learning_rate)
    if rule == "adagrad":
        return torch.optim.Adagrad(
            [table], lr=learning_rate, eps=0, initial_accumulator_value=epsilon
        )
    return torch.optim.SparseAdam(
        [table], lr=learning_rate, betas=(beta1, beta2), eps=epsilon
    )


def to_lists(tensor):
    """Nested lists, with nine digits where they are all that float32 has"""
    if tensor.dim():
        return [to_lists(part) for part in tensor]
    digits = 9 if tensor.dtype == torch.float32 else 17
    return float("%.*g" % (digits, tensor.item()))


def read_accumulators(rule, state, epsilon=None):
    """The accumulators in the order in which Lasagne's dictionary has them"""
    if rule == "sgd":
        return []
    if rule == "adagrad":
        return [to_lists(state["sum"] - epsilon)]
    return [to_lists(state["exp_avg"]), to_lists(state["exp_avg_sq"])]


def run(rule, dtype, hyperparameters):
    """Trains a small table by PyTorch and notes every step

    Parameters
    ----------
    rule : str
        A key of `RULES`.
    dtype : torch.dtype
        Of the table, the targets and the accumulators.
    hyperparameters : dict
        In Lasagne's words.

    Returns
    -------
    dict
        ``tables``: one table a step; ``accumulators``: those after the last step.
    """
    embedding = torch.nn.Embedding(NUM_ROWS, NUM_UNITS, sparse=True, dtype=dtype)
    table = embedding.weight
    with torch.no_grad():
        table.copy_(torch.tensor(make_table(), dtype=dtype))
    optimizer = make_optimizer(rule, table, **hyperparameters)
    tables = []
    for batch in make_batches():
        indices = torch.tensor(batch["indices"], dtype=torch.int64)
        targets = torch.tensor(batch["targets"], dtype=dtype).reshape(-1, NUM_UNITS)
        optimizer.zero_grad()
        ((embedding(indices) - targets) ** 2).sum().backward()
        optimizer.step()
        if not torch.isfinite(table).all():
            raise ValueError("expected a finite table, got %s" % table)
        tables.append(to_lists(table.detach()))
    accumulators = read_accumulators(
        rule, optimizer.state[table], hyperparameters.get("epsilon")
    )
    return {"tables": tables, "accumulators": accumulators}


def main():
    """Writes ``constants.json`` beside this file"""
    results = {
        rule: {
            "hyperparameters": hyperparameters,
            "float32": run(rule, torch.float32, hyperparameters),
            "float64": run(rule, torch.float64, hyperparameters),
        }
        for rule, hyperparameters in RULES.items()
    }
    constants = {
        "made_by": "tests/torch_oracle/make_constants.py, torch " + torch.__version__,
        "table": make_table(),
        "batches": make_batches(),
        "results": results,
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "constants.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(constants, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
