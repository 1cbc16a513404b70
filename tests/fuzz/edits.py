"""Entries of an update dictionary that a program edits, and the same in NumPy"""

import lasagne_sparse.updates
import numpy as np
import theano.tensor as T

__all__ = ["EDITS", "edit_entries", "edit_values"]


def _norm_of(value, max_norm, axes):
    norm = np.sqrt((value**2).sum(axis=tuple(axes), keepdims=True))
    target = np.clip(norm, 0, max_norm)
    return value * (target / (np.asarray(1e-7, value.dtype) + norm))


def _put(value, where, number, add=False):
    value = value.copy()
    value[where] = value[where] + number if add else number
    return value


# For each kind the edit of an expression, that of an array, and its text.
EDITS = {
    "clear": (
        lambda e, k: T.set_subtensor(e[k["row"]], 0),
        lambda v, k: _put(v, k["row"], 0),
        "T.set_subtensor(entry[{row}], 0)",
    ),
    "clear rows": (
        lambda e, k: T.set_subtensor(e[k["row"] :], 0),
        lambda v, k: _put(v, slice(k["row"], None), 0),
        "T.set_subtensor(entry[{row}:], 0)",
    ),
    "add": (
        lambda e, k: T.inc_subtensor(e[k["row"]], 1),
        lambda v, k: _put(v, k["row"], 1, add=True),
        "T.inc_subtensor(entry[{row}], 1)",
    ),
    "add listed": (
        lambda e, k: T.inc_subtensor(e[[k["row"], 0]], 1),
        lambda v, k: _put(_put(v, k["row"], 1, add=True), 0, 1, add=True),
        "T.inc_subtensor(entry[[{row}, 0]], 1)",
    ),
    "clip": (
        lambda e, k: T.clip(e, -0.9, 0.9),
        lambda v, k: np.clip(v, -0.9, 0.9).astype(v.dtype),
        "T.clip(entry, -0.9, 0.9)",
    ),
    "positive": (
        lambda e, k: T.maximum(e, 0),
        lambda v, k: np.maximum(v, 0).astype(v.dtype),
        "T.maximum(entry, 0)",
    ),
}


def edit_entries(function, updates, shared):
    """Applies a function's constraint and edits to its update dictionary."""
    constraint = function.get("constraint")
    if constraint:
        table = shared[constraint["table"]]
        updates[table] = lasagne_sparse.updates.norm_constraint(
            updates[table], constraint["max_norm"], tuple(constraint["axes"])
        )
    for edit in function.get("edits", []):
        table = shared[edit["table"]]
        apply = EDITS[edit["kind"]][0]
        updates[table] = T.cast(apply(updates[table], edit), table.dtype)
    return updates


def constrained(constraint, value):
    """Returns an array whose norms are constrained."""
    return _norm_of(value, constraint["max_norm"], constraint["axes"])


def edit_values(function, name, value):
    """Applies a function's edits of one table to an array."""
    for edit in function.get("edits", []):
        if edit["table"] == name:
            value = EDITS[edit["kind"]][1](value, edit)
    return value
