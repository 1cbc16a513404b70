"""The softmax's cross-entropy, with a sample in the place of all classes"""

import theano.tensor as T
from theano.gradient import disconnected_grad

from ..samplers import in_batch
from .scores import scores, weighted_sum

__all__ = ["in_batch_softmax", "sampled_softmax"]


def sampled_softmax(h, targets, W, b, sample, remove_accidental_hits=True):
    """Cross-entropy of a softmax over the true class and a sample

    With the scores ``z[k] := dot(h, W[k]) + b[k] - ln Q(k)``, t the true class and S
    the sample, from which the true class is removed,

    * ``loss := -z[t] + ln(exp(z[t]) + sum(exp(z[s]) for s in S))``

    It estimates the cross-entropy of the full softmax, and its gradient, at the cost of
    the sample; the more is sampled, the closer. Only the rows of `W` and `b` that are
    true or sampled get a gradient.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
        What the network makes of the examples.
    targets : Theano vector or matrix, integer
        The true class of each example, shape ``(batch_size,)``, or several, shape
        ``(batch_size, num_true)``: then the loss is the mean over them, and all of
        them are in the sum.
    W : Theano shared variable or matrix, shape ``(num_classes, num_units)``
        A row for each class. It may be the table of an embedding layer, too.
    b : Theano shared variable or vector, shape ``(num_classes,)``, or None
        The biases.
    sample : Sample, or Theano vector of integers
        What a sampler drew, for the whole batch: ``sampler.draw(512)``. Of a plain
        vector, Q is 1.
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
        If a target is no row of `W`, when the compiled function is called; nothing is
        updated then.

    Notes
    -----
    If the sample contains all classes once, and Q is 1, this is the full softmax.
    TensorFlow's ``sampled_softmax_loss`` computes the same.

    References
    ----------
    .. [1] Jean, S., Cho, K., Memisevic, R., & Bengio, Y. (2015): On Using Very Large
           Target Vocabulary for Neural Machine Translation. ACL, section 3.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> from lasagne_sparse.samplers import LogUniformSampler
    >>> W = theano.shared(np.zeros((1000, 3)), 'W')
    >>> h, targets = T.matrix('h'), T.ivector('targets')
    >>> sample = LogUniformSampler(1000, seed=1).draw(20)
    >>> loss = sampled_softmax(h, targets, W, None, sample)
    >>> f = theano.function([h, targets], loss)
    >>> f(np.ones((2, 3)), [4, 9]).shape
    (2,)
    """
    found = scores(h, targets, W, b, sample, remove_accidental_hits, True)
    true = found.true if found.true.ndim == 2 else T.shape_padright(found.true)
    # A hit has the score of its true class: what is left out is no larger.
    largest = T.maximum(T.max(true, axis=1), T.max(found.sampled, axis=1))
    largest = disconnected_grad(largest)
    shift = T.shape_padright(largest)
    total = T.sum(T.exp(true - shift), axis=1)
    total += weighted_sum(T.exp(found.sampled - shift), found.kept)
    return largest + T.log(total) - T.mean(true, axis=1)


def in_batch_softmax(h, targets, W, b=None, sampler=None):
    """Cross-entropy of a softmax over the true classes of the whole batch

    * ``loss := sampled_softmax(h, targets, W, b, in_batch(targets, sampler))``

    No other rows than those of the batch's own classes are looked up.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
    targets : Theano vector, shape ``(batch_size,)``, integer
        The true class of each example.
    W : Theano shared variable or matrix, shape ``(num_classes, num_units)``
    b : Theano shared variable or vector, shape ``(num_classes,)``, optional
    sampler : sampler, optional
        Its P is how often classes are true ones, such as
        ``UnigramSampler(counts, power=1)``: ``ln Q(k) = ln(batch_size * P(k))`` is
        taken off the scores. Without it, frequent classes are punished for being in
        many batches.

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
        A loss for each example.

    Raises
    ------
    TypeError
        If an input is of another kind.
    IndexError
        If a target is no row of `W`, when the compiled function is called.

    Notes
    -----
    Other examples of the same class are no negatives of each other.

    References
    ----------
    .. [1] Yi, X. et al. (2019): Sampling-Bias-Corrected Neural Modeling for Large
           Corpus Item Recommendations. RecSys, section 3.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W = theano.shared(np.array([[1., 0.], [0., 1.], [0., 0.]]), 'W')
    >>> h = np.array([[0., 0.], [0., 0.]])
    >>> print(in_batch_softmax(h, [0, 1], W).eval().round(4))
    [0.6931 0.6931]
    """
    return sampled_softmax(h, targets, W, b, in_batch(targets, sampler))
