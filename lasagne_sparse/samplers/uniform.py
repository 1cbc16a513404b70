"""All classes alike"""

import numpy as np
import theano
import theano.tensor as T

from .sampler import Sampler

__all__ = ["UniformSampler"]


class UniformSampler(Sampler):
    """
    lasagne_sparse.samplers.UniformSampler(num_classes, seed=None, name=None)

    Draws each class with the same probability.

    * ``P(k) := 1 / num_classes``

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

    Examples
    --------
    >>> import theano
    >>> sample = UniformSampler(num_classes=4, seed=1).draw(4)
    >>> print(sorted(sample.classes.eval().tolist()))
    [0, 1, 2, 3]
    """

    distribution = "uniform"

    def log_probability(self, classes):
        classes = T.as_tensor_variable(classes)
        value = np.asarray(-np.log(self.num_classes), theano.config.floatX)
        return T.zeros_like(classes, dtype=theano.config.floatX) + value
