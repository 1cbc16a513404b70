"""An output layer whose classes are the leaves of a tree"""

import lasagne

from ..objectives import (
    HuffmanTree,
    hierarchical_log_probabilities,
    hierarchical_softmax,
)
from .output import OutputLayer, flat

__all__ = ["HierarchicalSoftmaxLayer"]


class HierarchicalSoftmaxLayer(OutputLayer):
    """
    lasagne_sparse.layers.HierarchicalSoftmaxLayer(incoming, targets, counts,
    W=lasagne.init.GlorotUniform(), b=None, **kwargs)

    A softmax over many classes, as ways through a Huffman tree.

    * ``get_output(layer)``: the loss of each example, by
      :func:`~lasagne_sparse.objectives.hierarchical_softmax`
    * ``get_output(layer, deterministic=True)``: the probabilities of all classes, shape
      ``(batch_size, num_classes)``

    In training only the nodes on the way to a true class are read and updated. Nothing
    is sampled, and the probabilities are exact.

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer feeding into this layer, or the expected input shape. Axes behind the
        second are flattened into it, as by a dense layer.
    targets : Layer, or Theano vector of integers
        The true class of each example.
    counts : array_like, shape ``(num_classes,)``, or HuffmanTree
        How often each class occurs.
    W : Theano shared variable, expression, NumPy array or callable
        The table, shape ``(num_classes - 1, num_inputs)``, or its initializer.
    b : Theano shared variable, expression, NumPy array, callable or None
        The biases, shape ``(num_classes - 1,)``, or their initializer.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Raises
    ------
    TypeError
        If the targets are not of an integer dtype.
    ValueError
        If `counts` makes no tree: see :class:`~lasagne_sparse.objectives.HuffmanTree`.
    IndexError
        If a target is no class, when the compiled function is called; nothing is
        updated then.

    Examples
    --------
    >>> import lasagne, numpy as np, theano
    >>> import theano.tensor as T
    >>> from lasagne_sparse.layers import HierarchicalSoftmaxLayer
    >>> h, targets = T.matrix('h'), T.ivector('targets')
    >>> network = lasagne.layers.InputLayer((None, 8), h)
    >>> network = HierarchicalSoftmaxLayer(network, targets, counts=[5, 1, 2, 9])
    >>> probabilities = lasagne.layers.get_output(network, deterministic=True)
    >>> f = theano.function([h], probabilities.sum(axis=1))
    >>> print(f(np.ones((2, 8))).round(6))
    [1. 1.]
    """

    def __init__(
        self,
        incoming,
        targets,
        counts,
        W=lasagne.init.GlorotUniform(),
        b=None,
        **kwargs,
    ):
        tree = counts if isinstance(counts, HuffmanTree) else HuffmanTree(counts)
        super().__init__(incoming, targets, tree.num_classes, **kwargs)
        self.tree = tree
        self._add_table(W, b, tree.num_nodes)

    def get_loss_for(self, h, targets):
        return hierarchical_softmax(flat(h), targets, self.W, self.b, self.tree)

    def get_log_probabilities_for(self, h):
        return hierarchical_log_probabilities(flat(h), self.W, self.b, self.tree)
