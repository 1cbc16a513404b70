"""Adagrad"""

import lasagne

from .sparse_rule import sparse_rule

__all__ = ["adagrad"]


@sparse_rule(lasagne.updates.adagrad, slots=["accu"])
def adagrad(loss_or_grads, params, learning_rate=1.0, epsilon=1e-6):
    """Adagrad updates

    The step of each element is divided by the root of the sum of its squared
    gradients so far, as in [1]_.

    * ``accu := accu + gradient ** 2``
    * ``param := param - learning_rate * gradient / sqrt(accu + epsilon)``

    Only the rows of a table that the loss looks up are updated, and only their
    accumulators. Rows without a lookup have no gradient, so that this is what the
    dense rule does: under Adagrad nothing is lazy. The gradients of a row that is
    looked up several times are summed before they are squared. See
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

    Notes
    -----
    The paper has no `epsilon`; [2]_ has one.

    References
    ----------
    .. [1] Duchi, J., Hazan, E., & Singer, Y. (2011):
           Adaptive subgradient methods for online learning and stochastic
           optimization. JMLR, 12:2121-2159, equation (1) with a diagonal matrix.

    .. [2] Chris Dyer:
           Notes on AdaGrad. http://www.ark.cs.cmu.edu/cdyer/adagrad.pdf

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adagrad
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> step = theano.function([], updates=adagrad(W[[4, 1, 4]].sum(), [W], 0.5))
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.  0.5 1.  1.  0.5]
    """
