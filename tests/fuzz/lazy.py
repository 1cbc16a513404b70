"""The oracle of lazy updates: a stock dense step, and rows put back in NumPy

The dense rule moves every row, and decays every history. Lazily only the rows that were
looked up do: all others get the values back that they had before, in the table and in
every state of it that has its rows. A state without rows (a step count, a sum) is as
under the dense rule.
"""

from collections import OrderedDict, namedtuple

import numpy as np
from theano.gof.graph import inputs as graph_inputs

from .building import apply_momentum
from .edits import constrained, edit_values
from .lookups import KINDS, touched
from .rules import make_rule

__all__ = ["Touched", "alternatives", "owners", "lazy_values"]

Touched = namedtuple("Touched", "axis rows")
Touched.__doc__ = """The rows that keep what the dense step made of them."""

DENSE = Touched(None, None)

# No lookups to a gradient; lookups or not, as the library likes.
_WHOLE = ("whole", "one_hot")
_SLICES = ("slice", "column_slice", "slice_to", "slice_from")


def owners(function, params):
    """Tells whose state each shared variable is that a rule updates

    The rule is applied once more, to gradients that are variables of their own: what
    depends on one another then belongs together.

    Returns
    -------
    list of (str or None)
        The name of the parameter for each of the updates, in their order; None for
        what belongs to none.
    """
    gradients = [p.type() for p in params.values()]
    tables = list(params.values())
    updates = OrderedDict(make_rule(function["rule"], False)(gradients, tables))
    updates = apply_momentum(function, updates, tables, ours=False)
    groups = {}
    for name, param, gradient in zip(params, tables, gradients):
        groups[param] = groups[gradient] = name
    for _ in updates:  # a chain of states is as long as there are states
        for shared, expression in updates.items():
            if not shared.type.ndim:
                continue  # a sum over rows does not say whose rows they are
            near = [v for v in graph_inputs([expression]) + [shared] if v.type.ndim]
            names = {groups[v] for v in near if v in groups}
            if len(names) == 1:
                groups.update((v, *names) for v in near if hasattr(v, "get_value"))
    return [groups.get(shared) for shared in updates]


def alternatives(program, function, built, name, value, batch):
    """Lists what may become of a parameter in a step, best first

    Parameters
    ----------
    program, function : dicts
    built : Function
        The function as it was built with our rules, with our warnings.
    name : str
    value : array
        The parameter before the step.
    batch : dict from names to arrays

    Returns
    -------
    list of Touched
        Usually one. Two where the library may choose: of slices, which are no
        lookups to everybody, and where it warned that it computes for all rows.
    """
    lookups = [
        lookup
        for term in function["terms"]
        for lookup in term["lookups"]
        if lookup["table"] == name
    ]
    warnings = [text for text in built.warnings if "table %s " % name in text]
    if not lookups or any("gets a dense update" in text for text in warnings):
        return [DENSE]
    if all(lookup["kind"] in _WHOLE for lookup in lookups):
        return [DENSE]
    described = program["tables"][name]
    lazy = _lazily(lookups, described, value, batch)
    only_slices = all(lookup["kind"] in _WHOLE + _SLICES for lookup in lookups)
    if lazy is None:
        return [DENSE] if only_slices or any(described["fixed"]) else []
    return (
        [lazy, DENSE] if only_slices or warnings or any(described["fixed"]) else [lazy]
    )


def _lazily(lookups, described, value, batch):
    """Finds the axis that all lookups share, and the rows along it."""
    shape = described["shape"]
    for axis in range(len(shape)):
        if described["fixed"][axis]:
            continue
        if all(axis in _axes(lookup, shape) for lookup in lookups):
            elements = [touched(k, value, batch_indices(k, batch)) for k in lookups]
            rows = np.unique(np.concatenate(elements)[:, axis])
            return Touched(axis, rows.astype(int))
    return None


def _axes(lookup, shape):
    return [axis % len(shape) for axis in KINDS[lookup["kind"]].axes]


def batch_indices(lookup, batch):
    """Returns the numbers of a lookup's indices in a batch."""
    found = [batch[at] if isinstance(at, str) else at for at in lookup["at"]]
    return [np.asarray(at, "int64") for at in found]


def lazy_values(function, name, kept, olds, news, built):
    """Makes a dense step of a parameter and its states lazy

    Parameters
    ----------
    kept : Touched
    olds, news : list of arrays
        The parameter, and then its states, before and after the dense step.
    """
    results = [_put_back(olds[0].shape, kept, o, n) for o, n in zip(olds, news)]
    constraint = function.get("constraint")
    if constraint and constraint["table"] == name:
        whole = constrained(constraint, results[0])
        by_row = not any("norm constraint" in text for text in built.warnings)
        results[0] = _put_back(
            olds[0].shape, kept if by_row else DENSE, results[0], whole
        )
    results[0] = edit_values(function, name, results[0])
    return results


def _put_back(shape, kept, old, new):
    """Takes the new values in the rows that are kept, the old ones elsewhere."""
    axis = kept.axis
    if axis is None or old.ndim <= axis or old.shape[axis] != shape[axis]:
        return new
    if old.ndim != len(shape) and axis > 0:
        return new  # one number per row, of a table whose columns were looked up
    result = old.copy()
    where = (slice(None),) * axis + (kept.rows,)
    result[where] = new[where]
    return result
