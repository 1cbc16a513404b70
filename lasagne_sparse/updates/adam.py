"""Adam"""

import lasagne

from .sparse_rule import sparse_rule

__all__ = ["adam"]


@sparse_rule(lasagne.updates.adam, slots=["m", "v"], scalars=["t"])
def adam(
    loss_or_grads, params, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """Adam updates

    A moving average of the gradient, divided by the root of that of its square,
    both corrected for their start at zero, as in [1]_.

    * ``t := t + 1``
    * ``a := learning_rate * sqrt(1 - beta2 ** t) / (1 - beta1 ** t)``
    * ``m := beta1 * m + (1 - beta1) * gradient``
    * ``v := beta2 * v + (1 - beta2) * gradient ** 2``
    * ``param := param - a * m / (sqrt(v) + epsilon)``

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
        `m` and `v`, of its parameter's shape and dtype, and the scalar `t` to
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

    Notes
    -----
    This is the paper's second form, at the end of its section 2, where `epsilon`
    is not scaled with the root of `v`.

    References
    ----------
    .. [1] Kingma, Diederik, and Jimmy Ba (2014):
           Adam: A Method for Stochastic Optimization.
           arXiv preprint arXiv:1412.6980, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adam
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> updates = adam(W[[4, 1, 4]].sum(), [W], learning_rate=0.25)
    >>> [state.name for state in updates]
    ['W/adam/m', 'W/adam/v', 'W', 'adam/t']
    >>> step = theano.function([], updates=updates)
    >>> step()
    []
    >>> print(W.get_value()[:, 0].round(3))
    [1.   0.75 1.   1.   0.75]
    """
