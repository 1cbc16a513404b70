"""The losses of samples, example by example, in plain NumPy, as their papers say

Each takes ``h``, true classes (a list for each example), ``W``, ``b`` (or None), the
sample, and ``log_q``: ln Q of each class, zeros where nothing is corrected.
"""

import numpy as np

__all__ = [
    "bpr",
    "bpr_max",
    "negative_sampling",
    "nce",
    "sampled_softmax",
    "top1_max",
]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def examples(h, targets, W, b, sample, log_q, remove):
    """Yields true scores and sampled scores of each example"""
    b = np.zeros(len(W)) if b is None else b
    for x, true in zip(h, targets):
        z = W @ x + b - log_q
        kept = [k for k in sample if not (remove and k in true)]
        yield z[list(true)], z[np.array(kept, int)]


def sampled_softmax(h, targets, W, b, sample, log_q, remove=True):
    losses = []
    for true, sampled in examples(h, targets, W, b, sample, log_q, remove):
        total = np.log(np.exp(true).sum() + np.exp(sampled).sum())
        losses.append(total - true.mean())
    return np.array(losses)


def nce(h, targets, W, b, sample, log_q, remove=False):
    losses = []
    for true, sampled in examples(h, targets, W, b, sample, log_q, remove):
        losses.append(
            -np.log(sigmoid(true)).mean() - np.log(1 - sigmoid(sampled)).sum()
        )
    return np.array(losses)


def negative_sampling(h, targets, W, b, sample, log_q, remove=False):
    return nce(h, targets, W, b, sample, 0 * log_q, remove)


def bpr(h, targets, W, b, sample, log_q, remove=True):
    losses = []
    for true, sampled in examples(h, targets, W, b, sample, 0 * log_q, remove):
        pairs = -np.log(sigmoid(true - sampled))
        losses.append(pairs.mean() if len(sampled) else 0)
    return np.array(losses)


def bpr_max(h, targets, W, b, sample, log_q, remove=True, regularization=1.0):
    losses = []
    for true, sampled in examples(h, targets, W, b, sample, 0 * log_q, remove):
        s = np.exp(sampled) / np.exp(sampled).sum()
        ahead = (s * sigmoid(true - sampled)).sum()
        loss = -np.log(ahead + 1e-24) + regularization * (s * sampled**2).sum()
        losses.append(loss if len(sampled) else 0)
    return np.array(losses)


def top1_max(h, targets, W, b, sample, log_q, remove=True):
    losses = []
    for true, sampled in examples(h, targets, W, b, sample, 0 * log_q, remove):
        s = np.exp(sampled) / np.exp(sampled).sum()
        losses.append((s * (sigmoid(sampled - true) + sigmoid(sampled**2))).sum())
    return np.array(losses)
