"""Holds the rows of tables to the norms that their layers allow"""

from collections import OrderedDict

import lasagne

from ..updates import norm_constraint

__all__ = ["constrain_rows"]


def constrain_rows(updates, network, epsilon=1e-7):
    """Rescales the rows that an update writes, where layers have a ``max_norm``

    * ``norm := sqrt(sum(row ** 2))``
    * ``row := row * min(norm, max_norm) / (epsilon + norm)``

    of each row as the update leaves it. PyTorch's ``max_norm`` rescales rows of the
    table when they are looked up, in the forward pass, also in evaluation; so its first
    step sees rescaled rows, and ours leave the table as it is until they are updated.
    From then on no row that was ever updated is longer than allowed, with either.

    Parameters
    ----------
    updates : dict
        Of a rule: ``{parameter: expression}``.
    network : a :class:`lasagne.layers.Layer` instance or a list of them
        The output layers. Those with a table and a ``max_norm`` are looked at; of
        several with one table, the smallest counts.
    epsilon : float
        Constant for numerical stability.

    Returns
    -------
    OrderedDict
        The same updates, with constraints on top of those of tables.

    Raises
    ------
    ValueError
        If a layer has a ``max_norm``, and `updates` does not change its table.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> from lasagne.layers import InputLayer, get_output
    >>> from lasagne_sparse.layers import EmbeddingLayer, constrain_rows
    >>> from lasagne_sparse.updates import sgd
    >>> x, W = T.ivector(), np.zeros((3, 2))
    >>> layer = EmbeddingLayer(InputLayer((None,), x), 3, 2, W=W, max_norm=1.)
    >>> updates = sgd(get_output(layer).sum(), [layer.W], learning_rate=5.)
    >>> theano.function([x], updates=constrain_rows(updates, layer))([1])
    []
    >>> print(layer.W.get_value().round(3).tolist())
    [[0.0, 0.0], [-0.707, -0.707], [0.0, 0.0]]
    """
    updates, norms = OrderedDict(updates), OrderedDict()
    for layer in lasagne.layers.get_all_layers(network):
        allowed = getattr(layer, "max_norm", None)
        if allowed is None:
            continue
        if layer.W not in updates:
            raise ValueError(
                "layer %r has max_norm=%s, but the updates do not change its table %s: "
                "give those of the rule that does" % (layer.name, allowed, layer.W)
            )
        norms[layer.W] = min(allowed, norms.get(layer.W, allowed))
    for W, allowed in norms.items():
        updates[W] = norm_constraint(updates[W], allowed, (1,), epsilon)
    return updates
