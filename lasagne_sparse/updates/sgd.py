"""Stochastic gradient descent"""

import lasagne

from .sparse_rule import sparse_rule

__all__ = ["sgd"]


@sparse_rule(lasagne.updates.sgd)
def sgd(loss_or_grads, params, learning_rate):
    """Stochastic Gradient Descent (SGD) updates

    * ``param := param - learning_rate * gradient``

    Only the rows of a table that the loss looks up are updated. Rows without a
    lookup have no gradient, so that this is what the dense rule does: under SGD
    alone, nothing is lazy. See :func:`lasagne_sparse.updates.sparse`.

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions, each of the
        shape of its parameter
    params : list of shared variables or subsets of them
        The variables to generate update expressions for, of any shape
    learning_rate : float or symbolic scalar
        The learning rate controlling the size of update steps

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, of its dtype

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
    .. [1] Robbins, Herbert, and Sutton Monro (1951): A Stochastic Approximation
           Method. The Annals of Mathematical Statistics, 22, 400-407,
           equation (8).

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import sgd
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> step = theano.function([], updates=sgd(W[[4, 1, 4]].sum(), [W], 0.25))
    >>> step()
    []
    >>> print(W.get_value()[:, 0])
    [1.   0.75 1.   1.   0.5 ]
    """
