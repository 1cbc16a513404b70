"""True classes against noise: each class a question of its own"""

import theano.tensor as T
from theano.tensor.nnet import softplus

from .scores import scores, weighted_sum

__all__ = ["nce", "negative_sampling"]


def nce(h, targets, W, b, sample, remove_accidental_hits=False):
    """Noise-contrastive estimation: is a class the true one, or from the sample?

    With the scores ``z[k] := dot(h, W[k]) + b[k] - ln Q(k)``, t the true class and S
    the sample,

    * ``loss := -ln sigmoid(z[t]) - sum(ln sigmoid(-z[s]) for s in S)``

    At its optimum ``exp(dot(h, W[k]) + b[k])`` is the probability of class k given h,
    normalised without a sum over all classes.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
        What the network makes of the examples.
    targets : Theano vector or matrix, integer
        The true class of each example, shape ``(batch_size,)``, or several, shape
        ``(batch_size, num_true)``: then the first term is the mean over them.
    W : Theano shared variable or matrix, shape ``(num_classes, num_units)``
        A row for each class. It may be the table of an embedding layer, too.
    b : Theano shared variable or vector, shape ``(num_classes,)``, or None
        The biases.
    sample : Sample, or Theano vector of integers
        What a sampler drew, for the whole batch: ``sampler.draw(64)``.
    remove_accidental_hits : bool
        Whether a sampled class that is a true class of an example is left out of that
        example's sum. The theory asks for the noise as it is drawn.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        A loss for each example; take the mean.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no row of `W`, when the compiled function is called; nothing is
        updated then.

    Notes
    -----
    With one true class this is TensorFlow's ``nce_loss``. With several, that asks for
    ``sigmoid(z[t]) = 1 / num_true``; here a true class is true, and counts for
    ``1 / num_true``.

    References
    ----------
    .. [1] Gutmann, M., & Hyvärinen, A. (2010): Noise-contrastive estimation. AISTATS,
           equation 3.
    .. [2] Mnih, A., & Teh, Y. W. (2012): A fast and simple algorithm for training
           neural probabilistic language models. ICML, section 3.1.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W, h = theano.shared(np.zeros((10, 3)), 'W'), np.ones((2, 3))
    >>> loss = nce(h, [4, 9], W, None, theano.tensor.constant([1, 2, 3]))
    >>> print((loss / np.log(2)).eval())
    [4. 4.]
    """
    found = scores(h, targets, W, b, sample, remove_accidental_hits, True)
    return _against_noise(found)


def negative_sampling(h, targets, W, b, sample, remove_accidental_hits=False):
    """word2vec's negative sampling: :func:`nce` without the correction by ln Q

    With the scores ``z[k] := dot(h, W[k]) + b[k]``, t the true class and S the sample,

    * ``loss := -ln sigmoid(z[t]) - sum(ln sigmoid(-z[s]) for s in S)``

    The rows learn well from it, but ``exp(z)`` are no probabilities.

    Parameters
    ----------
    h, targets, W, b, sample
        As for :func:`nce`. word2vec draws with ``UnigramSampler(counts, power=0.75)``,
        has no biases (None), and 5 to 20 negatives of each example. Here they are
        shared by the batch.
    remove_accidental_hits : bool
        Whether a sampled class that is a true class of an example is left out of that
        example's sum.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        A loss for each example; take the mean.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no row of `W`, when the compiled function is called.

    References
    ----------
    .. [1] Mikolov, T. et al. (2013): Distributed Representations of Words and Phrases
           and their Compositionality. NIPS, equation 4.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W, h = theano.shared(np.zeros((10, 3)), 'W'), np.ones((2, 3))
    >>> loss = negative_sampling(h, [4, 9], W, None, theano.tensor.constant([4]), True)
    >>> print((loss / np.log(2)).eval())
    [1. 2.]
    """
    found = scores(h, targets, W, b, sample, remove_accidental_hits, False)
    return _against_noise(found)


def _against_noise(found):
    missed = softplus(-found.true)
    if missed.ndim == 2:
        missed = T.mean(missed, axis=1)
    return missed + weighted_sum(softplus(found.sampled), found.kept)
