"""All classes at once, for evaluation: probabilities, and the best few"""

import theano.tensor as T
from theano.gradient import disconnected_grad

from .scores import all_scores

__all__ = ["log_probabilities", "log_softmax", "top_k"]


def log_probabilities(h, W, b=None):
    """The logarithm of the full softmax

    * ``ln P(k) := z[k] - ln(sum(exp(z)))``, with ``z := dot(h, W.T) + b``

    What :func:`.sampled_softmax` is trained for. It takes all of `W`, and its gradient
    is dense.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
    W : Theano matrix, shape ``(num_classes, num_units)``
    b : Theano vector, shape ``(num_classes,)``, optional

    Returns
    -------
    Theano matrix, shape ``(batch_size, num_classes)``

    Examples
    --------
    >>> import numpy as np, theano
    >>> h, W = np.ones((1, 2)), theano.shared(np.zeros((4, 2)))
    >>> print(np.exp(log_probabilities(h, W).eval()))
    [[0.25 0.25 0.25 0.25]]
    """
    return log_softmax(all_scores(h, W, b))


def log_softmax(scores):
    """The logarithm of the softmax of each row

    Parameters
    ----------
    scores : Theano matrix, shape ``(batch_size, num_classes)``

    Returns
    -------
    Theano matrix of this shape
    """
    shifted = scores - disconnected_grad(T.max(scores, axis=1, keepdims=True))
    return shifted - T.log(T.sum(T.exp(shifted), axis=1, keepdims=True))


def top_k(scores, k):
    """The classes of the highest scores

    Parameters
    ----------
    scores : Theano matrix, shape ``(batch_size, num_classes)``
        Or probabilities, or their logarithms.
    k : int
        How many, at least 1; all classes if there are fewer.

    Returns
    -------
    classes : Theano matrix, shape ``(batch_size, k)``, int64
        The best one first.
    values : Theano matrix, shape ``(batch_size, k)``
        Their scores.

    Raises
    ------
    ValueError
        If `k` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> classes, values = top_k(np.array([[0.1, 0.7, 0.2]]), 2)
    >>> print(classes.eval(), values.eval())
    [[1 2]] [[0.7 0.2]]
    """
    if k < 1:
        raise ValueError("k must be at least 1, got %r" % (k,))
    scores = T.as_tensor_variable(scores)
    # Not Theano's topk: it moves to OpenCL devices, for which it has no kernel.
    classes = T.argsort(-scores, axis=1)[:, :k]
    examples = T.shape_padright(T.arange(scores.shape[0]))
    return classes, scores[examples, classes]
