"""The named rules: each is Lasagne's dense rule made sparse"""

import lasagne

from . import dense
from .transform import sparse

__all__ = [
    "sgd",
    "momentum",
    "nesterov_momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "adamax",
    "amsgrad",
    "rowwise_adagrad",
]

LAZY = """
    Only the rows of a table that the loss looks up are updated, and only
    their history: the update is lazy. See
    :func:`lasagne_sparse.updates.sparse` for what that means, for the errors
    and warnings, and for what else `params` may contain.
"""

EXAMPLE = """

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import %(name)s
    >>> W = theano.shared(np.ones((5, 2)), 'W')
    >>> step = theano.function([], updates=%(name)s(W[[4, 1, 4]].sum(), [W], 0.1))
    >>> step()
    []
    >>> print((W.get_value() < 1).all(axis=1))
    [False  True False False  True]
    """


def _named(name):
    """Makes a rule sparse: Lasagne's own, or ours where Lasagne has none."""
    rule = sparse(getattr(lasagne.updates, name, None) or getattr(dense, name))
    rule.__module__ = __name__
    # Lasagne's sections stay as they are: numpydoc takes each but once.
    summary, heading, sections = rule.__doc__.partition("\n    Parameters\n")
    # Lasagne 0.1 calls Adam's `beta1` and `beta2` so.
    sections = sections.replace("beta_", "beta").rstrip()
    rule.__doc__ = summary + LAZY + heading + sections
    rule.__doc__ += EXAMPLE % {"name": name}
    return rule


sgd = _named("sgd")
momentum = _named("momentum")
nesterov_momentum = _named("nesterov_momentum")
adagrad = _named("adagrad")
rmsprop = _named("rmsprop")
adadelta = _named("adadelta")
adam = _named("adam")
adamax = _named("adamax")
amsgrad = _named("amsgrad")
rowwise_adagrad = _named("rowwise_adagrad")
