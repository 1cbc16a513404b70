"""Nesterov's momentum: a rule, and what puts it on top of another rule"""

import lasagne

from ..state.slots import declare_slots
from .momentum import apply_to_rows
from .sparse_rule import sparse_rule

__all__ = ["apply_nesterov_momentum", "nesterov_momentum"]

_dense_apply_nesterov_momentum = lasagne.updates.apply_nesterov_momentum
declare_slots(_dense_apply_nesterov_momentum, "nesterov_momentum", slots=["velocity"])


@sparse_rule(lasagne.updates.nesterov_momentum, slots=["velocity"])
def nesterov_momentum(loss_or_grads, params, learning_rate, momentum=0.9):
    """Stochastic Gradient Descent (SGD) updates with Nesterov momentum

    * ``velocity := momentum * velocity - learning_rate * gradient``
    * ``param := param + momentum * velocity - learning_rate * gradient``

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
    apply_nesterov_momentum : Function applying momentum to updates

    Notes
    -----
    The paper takes the gradient at the predicted next position. Here, as in
    Lasagne, the table holds that position, so that the gradient is taken at the
    current parameters.

    References
    ----------
    .. [1] Sutskever, Ilya, James Martens, George Dahl, and Geoffrey Hinton (2013):
           On the importance of initialization and momentum in deep learning.
           ICML 2013, equations (3) and (4).

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import nesterov_momentum
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = nesterov_momentum(W[[4, 1, 4]].sum(), [W], 0.25, momentum=0.5)
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0])
    [1.    0.625 1.    1.    0.25 ]
    """


def apply_nesterov_momentum(updates, params=None, momentum=0.9):
    """Returns a modified update dictionary including Nesterov momentum

    * ``velocity := momentum * velocity + updates[param] - param``
    * ``param := momentum * velocity + updates[param]``

    in the rows that ``updates[param]`` writes, where it writes some rows of a
    table, and everywhere else as
    :func:`lasagne.updates.apply_nesterov_momentum` does.

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
        As by :func:`apply_momentum`.

    Notes
    -----
    The velocity of a row that is not written neither moves it nor decays.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import sgd
    >>> W = theano.shared(np.zeros((3, 1)), 'W')
    >>> updates = sgd(W[[2]].sum(), [W], learning_rate=1)
    >>> updates = apply_nesterov_momentum(updates, momentum=.5)
    >>> f = theano.function([], updates=updates)
    >>> f()
    []
    >>> print(W.get_value().ravel())
    [ 0.   0.  -1.5]
    """
    return apply_to_rows(_dense_apply_nesterov_momentum, updates, params, momentum)
