"""Dense rules that Lasagne lacks, in Lasagne's form, to be made sparse

Lasagne 0.1 has no Adamax and no AMSGrad; no Lasagne has row-wise Adagrad.
"""

from collections import OrderedDict

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import get_or_compute_grads
from lasagne.utils import floatX

__all__ = ["adamax", "amsgrad", "rowwise_adagrad"]


def _zeros_like(param):
    """Makes an accumulator: zeros with the shape and dtype of a parameter."""
    value = param.get_value(borrow=True)
    return theano.shared(
        np.zeros(value.shape, dtype=value.dtype), broadcastable=param.broadcastable
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

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions
    params : list of shared variables
        The variables to generate update expressions for
    learning_rate : float or symbolic scalar
        Learning rate
    beta1 : float or symbolic scalar
        Exponential decay rate for the first moment estimates, in [0, 1).
    beta2 : float or symbolic scalar
        Exponential decay rate for the weighted infinity norm, in [0, 1).
    epsilon : float or symbolic scalar
        Constant for numerical stability.

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression

    References
    ----------
    .. [1] Kingma, Diederik, and Jimmy Ba (2014):
           Adam: A Method for Stochastic Optimization. arXiv:1412.6980,
           Algorithm 2. There `epsilon` is absent.
    """
    gradients = get_or_compute_grads(loss_or_grads, params)
    t_prev = theano.shared(floatX(0.0))
    t = t_prev + 1
    a_t = learning_rate / (1 - beta1**t)

    updates = OrderedDict()
    for param, g_t in zip(params, gradients):
        m_prev, u_prev = _zeros_like(param), _zeros_like(param)
        m_t = beta1 * m_prev + (1 - beta1) * g_t
        u_t = T.maximum(beta2 * u_prev, abs(g_t))
        updates[m_prev] = m_t
        updates[u_prev] = u_t
        updates[param] = param - a_t * m_t / (u_t + epsilon)
    updates[t_prev] = t
    return updates


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

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions
    params : list of shared variables
        The variables to generate update expressions for
    learning_rate : float or symbolic scalar
        Learning rate
    beta1 : float or symbolic scalar
        Exponential decay rate for the first moment estimates, in [0, 1).
    beta2 : float or symbolic scalar
        Exponential decay rate for the second moment estimates, in [0, 1).
    epsilon : float or symbolic scalar
        Constant for numerical stability.

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression

    References
    ----------
    .. [1] Reddi, Sashank J., Satyen Kale, and Sanjiv Kumar (2018):
           On the Convergence of Adam and Beyond. ICLR 2018, Algorithm 2. The
           bias correction is Lasagne's; the paper has none.
    """
    gradients = get_or_compute_grads(loss_or_grads, params)
    t_prev = theano.shared(floatX(0.0))
    t = t_prev + 1
    a_t = learning_rate * T.sqrt(1 - beta2**t) / (1 - beta1**t)

    updates = OrderedDict()
    for param, g_t in zip(params, gradients):
        m_prev, v_prev, v_hat_prev = (_zeros_like(param) for _ in range(3))
        m_t = beta1 * m_prev + (1 - beta1) * g_t
        v_t = beta2 * v_prev + (1 - beta2) * g_t**2
        v_hat_t = T.maximum(v_hat_prev, v_t)
        updates[m_prev] = m_t
        updates[v_prev] = v_t
        updates[v_hat_prev] = v_hat_t
        updates[param] = param - a_t * m_t / (T.sqrt(v_hat_t) + epsilon)
    updates[t_prev] = t
    return updates


def rowwise_adagrad(loss_or_grads, params, learning_rate=1.0, epsilon=1e-6):
    """Row-wise Adagrad updates

    Adagrad with one accumulator per row in place of one per element, as in
    [1]_: the mean of the row's squared gradient is accumulated.

    * ``accu := accu + mean(gradient ** 2, axis=1)``
    * ``param := param - learning_rate * gradient / sqrt(accu + epsilon)``

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions
    params : list of shared variables, shape ``(num_rows, num_units)``
        The variables to generate update expressions for. The mean is over all
        axes but the first; a vector has nothing to average over, so that its
        update is Adagrad's.
    learning_rate : float or symbolic scalar
        Learning rate
    epsilon : float or symbolic scalar
        Constant for numerical stability, inside the root as in Lasagne's
        ``adagrad``.

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, and each
        accumulator, of shape ``(num_rows,)``, to its own

    Raises
    ------
    ValueError
        If a parameter is a scalar.

    References
    ----------
    .. [1] Gupta, Udit, et al. (2014): Training Highly Multiclass Classifiers.
           Journal of Machine Learning Research, 15, 1461-1492, section 4.2
           ('AdaGrad for embeddings': one rate per row).
    """
    gradients = get_or_compute_grads(loss_or_grads, params)
    updates = OrderedDict()
    for param, gradient in zip(params, gradients):
        if param.ndim == 0:
            raise ValueError(
                "rowwise_adagrad expects parameters with rows, got the scalar %s: "
                "use adagrad for it" % param
            )
        value = param.get_value(borrow=True)
        accu = theano.shared(
            np.zeros(value.shape[:1], dtype=value.dtype),
            broadcastable=param.broadcastable[:1],
        )
        axes = tuple(range(1, param.ndim))
        square = T.mean(gradient**2, axis=axes) if axes else gradient**2
        accu_new = accu + square
        updates[accu] = accu_new
        rate = learning_rate / T.sqrt(accu_new + epsilon)
        updates[param] = param - T.shape_padright(rate, len(axes)) * gradient
    return updates
