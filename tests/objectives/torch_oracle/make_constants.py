"""PyTorch's adaptive softmax: writes the constants of test_adaptive_softmax.py

Made with Python 3.11 and torch 2.13.0 for CPU, in an environment of their own::

    python3.11 -m venv torch-env
    torch-env/bin/pip install torch==2.13.0
    torch-env/bin/python tests/objectives/torch_oracle/make_constants.py

``torch.nn.AdaptiveLogSoftmaxWithLoss`` has the tables of ours, each transposed as its
linear layers are: the head has rows for classes as ours has, a tail is a projection of
shape ``(size, num_units)`` and a table ``(num_classes, size)``.
"""

import json
import os

import torch

__all__ = ["main"]

NUM_UNITS, NUM_CLASSES, CUTOFFS, DIV_VALUE = 8, 20, [4, 9], 2.0
#: Of the head, of both tails, and of one tail none at all.
TARGETS = [[0, 3, 4, 8, 9, 19, 2], [1, 1, 12, 0, 2, 3, 11]]


def filled(shape, step):
    """Multiples of 1/16 in [-1, 1), in an order that no two rows share"""
    size = shape[0] * shape[1] if len(shape) == 2 else shape[0]
    numbers = (torch.arange(size, dtype=torch.float64) * step) % 31 - 15
    return (numbers / 16).reshape(shape)


def main():
    """Writes constants.json beside this file"""
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(
        NUM_UNITS, NUM_CLASSES, CUTOFFS, DIV_VALUE, head_bias=True
    ).double()
    with torch.no_grad():
        for k, parameter in enumerate(layer.parameters()):
            parameter.copy_(filled(tuple(parameter.shape), 7 + 4 * k))
    results = []
    for targets in TARGETS:
        layer.zero_grad()
        h = filled((len(targets), NUM_UNITS), 5).requires_grad_()
        output, _ = layer(h, torch.tensor(targets))
        output.sum().backward()
        gradients = {n: p.grad for n, p in layer.named_parameters()}
        gradients["h"] = h.grad
        results.append(
            {
                "targets": targets,
                "loss": (-output).tolist(),
                "gradients": {
                    n: None if g is None else (-g).tolist()
                    for n, g in gradients.items()
                },
                "log_prob": layer.log_prob(h).tolist(),
            }
        )
    constants = {
        "num_classes": NUM_CLASSES,
        "cutoffs": CUTOFFS,
        "div_value": DIV_VALUE,
        "h": filled((len(TARGETS[0]), NUM_UNITS), 5).tolist(),
        "parameters": {n: p.tolist() for n, p in layer.named_parameters()},
        "results": results,
    }
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "constants.json"), "w", encoding="utf-8") as file:
        json.dump(constants, file)
        file.write("\n")


if __name__ == "__main__":
    main()
