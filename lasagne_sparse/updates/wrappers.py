"""What goes around a rule: momentum on top of it, and norm constraints"""

from collections import OrderedDict

import lasagne
import numpy as np
import theano
import theano.tensor as T
from theano.gof.graph import ancestors

from ..state.placement import call_beside
from ..sparsity import row_gradient, row_write, row_writes
from ..graph import listed
from .sparsity_warning import warn_norm
from .writes import write_rows

__all__ = [
    "apply_momentum",
    "apply_nesterov_momentum",
    "norm_constraint",
    "total_norm_constraint",
]

_dense_apply_momentum = lasagne.updates.apply_momentum
_dense_apply_nesterov_momentum = lasagne.updates.apply_nesterov_momentum
_dense_norm_constraint = lasagne.updates.norm_constraint


def apply_momentum(updates, params=None, momentum=0.9):
    """Returns a modified update dictionary including momentum

    * ``velocity := momentum * velocity + updates[param] - param``
    * ``param := param + velocity``

    in the rows that ``updates[param]`` writes, where it writes some rows of a
    table, and everywhere else as :func:`lasagne.updates.apply_momentum` does.

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

    Notes
    -----
    The velocity of a row that is not written neither moves it nor decays.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import sgd
    >>> W = theano.shared(np.zeros((3, 1)), 'W')
    >>> updates = sgd(W[[2]].sum(), [W], learning_rate=1)
    >>> f = theano.function([], updates=apply_momentum(updates, momentum=.5))
    >>> f(), f()
    ([], [])
    >>> print(W.get_value().ravel())
    [ 0.   0.  -2.5]
    """
    return _apply(_dense_apply_momentum, updates, params, momentum)


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
    return _apply(_dense_apply_nesterov_momentum, updates, params, momentum)


def _apply(dense_apply, updates, params, momentum):
    """Applies a kind of momentum to all of a table, then restricts it."""
    params = listed(updates.keys() if params is None else params, "params")
    leaves = row_writes(updates, params)
    result = OrderedDict(updates)

    def apply(group):
        result.update(dense_apply(result, params=group, momentum=momentum))

    call_beside(params, apply)
    changed = set(params) | (set(result) - set(updates))
    written = write_rows(
        OrderedDict((s, e) for s, e in result.items() if s in changed), leaves, params
    )
    return OrderedDict((s, written.get(s, e)) for s, e in result.items())


def norm_constraint(tensor_var, max_norm, norm_axes=None, epsilon=1e-7):
    """Rescales an update or a gradient so that its norms stay below a bound

    * ``norm := sqrt(sum(tensor_var ** 2, axis=norm_axes))``
    * ``result := tensor_var * min(norm, max_norm) / (epsilon + norm)``

    Where `tensor_var` writes some rows of a table, and each row has a norm of
    its own, only the rows that are written are rescaled.

    Parameters
    ----------
    tensor_var : Theano variable
        An update, as in ``updates[W]``, or a gradient.
    max_norm : scalar
        The largest norm allowed.
    norm_axes : sequence of int, optional
        The axes to sum over. By default, as in Lasagne, axis 0 of a matrix,
        which gives *columns* norms; ``(1,)`` gives each row of a table its own.
    epsilon : float
        Constant for numerical stability.

    Returns
    -------
    Theano variable, the shape of `tensor_var`

    Raises
    ------
    ValueError
        If `norm_axes` is None, and `tensor_var` is a scalar, a vector or of more
        than 5 dimensions.

    Warns
    -----
    SparsityWarning
        If `tensor_var` writes some rows of a table, and the norms run over its
        rows, as they do by default. They need the whole table then, and other rows
        than those that are written are rescaled: the result is
        :func:`lasagne.updates.norm_constraint`'s.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import sgd
    >>> W = theano.shared(np.zeros((2, 2)), 'W')
    >>> updates = sgd(W[[1]].sum(), [W], learning_rate=5.)
    >>> updates[W] = norm_constraint(updates[W], 1., norm_axes=(1,))
    >>> theano.function([], updates=updates)()
    []
    >>> print(W.get_value().round(3).tolist())
    [[0.0, 0.0], [-0.707, -0.707]]
    """
    result = _dense_norm_constraint(tensor_var, max_norm, norm_axes, epsilon)
    update = row_write(tensor_var)
    if update is None:
        return result
    leaves = {tensor_var: update}
    rows = write_rows({update.table: result}, leaves)[update.table]
    if tensor_var not in ancestors([rows], blockers=[tensor_var]):
        return rows
    # A norm over all rows is still made of all of them.
    row_axes = tuple(i for i in range(tensor_var.ndim) if i != update.axis)
    warn_norm(update.table, row_axes)
    return result


def total_norm_constraint(tensor_vars, max_norm, epsilon=1e-7, return_norm=False):
    """Rescales a list of gradients so that their total norm stays below a bound

    * ``norm := sqrt(sum of tensor ** 2 over all elements of all tensors)``
    * ``result := tensor * min(norm, max_norm) / (epsilon + norm)``

    The norm of a table's gradient is that of its coalesced rows, which is the
    norm of the whole, and the result is row-sparse again.

    Parameters
    ----------
    tensor_vars : list of Theano variables
        Gradients, of tables and of other parameters.
    max_norm : float or symbolic scalar
        The largest norm allowed.
    epsilon : float
        Constant for numerical stability.
    return_norm : bool
        If True, the norm before the rescaling is returned too.

    Returns
    -------
    list of Theano variables
        The rescaled gradients; with `return_norm` a tuple of this list and
        the norm, a symbolic scalar.

    References
    ----------
    .. [1] Sutskever, I., Vinyals, O., & Le, Q. V. (2014): Sequence to sequence
           learning with neural networks. Section 3.4.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W = theano.shared(np.ones((3, 1)), 'W')
    >>> gradient = theano.grad(W[[2, 2]].sum() * 5, W)
    >>> (scaled,), norm = total_norm_constraint([gradient], 1, return_norm=True)
    >>> print(norm.eval(), scaled.eval().round(3).ravel())
    10.0 [0. 0. 1.]
    """
    tensors, parts = [], []
    for tensor in tensor_vars:
        found = row_gradient(tensor)
        tensors.append(tensor if found is None else found.scatter())
        parts.append(tensor if found is None else found.values)
    norm = T.sqrt(sum(T.sum(part**2) for part in parts))
    dtype = np.dtype(theano.config.floatX).type
    target_norm = T.clip(norm, 0, dtype(max_norm))
    multiplier = target_norm / (dtype(epsilon) + norm)
    scaled = [tensor * multiplier for tensor in tensors]
    return (scaled, norm) if return_norm else scaled
