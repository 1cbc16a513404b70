"""Norm constraints: of an update, and of the gradients of all parameters together"""

import lasagne
import numpy as np
import theano
import theano.tensor as T
from theano.gof.graph import ancestors

from ..sparsity import row_gradient, row_write
from .sparsity_warning import warn_norm
from .writes import write_rows

__all__ = ["norm_constraint", "total_norm_constraint"]

_dense_norm_constraint = lasagne.updates.norm_constraint


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
