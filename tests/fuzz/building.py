"""Builds the graph of a described program, with our rules or with Lasagne's"""

import warnings
from collections import OrderedDict, namedtuple

import lasagne
import lasagne_sparse.updates
import numpy as np
import theano
import theano.tensor as T

from .edits import edit_entries
from .gradients import apply_step
from .lookups import look_up
from .losses import term_value
from .rules import make_rule

__all__ = ["Function", "build", "initial_values", "apply_momentum"]

Function = namedtuple("Function", "inputs outputs updates params warnings")
Function.__doc__ = """A function of a program, before it is compiled

``inputs`` is an OrderedDict from names to variables, ``outputs`` a list, the loss
first, ``updates`` an OrderedDict from shared
variables to expressions, ``params`` one from names to the shared variables that the
rule updates, ``warnings`` the texts of our warnings.
"""


def initial_values(program):
    """Draws the first values of tables and dense parameters, by their names."""
    values = OrderedDict()
    for name, described in [*program["tables"].items(), *program["dense"].items()]:
        seed = program["seed"] % 2**31 + sum(map(ord, name))
        drawn = np.random.RandomState(seed).uniform(-1, 1, described["shape"])
        values[name] = drawn.astype(described["dtype"])
    return values


def build(program, ours):
    """Builds all functions of a program

    Parameters
    ----------
    program : dict
    ours : bool
        Whether to use our rules and layers, or the stock ones.

    Returns
    -------
    dict from names to shared variables, list of Function
    """
    shared = OrderedDict()
    for name, value in initial_values(program).items():
        described = program["tables"].get(name) or program["dense"][name]
        fixed = described.get("fixed") or [False] * value.ndim
        shared[name] = theano.shared(value, name, broadcastable=tuple(fixed))
    return shared, [_function(program, f, shared, ours) for f in program["functions"]]


def _inputs(program):
    """Makes the index variables."""
    return OrderedDict(
        (name, T.TensorType(described["dtype"], (False,) * described["ndim"])(name))
        for name, described in program["inputs"].items()
    )


def _function(program, function, shared, ours):
    inputs = _inputs(program)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", lasagne_sparse.updates.SparsityWarning)
        if "recipe" in function:
            loss, updates = _recipe(function["recipe"], shared, inputs, ours)
            params = OrderedDict()
        else:
            loss, lookups = _loss(function, shared, inputs, ours)
            params = OrderedDict((n, shared[n]) for n in function["params"])
            updates = _updates(function, loss, lookups, params, ours)
        if ours:  # the stock program's values are edited in NumPy: see fuzz.lazy
            updates = edit_entries(function, updates, shared)
    texts = [str(w.message) for w in caught]
    shown = []
    if function.get("shows"):
        shown = [v for values in lookups.values() for v in values]
    return Function(inputs, [loss, *shown], updates, params, texts)


def _indices(lookup, inputs):
    return [inputs[at] if isinstance(at, str) else at for at in lookup["at"]]


def _loss(function, shared, inputs, ours):
    """Returns the loss, and for each table what was looked up of it."""
    lookups = OrderedDict()
    total = 0
    for term in function["terms"]:
        values = []
        for lookup in term["lookups"]:
            table = shared[lookup["table"]]
            value = look_up(lookup, table, _indices(lookup, inputs), ours)
            values.append(value)
            lookups.setdefault(lookup["table"], []).append(value)
        dense = shared[term["dense"]] if term.get("dense") else None
        total = total + term_value(term, values, dense)
    return total, lookups


def _updates(function, loss, lookups, params, ours):
    tables = given = list(params.values())
    if ours and function.get("subsets"):
        given = [v for name in params for v in lookups.get(name, [params[name]])]
    loss_or_grads = loss
    if function["gradients"] is not None:
        loss_or_grads = theano.grad(loss, given)
        for step in function["gradients"]:
            loss_or_grads = apply_step(step, loss_or_grads, given, ours)
    updates = make_rule(function["rule"], ours)(loss_or_grads, given)
    return apply_momentum(function, OrderedDict(updates), tables, ours)


def apply_momentum(function, updates, tables, ours):
    """Puts a function's momentum on top of its rule, if it has any."""
    if not function.get("momentum"):
        return updates
    library = lasagne_sparse.updates if ours else lasagne.updates
    return getattr(library, function["momentum"])(updates, tables, 0.5)


def _recipe(recipe, shared, inputs, ours):
    """Writes rows by hand, or by ``add_rows`` and ``set_rows``"""
    table = shared[recipe["table"]]
    index = inputs[recipe["index"]]
    subset = table[index]
    value = _recipe_value(recipe["value"], subset, index)
    loss = T.sum(subset)
    kind = recipe["kind"]
    if ours and kind in ("add_rows", "set_rows"):
        return loss, getattr(lasagne_sparse.updates, kind)(table, index, value)
    write = T.set_subtensor if kind in ("set", "set_rows") else T.inc_subtensor
    return loss, OrderedDict([(table, write(subset, value))])


def _recipe_value(kind, subset, index):
    """Makes the values of a recipe, of the table's dtype."""
    number = np.asarray(0.5, subset.dtype)
    if kind == "scalar":
        return T.as_tensor_variable(number)
    if kind == "row":
        return number * T.tanh(subset[:1].sum(axis=0))
    if kind == "gradient":
        return -number * theano.grad(T.sum(T.tanh(subset) ** 2), subset)
    if kind == "numbered":
        numbers = T.cast(T.arange(index.shape[0]), subset.dtype)
        return T.tanh(subset) + T.shape_padright(numbers, subset.ndim - 1)
    return number * T.tanh(subset)
