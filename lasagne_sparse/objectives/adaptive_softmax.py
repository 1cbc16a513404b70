"""A softmax over few frequent classes, and clusters of the others"""

import theano.tensor as T

from .all_classes import log_softmax
from .scores import all_scores, checked

__all__ = ["adaptive_log_probabilities", "adaptive_softmax"]


def adaptive_softmax(h, targets, cutoffs, head, tails, b=None):
    """Cross-entropy of an adaptive softmax

    Classes are numbered by falling frequency. Those below ``cutoffs[0]`` have rows in
    the head; those in ``[cutoffs[i], cutoffs[i + 1])`` are cluster i, which has one row
    in the head, and a tail:

    * ``ln P(k) := ln softmax(dot(h, head.T) + b)[k]`` in the head,
    * ``ln P(k) := ln softmax(dot(h, head.T) + b)[cutoffs[0] + i]
      + ln softmax(dot(dot(h, P_i), W_i.T))[k - cutoffs[i]]`` in cluster i.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
        What the network makes of the examples.
    targets : Theano vector, shape ``(batch_size,)``, integer
        The true class of each example.
    cutoffs : list of int
        The first class of each cluster, ascending.
    head : Theano matrix, shape ``(cutoffs[0] + len(cutoffs), num_units)``
    tails : list of pairs of Theano matrices
        For each cluster ``P_i``, shape ``(num_units, size_i)``, and ``W_i``, shape
        ``(num_classes_i, size_i)``.
    b : Theano vector, shape ``(cutoffs[0] + len(cutoffs),)``, optional
        The biases of the head.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        The negative logarithm of the true class's probability, for each example.

    Raises
    ------
    TypeError
        If an input is of another kind.
    ValueError
        If `cutoffs` is empty or not ascending, or there is not one of `tails` for each.
    IndexError
        If a target is no class, when the compiled function is called; nothing is
        updated then.

    Notes
    -----
    A tail is computed for those examples alone whose class is in it: few, and with
    shorter rows. But it is a product with all of ``W_i``, so its gradient is dense, as
    that of PyTorch's ``AdaptiveLogSoftmaxWithLoss``. Where the update has to be sparse,
    take :func:`.sampled_softmax`.

    References
    ----------
    .. [1] Grave, E. et al. (2017): Efficient softmax approximation for GPUs. ICML,
           section 4.

    Examples
    --------
    >>> import numpy as np
    >>> h, head = np.ones((2, 4)), np.zeros((2, 4))
    >>> tails = [(np.ones((4, 2)), np.zeros((8, 2)))]
    >>> loss = adaptive_softmax(h, [0, 5], [1], head, tails)
    >>> print((loss / np.log(2)).eval())
    [1. 4.]
    """
    cutoffs = _checked_cutoffs(cutoffs, tails)
    tails = [[T.as_tensor_variable(part) for part in tail] for tail in tails]
    num_classes = cutoffs[-1] + tails[-1][1].shape[0]
    h, targets, head, b = checked(h, targets, head, b, num_classes)
    if targets.ndim != 1:
        raise TypeError(
            "targets must be a vector, a class for each example, got %s of type %s"
            % (targets, targets.type)
        )
    place = targets
    for i, cutoff in enumerate(cutoffs):
        place = T.switch(T.ge(targets, cutoff), cutoffs[0] + i, place)
    in_head = log_softmax(all_scores(h, head, b))
    found = in_head[T.arange(h.shape[0]), place]
    for i, (projection, W) in enumerate(tails):
        (examples,) = T.eq(place, cutoffs[0] + i).nonzero()
        # and the first one, whose class may be elsewhere: not every BLAS, nor Theano's
        # use of it, takes the empty matrices of a cluster without examples
        nonempty = T.concatenate([examples, T.zeros([1], examples.dtype)])
        column = T.concatenate([targets[examples] - cutoffs[i], T.zeros([1], "int64")])
        inside = log_softmax(T.dot(T.dot(h[nonempty], projection), W.T))
        own = inside[T.arange(nonempty.shape[0]), column][:-1]
        found = T.inc_subtensor(found[examples], own)
    return -found


def adaptive_log_probabilities(h, cutoffs, head, tails, b=None):
    """The logarithm of all probabilities of an adaptive softmax

    Parameters
    ----------
    h, cutoffs, head, tails, b
        As for :func:`adaptive_softmax`.

    Returns
    -------
    Theano matrix, shape ``(batch_size, num_classes)``

    Raises
    ------
    ValueError
        As by :func:`adaptive_softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> tails = [(np.ones((4, 2)), np.zeros((2, 2)))]
    >>> h, head = np.ones((1, 4)), np.zeros((2, 4))
    >>> found = adaptive_log_probabilities(h, [1], head, tails)
    >>> print(np.exp(found.eval()))
    [[0.5  0.25 0.25]]
    """
    cutoffs = _checked_cutoffs(cutoffs, tails)
    h = T.as_tensor_variable(h)
    in_head = log_softmax(all_scores(h, T.as_tensor_variable(head), b))
    parts = [in_head[:, : cutoffs[0]]]
    for i, (projection, W) in enumerate(tails):
        inside = log_softmax(T.dot(T.dot(h, projection), T.as_tensor_variable(W).T))
        parts.append(T.shape_padright(in_head[:, cutoffs[0] + i]) + inside)
    return T.concatenate(parts, axis=1)


def _checked_cutoffs(cutoffs, tails):
    """Returns the cutoffs as a list of int."""
    cutoffs = [int(c) for c in cutoffs]
    if not cutoffs or sorted(set(cutoffs)) != cutoffs or cutoffs[0] < 1:
        raise ValueError(
            "cutoffs must be positive and ascending, the first class of each cluster; "
            "got %r" % (cutoffs,)
        )
    if len(tails) != len(cutoffs):
        raise ValueError(
            "there must be a tail for each of the %d cutoffs, got %d"
            % (len(cutoffs), len(tails))
        )
    return cutoffs
