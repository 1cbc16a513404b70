"""What programs do to gradients before they hand them to a rule"""

from collections import namedtuple

import lasagne
import lasagne_sparse.updates
import numpy as np
import theano
import theano.tensor as T

__all__ = ["STEPS", "apply_step"]

Step = namedtuple("Step", "apply text sparse linear")
Step.__doc__ = """A step between gradients and the rule

``apply(gradients, params, updates)`` gets a module of update rules. ``sparse``: it
keeps the rows that are zero, and the library is to see that; ``linear``: it may be
applied to the gradient of a subset.
"""


def _each(change):
    def apply(gradients, params, updates):
        return [change(g, p) for g, p in zip(gradients, params)]

    return apply


def _number(value, like):
    return np.asarray(value, like.dtype)


def _guarded(g, p):
    return T.switch(T.isnan(g), _number(0, g), g)


def _guarded_by_sum(g, p):
    return T.switch(T.isnan(T.sum(g**2)), T.zeros_like(g), g)


def _else_decay(g, p):
    return T.switch(T.isnan(T.sum(g**2)), _number(0.1, g) * p, g)


def _by_norm(g, p):
    return g / (1 + T.sqrt(T.sum(g**2) + _number(0.1, g)))


def _by_largest(g, p):
    return g / T.maximum(_number(1, g), T.max(abs(g)))


def _row_clipped(g, p):
    if g.ndim < 2:
        return g
    axes = tuple(range(1, g.ndim))
    norm = T.sqrt(T.sum(g**2, axis=axes, keepdims=True) + _number(0.1, g))
    return g / T.maximum(_number(1, g), norm)


def _padding_row(g, p):
    return T.set_subtensor(g[0], _number(0, g)) if g.ndim else g


def _masked(g, p):
    if not g.ndim:
        return g
    mask = T.cast(T.arange(g.shape[0]) % 3, g.dtype)
    return g * T.addbroadcast(T.shape_padright(mask, g.ndim - 1))


def _small_dropped(g, p):
    return T.switch(T.lt(abs(g), _number(0.05, g)), _number(0, g), g)


def _tail_cleared(g, p):
    return T.set_subtensor(g[-2:], _number(0, g)) if g.ndim else g


def _centred(g, p):
    return g - T.mean(g, axis=0, keepdims=True) if g.ndim else g


def _clipped_between(g, p):
    low, high = theano.shared(_number(-0.2, g)), theano.shared(_number(0.2, g))
    return T.clip(g, low, high)


def _through_float32(g, p):
    return T.cast(T.cast(g, "float32"), g.dtype)


def _sorted(g, p):
    return T.sort(g, axis=-1) if g.ndim > 1 else g


def _total_norm(gradients, params, updates):
    return updates.total_norm_constraint(gradients, 0.5)


def _lasagnes_total_norm(gradients, params, updates):
    return lasagne.updates.total_norm_constraint(gradients, 0.5)


def _norm(axes):
    def apply(gradients, params, updates):
        return [
            updates.norm_constraint(g, 0.5, axes or range(g.ndim)) if g.ndim > 1 else g
            for g in gradients
        ]

    return apply


STEPS = {
    "scale": Step(_each(lambda g, p: _number(0.5, g) * g), "0.5 * g", True, True),
    "halve": Step(_each(lambda g, p: g / _number(2, g)), "g / 2", True, True),
    "negate": Step(_each(lambda g, p: -g), "-g", True, True),
    "clip": Step(
        _each(lambda g, p: T.clip(g, _number(-0.3, g), _number(0.3, g))),
        "T.clip(g, -0.3, 0.3)",
        True,
        False,
    ),
    "above": Step(
        _each(lambda g, p: T.maximum(g, _number(0.1, g))),
        "T.maximum(g, 0.1)",
        False,
        False,
    ),
    "guard": Step(_each(_guarded), "T.switch(T.isnan(g), 0, g)", True, False),
    "guard sum": Step(
        _each(_guarded_by_sum), "T.switch(T.isnan(T.sum(g**2)), 0, g)", True, False
    ),
    "else decay": Step(
        _each(_else_decay), "T.switch(T.isnan(T.sum(g**2)), 0.1 * p, g)", False, False
    ),
    "decay": Step(
        _each(lambda g, p: g + _number(0.01, g) * p), "g + 0.01 * p", False, False
    ),
    "times table": Step(
        _each(lambda g, p: g * (1 + p**2)), "g * (1 + p**2)", True, False
    ),
    "by norm": Step(_each(_by_norm), "g / (1 + norm(g))", True, False),
    "by largest": Step(_each(_by_largest), "g / max(1, max(abs(g)))", True, False),
    "row clip": Step(_each(_row_clipped), "g / max(1, row norms of g)", True, False),
    "padding row": Step(_each(_padding_row), "set_subtensor(g[0], 0)", True, False),
    "mask": Step(_each(_masked), "g * (row % 3)", True, False),
    "drop small": Step(_each(_small_dropped), "switch(|g| < 0.05, 0, g)", True, False),
    "clear tail": Step(_each(_tail_cleared), "set_subtensor(g[-2:], 0)", True, False),
    "centre": Step(_each(_centred), "g - g.mean(axis=0)", False, False),
    "clip between": Step(_each(_clipped_between), "T.clip(g, low, high)", False, False),
    "cast": Step(_each(_through_float32), "cast(cast(g, float32))", True, False),
    "sort": Step(_each(_sorted), "T.sort(g, axis=-1)", False, False),
    "cube": Step(_each(lambda g, p: g**3), "g ** 3", True, False),
    "transpose twice": Step(
        _each(lambda g, p: (2 * g.T).T), "(2 * g.T).T", True, False
    ),
    "tanh": Step(_each(lambda g, p: T.tanh(g)), "T.tanh(g)", True, False),
    "total norm": Step(_total_norm, "total_norm_constraint(grads, 0.5)", True, False),
    "lasagne total norm": Step(
        _lasagnes_total_norm,
        "lasagne.updates.total_norm_constraint(grads, 0.5)",
        True,
        False,
    ),
    "norm of rows": Step(
        lambda gs, ps, u: _norm(None)(gs, ps, u),
        "norm_constraint(g, 0.5, all axes)",
        True,
        False,
    ),
    "norm of columns": Step(_norm((0,)), "norm_constraint(g, 0.5, (0,))", True, False),
}


def apply_step(name, gradients, params, ours):
    """Returns the gradients after a step, by our functions or by Lasagne's."""
    updates = lasagne_sparse.updates if ours else lasagne.updates
    return STEPS[name].apply(gradients, params, updates)
