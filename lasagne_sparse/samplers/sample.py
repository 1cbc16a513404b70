"""Classes that were drawn, and how often each class was to be expected among them"""

import theano
import theano.tensor as T

__all__ = ["Sample", "as_sample", "in_batch"]


class Sample:
    """
    lasagne_sparse.samplers.Sample(classes, log_expected=None)

    Some classes, and the logarithm of how often any class is expected among them.

    Samplers make it by ``draw``. By hand it is made of classes that come from
    elsewhere, such as those of a data set with negatives of its own.

    Parameters
    ----------
    classes : Theano vector, shape ``(num_samples,)``, integer
        May repeat.
    log_expected : callable, optional
        Takes classes, any shape, and returns ln Q of each, floatX and of this shape,
        where Q(k) is the expected number of times that k is among `classes`. Without
        it losses correct nothing: for them Q is 1.

    Attributes
    ----------
    classes : Theano vector

    Raises
    ------
    TypeError
        If `classes` is no vector of integers.

    Examples
    --------
    >>> import theano.tensor as T
    >>> negatives = Sample(T.lvector('negatives'))
    >>> negatives.is_corrected
    False
    """

    def __init__(self, classes, log_expected=None):
        classes = T.as_tensor_variable(classes)
        if classes.dtype not in T.integer_dtypes or classes.ndim != 1:
            raise TypeError(
                "the classes of a sample must be a vector of integers, got %s: cast "
                "them to 'int32' and flatten() them" % (classes.type,)
            )
        self.classes, self._log_expected = classes, log_expected

    @property
    def is_corrected(self):
        """Whether it is known how often a class is expected"""
        return self._log_expected is not None

    def log_expected(self, classes):
        """Returns the logarithm of how often classes are expected in the sample

        Parameters
        ----------
        classes : Theano variable, any shape, integer

        Returns
        -------
        Theano variable, shape of `classes`, floatX
            ln Q(k); zeros if that is not known.
        """
        classes = T.as_tensor_variable(classes)
        if self._log_expected is None:
            return T.zeros_like(classes, dtype=theano.config.floatX)
        return self._log_expected(classes)

    def joined(self, other):
        """Puts another sample behind this one

        * ``Q(k) := Q_self(k) + Q_other(k)``

        Parameters
        ----------
        other : Sample

        Returns
        -------
        Sample
            Its classes are those of this one, and then those of the other.

        Raises
        ------
        ValueError
            If one of the two knows how often a class is expected, and the other does
            not.
        """
        if self.is_corrected != other.is_corrected:
            raise ValueError(
                "one sample knows how often a class is expected in it, and the other "
                "does not: give in_batch a sampler, or Sample a log_expected"
            )
        classes = T.concatenate([self.classes, other.classes])

        def log_expected(k):
            one, two = self.log_expected(k), other.log_expected(k)
            return T.maximum(one, two) + T.log1p(T.exp(-abs(one - two)))

        return Sample(classes, log_expected if self.is_corrected else None)


def in_batch(targets, sampler=None):
    """Takes the true classes of a batch as the negatives of each other's examples

    * ``Q(k) := batch_size * P(k)``

    Parameters
    ----------
    targets : Theano vector, shape ``(batch_size,)``, integer
        The true class of each example.
    sampler : sampler, optional
        Its P is how often classes are true ones, such as
        ``UnigramSampler(counts, power=1)``. It draws nothing here. Without it nothing
        is known of Q, and frequent classes are negatives more often than they should.

    Returns
    -------
    Sample

    Raises
    ------
    TypeError
        If `targets` is no vector of integers.

    Notes
    -----
    The row's own class is among the negatives: losses remove such accidental hits.

    References
    ----------
    .. [1] Yi, X. et al. (2019): Sampling-Bias-Corrected Neural Modeling for Large
           Corpus Item Recommendations. RecSys, section 3.

    Examples
    --------
    >>> import theano.tensor as T
    >>> targets = T.lvector('targets')
    >>> in_batch(targets).classes is targets
    True
    """
    if sampler is None:
        return Sample(targets)
    targets = T.as_tensor_variable(targets)

    def log_expected(classes):
        size = T.cast(targets.shape[0], theano.config.floatX)
        return T.log(size) + sampler.log_probability(classes)

    return Sample(targets, log_expected)


def as_sample(sample):
    """Returns a sample, also of classes alone

    Parameters
    ----------
    sample : Sample or Theano vector, integer

    Returns
    -------
    Sample

    Raises
    ------
    TypeError
        If it is neither: of a sampler the sample is drawn by ``draw``.
    """
    if isinstance(sample, Sample):
        return sample
    if hasattr(sample, "draw"):
        raise TypeError(
            "expected a sample, got the sampler %s: call sampler.draw(num_samples) "
            "once, and give its result" % sample
        )
    return Sample(sample)
