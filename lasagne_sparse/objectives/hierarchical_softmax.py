"""A softmax as a way through a binary tree: the cost of a class is its code's length"""

import theano.tensor as T
from theano.tensor.nnet import softplus

from .scores import all_scores, checked

__all__ = ["hierarchical_log_probabilities", "hierarchical_softmax"]


def hierarchical_softmax(h, targets, W, b, tree):
    """Cross-entropy of a hierarchical softmax

    With the inner nodes j on the way to the true class, and the bits d that lead there,

    * ``loss := sum(softplus(-(1 - 2 * d[j]) * (dot(h, W[j]) + b[j])) for j in path)``

    Only the nodes on the way to a true class get a gradient.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
        What the network makes of the examples.
    targets : Theano vector, shape ``(batch_size,)``, integer
        The true class of each example.
    W : Theano shared variable or matrix, shape ``(num_classes - 1, num_units)``
        A row for each inner node.
    b : Theano shared variable or vector, shape ``(num_classes - 1,)``, or None
        The nodes' biases; word2vec has none.
    tree : HuffmanTree

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        The negative logarithm of the true class's probability, for each example. The
        probabilities of all classes sum to 1.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no class of the tree, when the compiled function is called;
        nothing is updated then.

    References
    ----------
    .. [1] Morin, F., & Bengio, Y. (2005): Hierarchical Probabilistic Neural Network
           Language Model. AISTATS.
    .. [2] Mikolov, T. et al. (2013): Distributed Representations of Words and Phrases
           and their Compositionality. NIPS, equation 3.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.objectives import HuffmanTree
    >>> tree = HuffmanTree([5, 1, 2])
    >>> W, h = theano.shared(np.zeros((tree.num_nodes, 3)), 'W'), np.ones((2, 3))
    >>> print((hierarchical_softmax(h, [0, 1], W, None, tree) / np.log(2)).eval())
    [1. 2.]
    """
    h, targets, W, b = checked(h, targets, W, b, tree.num_classes)
    if targets.ndim != 1:
        raise TypeError(
            "targets must be a vector, a class for each example, got %s of type %s"
            % (targets, targets.type)
        )
    depth = tree.steps.get_value(borrow=True).shape[1]
    steps = tree.steps[targets].flatten()
    # What lies behind the end of a way is no lookup: its row would get a zero gradient,
    # which still moves it by its momentum.
    (places,) = T.ge(steps, 0).nonzero()
    steps, examples = steps[places], places // depth
    nodes = steps // 2
    score = T.sum(W[nodes] * h[examples], axis=1)
    if b is not None:
        score += b[nodes]
    missed = softplus((2 * T.cast(steps % 2, h.dtype) - 1) * score)
    zeros = T.zeros([h.shape[0]], dtype=missed.dtype)
    return T.inc_subtensor(zeros[examples], missed)


def hierarchical_log_probabilities(h, W, b, tree):
    """The logarithm of all probabilities of a hierarchical softmax

    Parameters
    ----------
    h, W, b, tree
        As for :func:`hierarchical_softmax`.

    Returns
    -------
    Theano matrix, shape ``(batch_size, num_classes)``
        For evaluation: it takes all of `W`, and as many passes over the result as the
        longest code has bits.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.objectives import HuffmanTree
    >>> tree = HuffmanTree([5, 1, 2])
    >>> W, h = theano.shared(np.zeros((tree.num_nodes, 3)), 'W'), np.ones((1, 3))
    >>> print(np.exp(hierarchical_log_probabilities(h, W, None, tree).eval()))
    [[0.5  0.25 0.25]]
    """
    found = all_scores(T.as_tensor_variable(h), T.as_tensor_variable(W), b)
    depth = tree.steps.get_value(borrow=True).shape[1]
    total = T.zeros([found.shape[0], tree.num_classes], dtype=found.dtype)
    for level in range(depth):
        step = tree.steps[:, level]
        sign = 2 * T.cast(step % 2, found.dtype) - 1
        missed = softplus(sign * found[:, T.maximum(step, 0) // 2])
        total -= T.switch(T.ge(step, 0), missed, T.zeros_like(missed))
    return total
