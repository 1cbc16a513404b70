"""Puts our embedding layers in the place of Lasagne's, in a network that is built"""

import lasagne

from .embedding import EmbeddingLayer

__all__ = ["convert"]

# Not by its name: `install` puts ours there.
(_STOCK,) = [b for b in EmbeddingLayer.__bases__ if b.__module__.startswith("lasagne.")]


def convert(network):
    """Makes the embedding layers of a network ours

    The layers stay the same objects, with their parameters, tags and names, wherever
    the network or the program refers to them; they gain ``subset``, ``rows`` and
    ``subset_for``. What was computed from them before stays as it is: call
    :func:`lasagne.layers.get_output` after this.

    Parameters
    ----------
    network : a :class:`lasagne.layers.Layer` instance or a list of them
        The output layers.

    Returns
    -------
    list of EmbeddingLayer
        Those that were Lasagne's. Classes that a program derived from Lasagne's are
        left as they are: they may compute something else.

    Examples
    --------
    >>> import lasagne, lasagne_sparse
    >>> import theano.tensor as T
    >>> words = lasagne.layers.InputLayer((None, 3), T.imatrix())
    >>> words = lasagne.layers.EmbeddingLayer(words, 100, 4, name='words')
    >>> network = lasagne.layers.DenseLayer(words, 2)
    >>> [layer.name for layer in lasagne_sparse.layers.convert(network)]
    ['words']
    >>> isinstance(words, lasagne_sparse.layers.EmbeddingLayer)
    True
    """
    found = [
        layer
        for layer in lasagne.layers.get_all_layers(network)
        if type(layer) is _STOCK
    ]
    for layer in found:
        layer.__class__ = EmbeddingLayer
    return found
