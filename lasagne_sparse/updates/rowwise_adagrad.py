"""Row-wise Adagrad"""

from collections import OrderedDict

import theano.tensor as T
from lasagne.updates import get_or_compute_grads

from ..state.placement import accumulator
from .sparse_rule import sparse_rule

__all__ = ["dense_rowwise_adagrad", "rowwise_adagrad"]


def dense_rowwise_adagrad(loss_or_grads, params, learning_rate=1.0, epsilon=1e-6):
    """Row-wise Adagrad updates of all rows, which no Lasagne has

    Arguments, result and paper are those of
    :func:`lasagne_sparse.updates.rowwise_adagrad`.
    """
    gradients = get_or_compute_grads(loss_or_grads, params)
    updates = OrderedDict()
    for param, gradient in zip(params, gradients):
        if param.ndim == 0:
            raise ValueError(
                "rowwise_adagrad expects parameters with rows, got the scalar %s: "
                "use adagrad for it" % param
            )
        accu = accumulator(param, num_axes=1)
        axes = tuple(range(1, param.ndim))
        square = T.mean(gradient**2, axis=axes) if axes else gradient**2
        accu_new = accu + square
        updates[accu] = accu_new
        rate = learning_rate / T.sqrt(accu_new + epsilon)
        updates[param] = param - T.shape_padright(rate, len(axes)) * gradient
    return updates


@sparse_rule(dense_rowwise_adagrad, slots=["accu"])
def rowwise_adagrad(loss_or_grads, params, learning_rate=1.0, epsilon=1e-6):
    """Row-wise Adagrad updates

    Adagrad with one accumulator per row in place of one per element, as in
    [1]_: the mean of the row's squared gradient is accumulated.

    * ``accu := accu + mean(gradient ** 2, axis=1)``
    * ``param := param - learning_rate * gradient / sqrt(accu + epsilon)``

    Only the rows of a table that the loss looks up are updated, and only their
    accumulators. Rows without a lookup have no gradient, so that this is what the
    dense rule would do: nothing is lazy. See :func:`lasagne_sparse.updates.sparse`.

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions, each of the
        shape of its parameter
    params : list of shared variables, shape ``(num_rows, num_units)``, or subsets
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
        `accu`, of shape ``(num_rows,)`` and its parameter's dtype, to its own

    Raises
    ------
    ValueError
        If a parameter is a scalar.
    TypeError, ValueError
        If `params`, or a list of gradients, is not as
        :func:`lasagne_sparse.updates.sparse` asks for.

    Warns
    -----
    SparsityWarning
        If a table that is looked up is also used as a whole.

    References
    ----------
    .. [1] Gupta, Maya R., Samy Bengio, and Jason Weston (2014): Training Highly
           Multiclass Classifiers. Journal of Machine Learning Research, 15,
           1461-1492, section 4.2 ('AdaGrad for embeddings': one rate per row).

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import rowwise_adagrad
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = rowwise_adagrad(W[[4, 1, 4]].sum(), [W], learning_rate=0.5)
    >>> [state.name for state in updates]
    ['W/rowwise_adagrad/accu', 'W']
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.  0.5 1.  1.  0.5]
    """
