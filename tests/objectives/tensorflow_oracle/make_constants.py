"""TensorFlow's sampled losses, as it publishes them: writes the constants of its test

TensorFlow itself is not needed: this follows, line by line and in NumPy, the Python of
``_compute_sampled_logits``, ``nce_loss`` and ``sampled_softmax_loss`` in
``tensorflow/python/ops/nn_impl.py``, and the expected counts of
``tensorflow/core/kernels/range_sampler.cc``; one shard, ``num_true`` classes. Run by::

    python tests/objectives/tensorflow_oracle/make_constants.py
"""

import json
import os

import numpy as np

__all__ = ["make"]

NUM_CLASSES, DIM, BATCH, SAMPLED = 11, 3, 4, [0, 2, 1, 5, 9]
NUM_TRIES = 8  # which it took to draw those distinct classes
FLT_MAX = np.finfo(np.float32).max


def expected_count(p, batch_size, num_tries):
    """ExpectedCountHelper"""
    if num_tries == batch_size:
        return p * batch_size
    return -np.expm1(num_tries * np.log1p(-p))


def log_uniform_probability(value):
    """LogUniformSampler::Probability"""
    return (np.log(value + 2.0) - np.log(value + 1.0)) / np.log1p(NUM_CLASSES)


def compute_sampled_logits(
    weights, biases, labels, inputs, subtract_log_q, remove_accidental_hits
):
    num_true = labels.shape[1]
    labels_flat = labels.reshape(-1)
    counts = [
        expected_count(log_uniform_probability(np.array(ids)), len(SAMPLED), NUM_TRIES)
        for ids in (labels, SAMPLED)
    ]
    true_expected_count, sampled_expected_count = counts
    all_ids = np.concatenate([labels_flat, SAMPLED])
    all_w, all_b = weights[all_ids], biases[all_ids]
    true_w, sampled_w = all_w[: len(labels_flat)], all_w[len(labels_flat) :]
    sampled_logits = inputs @ sampled_w.T
    row_wise_dots = inputs[:, None] * true_w.reshape(-1, num_true, DIM)
    true_logits = row_wise_dots.sum(axis=2)
    true_logits = true_logits + all_b[: len(labels_flat)].reshape(-1, num_true)
    sampled_logits = sampled_logits + all_b[len(labels_flat) :]
    if remove_accidental_hits:
        for example, true in enumerate(labels):
            for place, sampled in enumerate(SAMPLED):
                if sampled in true:
                    sampled_logits[example, place] += -FLT_MAX
    if subtract_log_q:
        true_logits = true_logits - np.log(true_expected_count)
        sampled_logits = sampled_logits - np.log(sampled_expected_count)
    out_logits = np.concatenate([true_logits, sampled_logits], axis=1)
    out_labels = np.concatenate(
        [np.ones_like(true_logits) / num_true, np.zeros_like(sampled_logits)], axis=1
    )
    return out_logits, out_labels


def sigmoid_cross_entropy_with_logits(x, z):
    return np.maximum(x, 0) - x * z + np.log1p(np.exp(-np.abs(x)))


def softmax_cross_entropy_with_logits(x, z):
    largest = x.max(axis=1, keepdims=True)
    log_softmax = x - largest - np.log(np.exp(x - largest).sum(axis=1, keepdims=True))
    return -(z * log_softmax).sum(axis=1)


def make():
    """Returns the inputs and the losses, as lists"""
    grid = np.arange(NUM_CLASSES * DIM).reshape(NUM_CLASSES, DIM)
    weights = (grid * 7 % 16 - 8) / 8.0
    biases = (np.arange(NUM_CLASSES) * 5 % 8 - 4) / 8.0
    inputs = (np.arange(BATCH * DIM).reshape(BATCH, DIM) * 3 % 8 - 4) / 4.0
    found = {
        "weights": weights,
        "biases": biases,
        "inputs": inputs,
        "sampled": np.array(SAMPLED),
        "num_tries": np.array(NUM_TRIES),
        "one": np.array([[2], [10], [5], [7]]),
        "two": np.array([[2, 4], [10, 3], [5, 0], [7, 8]]),
    }
    for count in ("one", "two"):
        args = weights, biases, found[count], inputs
        logits, labels = compute_sampled_logits(*args, True, True)
        loss = softmax_cross_entropy_with_logits(logits, labels)
        found["sampled_softmax_loss/" + count] = loss
    logits, labels = compute_sampled_logits(
        weights, biases, found["one"], inputs, True, False
    )
    loss = sigmoid_cross_entropy_with_logits(logits, labels).sum(axis=1)
    found["nce_loss/one"] = loss
    return {name: array.tolist() for name, array in found.items()}


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "constants.json"), "w", encoding="utf-8") as file:
        json.dump(make(), file)
        file.write("\n")
