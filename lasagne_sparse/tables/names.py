"""The variables of a training run, by names that hold from one run to the next"""

from collections import OrderedDict

import lasagne
from theano.compile import SharedVariable
from theano.gof.graph import Variable, inputs

from ..graph import called
from ..state import slot_of

__all__ = ["named_variables"]


def named_variables(updates=None, network=None):
    """Finds what a training run changes, by name

    Parameters
    ----------
    updates : dict from shared variables to expressions, or list of such, optional
        Of all functions that train.
    network : Layer, or list of layers or of shared variables, optional

    Returns
    -------
    OrderedDict from str to shared variables
        The parameters by their names, ``words.W``; what rules keep of them,
        ``words.W/adam/m`` and ``adam/t``, as :mod:`lasagne_sparse.state` names it;
        the other variables that are updated; the random streams that the updates
        draw from, ``random/0``, in the order in which they were made; and single
        numbers that the updates read, such as a learning rate. A name that is taken
        gets a number: ``W#2``.

    Raises
    ------
    TypeError
        If `updates` is no dictionary of shared variables.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adam
    >>> W = theano.shared(np.ones((5, 2)), 'words.W')
    >>> list(named_variables(adam(W[[1]].sum(), [W])))
    ['words.W', 'words.W/adam/m', 'words.W/adam/v', 'adam/t']
    """
    updates = _merged(updates)
    states = [v for v in updates if slot_of(v) is not None]
    named = OrderedDict()
    for variable in _parameters(network):
        _add(named, variable, called(variable))
    for variable in updates:
        if slot_of(variable) is None:
            _add(named, variable, called(variable))
    names = {variable: name for name, variable in named.items()}
    for variable in states:
        slot = slot_of(variable)
        rule = (
            slot.name
            if slot.table is None
            else slot.name[len(called(slot.table)) + 1 :]
        )
        table = names.get(slot.table, slot.table and called(slot.table))
        _add(named, variable, rule if table is None else "%s/%s" % (table, rule))
    read = [v for v in _leaves(updates.values()) if v not in names]
    streams = [v for v in read if hasattr(v, "default_update")]
    for number, variable in enumerate(sorted(streams, key=_order_of_creation)):
        _add(named, variable, "random/%d" % number)
    numbers = [v for v in read if _is_number(v)]
    for variable in sorted(numbers, key=_order_of_creation):
        _add(named, variable, variable.name or "number")
    return named


def _merged(updates):
    if updates is None:
        return OrderedDict()
    merged = OrderedDict()
    for one in updates if isinstance(updates, (list, tuple)) else [updates]:
        if not hasattr(one, "items"):
            raise TypeError(
                "updates must be a dict from shared variables to expressions, or a "
                "list of such dicts, got %s" % (one,)
            )
        merged.update(one)
    for variable in merged:
        if not isinstance(variable, SharedVariable):
            raise TypeError(
                "updates must be of shared variables, got %s of type %s"
                % (variable, type(variable).__name__)
            )
    return merged


def _parameters(network):
    if network is None:
        return []
    several = isinstance(network, (list, tuple))
    if several and all(isinstance(v, SharedVariable) for v in network):
        return network
    return lasagne.layers.get_all_params(network)


def _add(named, variable, name):
    if any(variable is other for other in named.values()):
        return
    free, number = name, 1
    while free in named:
        number += 1
        free = "%s#%d" % (name, number)
    named[free] = variable


def _leaves(expressions):
    """Lists the shared variables that expressions are made of."""
    leaves = inputs([e for e in expressions if isinstance(e, Variable)])
    return [v for v in dict.fromkeys(leaves) if isinstance(v, SharedVariable)]


def _is_number(variable):
    return getattr(variable, "ndim", None) == 0


def _order_of_creation(variable):
    return int(variable.auto_name[len("auto_") :])
