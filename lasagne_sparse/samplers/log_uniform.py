"""Classes by falling frequency: Zipf's law, without a count"""

import numpy as np
import theano
import theano.tensor as T

from .sampler import Sampler

__all__ = ["LogUniformSampler"]


class LogUniformSampler(Sampler):
    """
    lasagne_sparse.samplers.LogUniformSampler(num_classes, seed=None, name=None)

    Draws classes that are numbered by falling frequency, roughly as words occur.

    * ``P(k) := ln((k + 2) / (k + 1)) / ln(num_classes + 1)``

    It needs no counts, and no memory. If the most frequent class is not class 0, the
    next one not class 1, and so on, take :class:`UnigramSampler`.

    Parameters
    ----------
    num_classes : int
        Classes are the numbers in ``[0, num_classes)``.
    seed : int, optional
        In ``[-2**63, 2**63)``; the default takes one from Lasagne's generator.
    name : str, optional
        That of the sampler's states.

    Raises
    ------
    TypeError
        If `num_classes` or `seed` is no integer.
    ValueError
        If `num_classes` is not positive, or `seed` out of range.

    Notes
    -----
    As TensorFlow's ``log_uniform_candidate_sampler``, whose generator is another one.
    ``k + 1`` is the integer part of a number x, of density proportional to 1 / x. That
    is drawn by rejection, without a logarithm, so that all machines draw the same.

    Examples
    --------
    >>> import theano
    >>> sampler = LogUniformSampler(num_classes=3)
    >>> print(sampler.log_probability([0, 1, 2]).eval().round(4))
    [-0.6931 -1.2294 -1.5725]
    """

    distribution = "log_uniform"

    def log_probability(self, classes):
        floatX = theano.config.floatX
        place = T.cast(classes, floatX) + np.asarray(1, floatX)
        log_all = np.asarray(np.log(np.log1p(self.num_classes)), floatX)
        return T.log(T.log1p(1 / place)) - log_all
