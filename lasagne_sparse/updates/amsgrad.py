"""AMSGrad"""

from collections import OrderedDict

import lasagne
import theano
import theano.tensor as T
from lasagne.updates import get_or_compute_grads
from lasagne.utils import floatX

from ..state.placement import accumulator
from .sparse_rule import sparse_rule

__all__ = ["amsgrad", "dense_amsgrad"]


def dense_amsgrad(
    loss_or_grads, params, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """AMSGrad updates of all rows, for Lasagne 0.1, which has none

    Arguments, result and paper are those of
    :func:`lasagne_sparse.updates.amsgrad`.
    """
    gradients = get_or_compute_grads(loss_or_grads, params)
    t_prev = theano.shared(floatX(0.0))
    t = t_prev + 1
    a_t = learning_rate * T.sqrt(1 - beta2**t) / (1 - beta1**t)

    updates = OrderedDict()
    for param, g_t in zip(params, gradients):
        m_prev, v_prev, v_hat_prev = (accumulator(param) for _ in range(3))
        m_t = beta1 * m_prev + (1 - beta1) * g_t
        v_t = beta2 * v_prev + (1 - beta2) * g_t**2
        v_hat_t = T.maximum(v_hat_prev, v_t)
        updates[m_prev] = m_t
        updates[v_prev] = v_t
        updates[v_hat_prev] = v_hat_t
        updates[param] = param - a_t * m_t / (T.sqrt(v_hat_t) + epsilon)
    updates[t_prev] = t
    return updates


@sparse_rule(
    getattr(lasagne.updates, "amsgrad", dense_amsgrad),
    slots=["m", "v", "v_hat"],
    scalars=["t"],
)
def amsgrad(
    loss_or_grads, params, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """AMSGrad updates

    Adam with the largest second moment seen so far, as in [1]_.

    * ``t := t + 1``
    * ``a := learning_rate * sqrt(1 - beta2 ** t) / (1 - beta1 ** t)``
    * ``m := beta1 * m + (1 - beta1) * gradient``
    * ``v := beta2 * v + (1 - beta2) * gradient ** 2``
    * ``v_hat := max(v_hat, v)``
    * ``param := param - a * m / (sqrt(v_hat) + epsilon)``

    Only the rows of a table that the loss looks up are updated, and only their
    history: the update is lazy. `m` and `v` of a row that is not looked up do not
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
        Exponential decay rate for the second moment estimates, in [0, 1)
    epsilon : float or symbolic scalar
        Constant for numerical stability

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, and
        `m`, `v` and `v_hat`, of its parameter's shape and dtype, and the scalar `t` to
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
    .. [1] Reddi, Sashank J., Satyen Kale, and Sanjiv Kumar (2018):
           On the Convergence of Adam and Beyond. ICLR 2018, Algorithm 2. The
           bias correction is Lasagne's; the paper has none.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import amsgrad
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = amsgrad(W[[4, 1, 4]].sum(), [W], learning_rate=0.25)
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.   0.75 1.   1.   0.75]
    """
