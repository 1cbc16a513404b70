"""Classes as often as they were counted, or more evenly than that"""

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.opt import Assert

from .alias import alias_table
from .sampler import Sampler

__all__ = ["UnigramSampler", "checked_counts"]


class UnigramSampler(Sampler):
    """
    lasagne_sparse.samplers.UnigramSampler(counts, power=1.0, seed=None, name=None)

    Draws classes by their counts, raised to a power.

    * ``P(k) := counts[k] ** power / sum(counts ** power)``

    Parameters
    ----------
    counts : array_like, shape ``(num_classes,)``
        How often each class occurs, or its probability, to any factor. A class of count
        0 is never drawn, whatever the power.
    power : float
        1 draws classes as they occur, 0 all alike; word2vec takes 0.75.
    seed : int, optional
        In ``[-2**63, 2**63)``; the default takes one from Lasagne's generator.
    name : str, optional
        That of the sampler's states.

    Raises
    ------
    TypeError
        If `seed` is no integer.
    ValueError
        If `counts` is no vector, or empty, if a count is negative, NaN or infinite, or
        all are zero, or if `power` is no finite number. The message names the first
        such class, and its count.

    Notes
    -----
    The table of [1]_ takes 16 bytes a class, and the logarithms of P another 8. They
    are made in float64, for any number of classes.

    A class that cannot be drawn has no ln P that a loss could correct its score by. If
    one is a true class in a corrected loss, the compiled function raises an
    ``AssertionError``, and updates nothing.

    References
    ----------
    .. [1] Walker, A. (1977): An Efficient Method for Generating Discrete Random
           Variables with General Distributions. ACM TOMS 3(3).

    Examples
    --------
    >>> import theano
    >>> sampler = UnigramSampler([4, 0, 12], power=0.5, seed=1)
    >>> print(sampler.log_probability([0, 2]).eval().round(4))
    [-1.0051 -0.4557]
    >>> draw = theano.function([], sampler.draw(6, unique=False).classes)
    >>> print(set(draw()) <= {0, 2})
    True
    """

    distribution = "alias"

    def __init__(self, counts, power=1.0, seed=None, name=None):
        counts, power = checked_counts(counts), float(power)
        if not np.isfinite(power):
            raise ValueError("power must be a finite number, got %r" % power)
        super().__init__(len(counts), seed, name)
        possible = counts > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            log_p = np.where(possible, power * np.log(counts / counts.max()), -np.inf)
        log_p[possible] -= log_p.max()  # a negative power turns them round
        weights = np.exp(log_p)
        log_p[possible] -= np.log(np.sum(weights, dtype=np.longdouble)).astype(float)
        self._possible = int(np.count_nonzero(weights))
        self._has_zeros = self._possible < len(counts)
        # On the host, where the draws are made, whatever the device.
        label = name or type(self).__name__
        self._alias = theano.shared(
            alias_table(weights), label + "/alias", borrow=True, target="cpu"
        )
        self._log_p = theano.shared(log_p, label + "/log_p", borrow=True, target="cpu")

    def log_probability(self, classes):
        classes = T.as_tensor_variable(classes)
        found = self._log_p[classes.flatten()]
        if self._has_zeros:
            found = Assert(
                "a class of count 0, which the sampler never draws, is a true class of "
                "a loss that corrects scores by its probability: give it a positive "
                "count"
            )(found, T.all(found > -np.inf))
        found = T.cast(found, theano.config.floatX)
        return T.reshape(found, classes.shape, ndim=classes.ndim)

    def _num_possible(self):
        return self._possible

    def _tables(self):
        return [self._alias]


def checked_counts(counts):
    """Returns counts as float64, or raises an error that names one that is wrong

    Parameters
    ----------
    counts : array_like

    Returns
    -------
    NumPy vector, shape ``(num_classes,)``, float64

    Raises
    ------
    ValueError
        As :class:`UnigramSampler` says.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 1 or len(counts) == 0:
        raise ValueError(
            "counts must be a vector with a number for each class, got an array of "
            "shape %s" % (counts.shape,)
        )
    wrong = np.flatnonzero(~(counts >= 0) | np.isinf(counts))
    if len(wrong):
        raise ValueError(
            "counts must be finite and not negative, got %r for class %d (%d such "
            "classes in all)" % (float(counts[wrong[0]]), wrong[0], len(wrong))
        )
    if not counts.any():
        raise ValueError(
            "counts must not all be zero, got %d zeros: their sum is no probability's"
            % len(counts)
        )
    return counts
