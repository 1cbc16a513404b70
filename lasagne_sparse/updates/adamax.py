"""Adamax"""

from collections import OrderedDict

import lasagne
import theano
import theano.tensor as T
from lasagne.updates import get_or_compute_grads
from lasagne.utils import floatX

from ..state.placement import accumulator
from .sparse_rule import sparse_rule

__all__ = ["adamax", "dense_adamax"]


def dense_adamax(
    loss_or_grads, params, learning_rate=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """Adamax updates of all rows, for Lasagne 0.1, which has none

    Arguments, result and paper are those of
    :func:`lasagne_sparse.updates.adamax`.
    """
    gradients = get_or_compute_grads(loss_or_grads, params)
    t_prev = theano.shared(floatX(0.0))
    t = t_prev + 1
    a_t = learning_rate / (1 - beta1**t)

    updates = OrderedDict()
    for param, g_t in zip(params, gradients):
        m_prev, u_prev = accumulator(param), accumulator(param)
        m_t = beta1 * m_prev + (1 - beta1) * g_t
        u_t = T.maximum(beta2 * u_prev, abs(g_t))
        updates[m_prev] = m_t
        updates[u_prev] = u_t
        updates[param] = param - a_t * m_t / (u_t + epsilon)
    updates[t_prev] = t
    return updates


@sparse_rule(
    getattr(lasagne.updates, "adamax", dense_adamax),
    slots=["m", "u"],
    scalars=["t"],
)
def adamax(
    loss_or_grads, params, learning_rate=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """Adamax updates

    Adam with the infinity norm in place of the second moment, as in [1]_.

    * ``t := t + 1``
    * ``m := beta1 * m + (1 - beta1) * gradient``
    * ``u := max(beta2 * u, abs(gradient))``
    * ``param := param - learning_rate / (1 - beta1 ** t) * m / (u + epsilon)``

    Only the rows of a table that the loss looks up are updated, and only their
    history: the update is lazy. `m` and `u` of a row that is not looked up do not
    decay, and do not move it, as they would under the dense rule; `t` counts the
    steps of all rows together. See :func:`lasagne_sparse.updates.sparse`.

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions, each of the
        shape of its parameter
    params : list of shared variables or subsets of them
        The variables to generate update expressions for, of any shape
    learning_rate : float or symbolic scalar
        Learning rate
    beta1 : float or symbolic scalar
        Exponential decay rate for the first moment estimates, in [0, 1)
    beta2 : float or symbolic scalar
        Exponential decay rate for the weighted infinity norm, in [0, 1)
    epsilon : float or symbolic scalar
        Constant for numerical stability

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, and
        `m` and `u`, of its parameter's shape and dtype, and the scalar `t` to
        their own

    Raises
    ------
    TypeError, ValueError
        If `params`, or a list of gradients, is not as
        :func:`lasagne_sparse.updates.sparse` asks for.

    Warns
    -----
    SparsityWarning
        If a table that is looked up is also used as a whole.

    References
    ----------
    .. [1] Kingma, Diederik, and Jimmy Ba (2014):
           Adam: A Method for Stochastic Optimization. arXiv:1412.6980,
           Algorithm 2. There `epsilon` is absent.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adamax
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = adamax(W[[4, 1, 4]].sum(), [W], learning_rate=0.25)
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.   0.75 1.   1.   0.75]
    """
