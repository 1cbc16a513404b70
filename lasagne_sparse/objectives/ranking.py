"""Losses of recommenders: the true item is to score higher than the sampled ones"""

import numpy as np
import theano.tensor as T
from theano.gradient import disconnected_grad
from theano.tensor.nnet import sigmoid, softplus

from .scores import scores, weighted_sum

__all__ = ["bpr", "bpr_max", "top1_max"]


def bpr(h, targets, W, b, sample, remove_accidental_hits=True):
    """Bayesian personalised ranking: each sampled item is to score lower

    With the scores ``r[k] := dot(h, W[k]) + b[k]``, t the true item and S the sample,

    * ``loss := mean(-ln sigmoid(r[t] - r[j]) for j in S)``

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
        What the network makes of the examples.
    targets : Theano vector, shape ``(batch_size,)``, integer
        The true item of each example.
    W : Theano shared variable or matrix, shape ``(num_items, num_units)``
        A row for each item. It may be the table of an embedding layer, too.
    b : Theano shared variable or vector, shape ``(num_items,)``, or None
        The biases.
    sample : Sample, or Theano vector of integers
        For the whole batch: ``sampler.draw(512)``, ``in_batch(targets)``, or one
        ``joined`` to the other. Scores are not corrected by it.
    remove_accidental_hits : bool
        Whether the true item, where it is in the sample, is left out.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        A loss for each example, 0 if nothing but its own item is in the sample.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no row of `W`, when the compiled function is called; nothing is
        updated then.

    References
    ----------
    .. [1] Rendle, S. et al. (2009): BPR: Bayesian Personalized Ranking from Implicit
           Feedback. UAI, section 4.1.
    .. [2] Hidasi, B. et al. (2016): Session-based Recommendations with Recurrent Neural
           Networks. ICLR, section 3.1.3.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W, h = theano.shared(np.zeros((10, 3)), 'W'), np.ones((2, 3))
    >>> loss = bpr(h, [4, 9], W, None, theano.tensor.constant([1, 2, 3]))
    >>> print((loss / np.log(2)).eval())
    [1. 1.]
    """
    true, sampled, kept = _ranked(h, targets, W, b, sample, remove_accidental_hits)
    total = weighted_sum(softplus(sampled - true), kept)
    count = sampled.shape[1] if kept is None else T.sum(kept, axis=1)
    return total / T.maximum(T.cast(count, total.dtype), 1)


def bpr_max(h, targets, W, b, sample, regularization=1.0, remove_accidental_hits=True):
    """GRU4Rec's bpr-max: the negatives that score high count most

    With the scores ``r[k] := dot(h, W[k]) + b[k]``, t the true item, S the sample, and
    s the softmax of the scores of S,

    * ``loss := -ln(sum(s[j] * sigmoid(r[t] - r[j]) for j in S) + 1e-24)
      + regularization * sum(s[j] * r[j] ** 2 for j in S)``

    Parameters
    ----------
    h, targets, W, b, sample, remove_accidental_hits
        As for :func:`bpr`.
    regularization : float or symbolic scalar
        The weight of the negatives' squared scores.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        A loss for each example, 0 if nothing but its own item is in the sample.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no row of `W`, when the compiled function is called.

    References
    ----------
    .. [1] Hidasi, B., & Karatzoglou, A. (2018): Recurrent Neural Networks with Top-k
           Gains for Session-based Recommendations. CIKM, equation 8.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W, h = theano.shared(np.zeros((10, 3)), 'W'), np.ones((2, 3))
    >>> loss = bpr_max(h, [4, 9], W, None, theano.tensor.constant([1, 2, 3]))
    >>> print((loss / np.log(2)).eval())
    [1. 1.]
    """
    true, sampled, kept = _ranked(h, targets, W, b, sample, remove_accidental_hits)
    share, any_left = _softmax(sampled, kept)
    ahead = T.sum(share * sigmoid(true - sampled), axis=1)
    penalty = T.sum(share * T.sqr(sampled), axis=1)
    tiny = np.asarray(1e-24, sampled.dtype)
    loss = -T.log(ahead + tiny) + T.cast(regularization, sampled.dtype) * penalty
    return T.switch(any_left, loss, T.zeros_like(loss))


def top1_max(h, targets, W, b, sample, remove_accidental_hits=True):
    """GRU4Rec's top1-max: the negatives that score high count most

    With the scores ``r[k] := dot(h, W[k]) + b[k]``, t the true item, S the sample, and
    s the softmax of the scores of S,

    * ``loss := sum(s[j] * (sigmoid(r[j] - r[t]) + sigmoid(r[j] ** 2)) for j in S)``

    Parameters
    ----------
    h, targets, W, b, sample, remove_accidental_hits
        As for :func:`bpr`.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        A loss for each example, 0 if nothing but its own item is in the sample.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no row of `W`, when the compiled function is called.

    References
    ----------
    .. [1] Hidasi, B., & Karatzoglou, A. (2018): Recurrent Neural Networks with Top-k
           Gains for Session-based Recommendations. CIKM, equation 5.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W, h = theano.shared(np.zeros((10, 3)), 'W'), np.ones((2, 3))
    >>> print(top1_max(h, [4, 9], W, None, theano.tensor.constant([1, 2])).eval())
    [1. 1.]
    """
    true, sampled, kept = _ranked(h, targets, W, b, sample, remove_accidental_hits)
    share, _ = _softmax(sampled, kept)
    return T.sum(share * (sigmoid(sampled - true) + sigmoid(T.sqr(sampled))), axis=1)


def _ranked(h, targets, W, b, sample, remove_accidental_hits):
    """Returns the scores, those of the true items as a column."""
    targets = T.as_tensor_variable(targets)
    if targets.ndim != 1:
        raise TypeError(
            "targets must be a vector, the one true item of each example, to rank "
            "before others; got %s of type %s" % (targets, targets.type)
        )
    found = scores(h, targets, W, b, sample, remove_accidental_hits, False)
    return T.shape_padright(found.true), found.sampled, found.kept


def _softmax(sampled, kept):
    """Returns the softmax over what is kept, and of which examples that is anything."""
    if kept is not None:  # the true item may score far higher than the others
        lowest = np.asarray(np.finfo(sampled.dtype).min, sampled.dtype)
        sampled = T.switch(kept, sampled, lowest)
    largest = disconnected_grad(T.max(sampled, axis=1, keepdims=True))
    weights = T.exp(sampled - largest)
    if kept is not None:
        weights *= kept
    total = T.sum(weights, axis=1, keepdims=True)
    any_left = total > 0
    return weights / T.switch(any_left, total, 1), any_left[:, 0]
