"""Adadelta"""

import lasagne

from .sparse_rule import sparse_rule

__all__ = ["adadelta"]


@sparse_rule(lasagne.updates.adadelta, slots=["accu", "delta_accu"])
def adadelta(loss_or_grads, params, learning_rate=1.0, rho=0.95, epsilon=1e-6):
    """Adadelta updates

    The step of each element is its gradient, scaled by the ratio of the average
    steps to the average gradients of the past, as in [1]_.

    * ``accu := rho * accu + (1 - rho) * gradient ** 2``
    * ``step := gradient * sqrt(delta_accu + epsilon) / sqrt(accu + epsilon)``
    * ``param := param - learning_rate * step``
    * ``delta_accu := rho * delta_accu + (1 - rho) * step ** 2``

    Only the rows of a table that the loss looks up are updated, and only their
    averages: the update is lazy. The averages of a row that is not looked up do
    not decay, as they would under the dense rule. See
    :func:`lasagne_sparse.updates.sparse`.

    Parameters
    ----------
    loss_or_grads : symbolic expression or list of expressions
        A scalar loss expression, or a list of gradient expressions, each of the
        shape of its parameter
    params : list of shared variables or subsets of them
        The variables to generate update expressions for, of any shape
    learning_rate : float or symbolic scalar
        The paper has none, so that 1 is probably best
    rho : float or symbolic scalar
        The share of the moving averages that is kept, in [0, 1)
    epsilon : float or symbolic scalar
        Small value added inside the roots. The very first steps are about as
        large as its root, and none would be made without it.

    Returns
    -------
    OrderedDict
        A dictionary mapping each parameter to its update expression, and
        `accu` and `delta_accu`, of its parameter's shape and dtype, to their own

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
    rho = 0.95 and epsilon = 1e-6 are suggested in the paper.

    References
    ----------
    .. [1] Zeiler, M. D. (2012):
           ADADELTA: An Adaptive Learning Rate Method.
           arXiv Preprint arXiv:1212.5701, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adadelta
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = adadelta(W[[4, 1, 4]].sum(), [W], rho=0.75, epsilon=0.25)
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.    0.293 1.    1.    0.106]
    """
