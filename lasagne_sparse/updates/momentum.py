"""Momentum: a rule, and what puts it on top of another rule"""

from collections import OrderedDict

import lasagne

from ..graph import listed
from ..sparsity.row_writes import is_edited_row_write, row_writes
from ..state.placement import call_beside
from ..state.slots import declare_slots, record_states
from .sparse_rule import sparse_rule
from .sparsity_warning import warn_opaque
from .writes import write_rows

__all__ = ["apply_momentum", "apply_to_rows", "momentum"]

_dense_apply_momentum = lasagne.updates.apply_momentum
# Momentum on top of SGD is the rule of that name, and its states are called alike.
declare_slots(_dense_apply_momentum, "momentum", slots=["velocity"])


@sparse_rule(lasagne.updates.momentum, slots=["velocity"])
def momentum(loss_or_grads, params, learning_rate, momentum=0.9):
    """Stochastic Gradient Descent (SGD) updates with momentum

    * ``velocity := momentum * velocity - learning_rate * gradient``
    * ``param := param + velocity``

    Only the rows of a table that the loss looks up are updated, and only their
    velocities: the update is lazy. A row that is not looked up does not coast on,
    and its velocity does not decay, as both would under the dense rule. See
    :func:`lasagne_sparse.updates.sparse`.

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions, each of the
        shape of its parameter
    params : list of shared variables or subsets of them
        The variables to generate update expressions for, of any shape
    learning_rate : float or symbolic scalar
        The learning rate controlling the size of update steps
    momentum : float or symbolic scalar, optional
        The share of the velocity that is kept, in [0, 1). More of it makes steps
        larger; scale the learning rate by ``1 - momentum`` to counter that.

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, and its
        velocity, of its shape and dtype, to its own

    Raises
    ------
    TypeError, ValueError
        If `params`, or a list of gradients, is not as
        :func:`lasagne_sparse.updates.sparse` asks for.

    Warns
    -----
    SparsityWarning
        If a table that is looked up is also used as a whole.

    See Also
    --------
    apply_momentum : Generic function applying momentum to updates
    nesterov_momentum : Nesterov's variant of SGD with momentum

    References
    ----------
    .. [1] Rumelhart, David E., Geoffrey E. Hinton, and Ronald J. Williams (1986):
           Learning representations by back-propagating errors. Nature, 323,
           533-536, equation (9).

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import momentum
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = momentum(W[[4, 1, 4]].sum(), [W], 0.25, momentum=0.5)
    >>> step = theano.function([], updates=updates)
    >>> step(), step()
    ([], [])
    >>> print(W.get_value()[:, 0])
    [ 1.     0.375  1.     1.    -0.25 ]
    """


def apply_momentum(updates, params=None, momentum=0.9):
    """Returns a modified update dictionary including momentum

    * ``velocity := momentum * velocity + updates[param] - param``
    * ``param := param + velocity``

    in the rows that ``updates[param]`` writes, where it writes some rows of a
    table, and everywhere else as :func:`lasagne.updates.apply_momentum` does.

    Parameters
    ----------
    updates : dict from shared variables to expressions
        The updates of a rule, sparse or dense.
    params : list of shared variables, optional
        The variables to apply momentum to, all of `updates` if None.
    momentum : float or symbolic scalar
        The share of the velocity that is kept, in [0, 1).

    Returns
    -------
    OrderedDict
        A copy of `updates` with momentum for all of `params`, and with their
        velocities.

    Raises
    ------
    KeyError
        If one of `params` is not in `updates`.
    TypeError
        If `params` is a variable alone, and no list.

    Warns
    -----
    SparsityWarning
        If ``updates[param]`` writes rows of a table and was changed after that, as by
        ``T.set_subtensor(updates[W][0], 0)``: momentum is then applied to all of it.

    Notes
    -----
    The velocity of a row that is not written neither moves it nor decays.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import sgd
    >>> W = theano.shared(np.zeros((3, 1)), 'W')
    >>> updates = sgd(W[[2]].sum(), [W], learning_rate=1)
    >>> f = theano.function([], updates=apply_momentum(updates, momentum=.5))
    >>> f(), f()
    ([], [])
    >>> print(W.get_value().ravel())
    [ 0.   0.  -2.5]
    """
    return apply_to_rows(_dense_apply_momentum, updates, params, momentum)


def apply_to_rows(dense_apply, updates, params, momentum):
    """Applies a kind of momentum to all of a table, then restricts it to its rows

    Parameters
    ----------
    dense_apply : callable
        ``dense_apply(updates, params=..., momentum=...)``, Lasagne's.
    updates : dict from shared variables to expressions
    params : list of shared variables or None
    momentum : float or symbolic scalar

    Returns
    -------
    OrderedDict
        As :func:`apply_momentum`.
    """
    params = listed(updates.keys() if params is None else params, "params")
    leaves = row_writes(updates, params)
    for param in params:
        edited = updates[param] not in leaves
        if edited and is_edited_row_write(updates[param], param):
            warn_opaque([updates[param]], [param])
    result = OrderedDict(updates)

    def apply(group):
        result.update(dense_apply(result, params=group, momentum=momentum))

    call_beside(params, apply)
    chosen = set(params) | (set(result) - set(updates))
    changed = OrderedDict((s, e) for s, e in result.items() if s in chosen)
    written = write_rows(changed, leaves, params)
    sources = [(param, updates[param]) for param in params]
    record_states(dense_apply, changed, sources, written)
    return OrderedDict((s, written.get(s, e)) for s, e in result.items())
