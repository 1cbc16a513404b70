"""What does PyTorch's EmbeddingBag give? Writes the constants of test_bag_torch.py.

Runs ``torch.nn.functional.embedding_bag`` on a small table with matrices of indices and
with ragged bags, and writes its outputs and gradients to ``constants.json`` beside this
file, with the table and the indices, so that the test needs neither PyTorch nor this
script.

Made with Python 3.11 and torch 2.13.0 for CPU, in an environment of their own::

    python3.11 -m venv torch-env
    torch-env/bin/pip install torch==2.13.0
    torch-env/bin/python tests/layers/torch_oracle/make_constants.py

The loss is ``(output * factors).sum()``, whose gradient differs from unit to unit.
``per_sample_weights`` is for ``sum`` alone there.
"""

import json
import os

import torch

NUM_ROWS, NUM_UNITS = 7, 3
#: The second has padding alone, the third an index that repeats.
MATRIX = [[0, 3, 2, 5], [2, 2, 2, 2], [6, 1, 6, 4]]
#: Bags of three, none, one, and four indices.
RAGGED = dict(indices=[0, 3, 2, 5, 1, 1, 6, 2], offsets=[0, 3, 3, 4])
PADDING = 2


def made(count, seed):
    """Numbers that float32 has exactly, all different"""
    numbers = torch.randperm(97, generator=torch.Generator().manual_seed(seed))
    return (numbers[:count].double() - 48) / 16


def run(mode, indices, offsets, weighted, padding_idx):
    """The output of a mode, with its gradients by the table and the weights"""
    table = made(NUM_ROWS * NUM_UNITS, 1).reshape(NUM_ROWS, NUM_UNITS)
    table.requires_grad_()
    indices = torch.tensor(indices)
    weights = None
    if weighted:
        weights = made(indices.numel(), 2).reshape(indices.shape).requires_grad_()
    output = torch.nn.functional.embedding_bag(
        indices,
        table,
        None if offsets is None else torch.tensor(offsets),
        mode=mode,
        per_sample_weights=weights,
        padding_idx=padding_idx,
    )
    factors = made(output.numel(), 3).reshape(output.shape)
    (output * factors).sum().backward()
    return dict(
        mode=mode,
        indices=indices.tolist(),
        offsets=offsets,
        padding_idx=padding_idx,
        weights=None if weights is None else weights.tolist(),
        factors=factors.tolist(),
        output=output.tolist(),
        gradient=table.grad.tolist(),
        gradient_of_weights=None if weights is None else weights.grad.tolist(),
    )


def main():
    """Writes constants.json"""
    cases = []
    for mode, weighted in [("sum", False), ("sum", True), ("mean", False)] + [
        ("max", False)
    ]:
        for padding_idx in (None, PADDING):
            cases.append(run(mode, MATRIX, None, weighted, padding_idx))
            cases.append(
                run(mode, RAGGED["indices"], RAGGED["offsets"], weighted, padding_idx)
            )
    table = made(NUM_ROWS * NUM_UNITS, 1).reshape(NUM_ROWS, NUM_UNITS)
    constants = dict(torch=torch.__version__, table=table.tolist(), cases=cases)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "constants.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(constants, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
