"""RMSProp"""

import lasagne

from .sparse_rule import sparse_rule

__all__ = ["rmsprop"]


@sparse_rule(lasagne.updates.rmsprop, slots=["accu"])
def rmsprop(loss_or_grads, params, learning_rate=1.0, rho=0.9, epsilon=1e-6):
    """RMSProp updates

    The step of each element is divided by the root of the moving average of its
    squared gradient, as in [1]_.

    * ``accu := rho * accu + (1 - rho) * gradient ** 2``
    * ``param := param - learning_rate * gradient / sqrt(accu + epsilon)``

    Only the rows of a table that the loss looks up are updated, and only their
    averages: the update is lazy. The average of a row that is not looked up does
    not decay, as it would under the dense rule. See
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
    rho : float or symbolic scalar
        The share of the moving average that is kept, in [0, 1). Near 1 the average
        is over many steps, near 0 over few.
    epsilon : float or symbolic scalar
        Small value added for numerical stability, inside the root

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, and
        each `accu`, of its parameter's shape and dtype, to its own

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
    .. [1] Tieleman, T. and Hinton, G. (2012):
           Neural Networks for Machine Learning, Lecture 6.5 - rmsprop.
           Coursera. http://www.youtube.com/watch?v=O3sxAc4hxZU (formula @5:20)

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import rmsprop
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = rmsprop(W[[4, 1, 4]].sum(), [W], learning_rate=0.25, rho=0.75)
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.  0.5 1.  1.  0.5]
    """
