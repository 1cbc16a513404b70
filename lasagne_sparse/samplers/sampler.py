"""What all samplers share: seeds, states, and the number of tries"""

import numbers

import numpy as np
import theano
import theano.tensor as T
from lasagne.random import get_rng

from ..ops.sampling.draw import Draw, check_draw
from .sample import Sample

__all__ = ["Sampler"]


class Sampler:
    """
    lasagne_sparse.samplers.sampler.Sampler(num_classes, seed=None, name=None)

    The base of samplers: a distribution of classes, and draws from it.

    Parameters
    ----------
    num_classes : int
        Classes are the numbers in ``[0, num_classes)``.
    seed : int, optional
        In ``[-2**63, 2**63)``. The default takes one from Lasagne's random generator
        (:func:`lasagne.random.set_rng`).
    name : str, optional
        That of the sampler's states, for checkpoints and messages.

    Attributes
    ----------
    num_classes : int
    seed : int
    states : list of shared variables, shape ``(3,)``, int64
        One for each call of :meth:`draw`, in the order of the calls: seed, stream (the
        number of the call) and position. A compiled function that contains the
        draw moves its position on; who sets it back gets the same draws again.

    Raises
    ------
    TypeError
        If `num_classes` or `seed` is no integer.
    ValueError
        If `num_classes` is not positive, or `seed` out of range.
    """

    #: Of :class:`~lasagne_sparse.ops.sampling.draw.Draw`; each sampler says its own.
    distribution = None

    def __init__(self, num_classes, seed=None, name=None):
        if seed is None:
            seed = get_rng().randint(1, 2147462579)  # as Lasagne's layers do
        self.num_classes = _integer(num_classes, "num_classes", 1)
        self.seed = _integer(seed, "seed", -(2**63))
        self.name, self.states = name, []

    def __repr__(self):
        return "%s(num_classes=%d)" % (type(self).__name__, self.num_classes)

    def log_probability(self, classes):
        """Returns ln P of classes

        Parameters
        ----------
        classes : Theano variable, any shape, integer
            In ``[0, num_classes)``.

        Returns
        -------
        Theano variable, shape of `classes`, floatX
        """
        raise NotImplementedError

    def draw(self, num_samples, unique=True):
        """Draws classes, anew in each call of a compiled function

        With ``P`` the probability of class ``k`` in one draw, it is expected

        * ``Q(k) := num_samples * P(k)`` times with replacement, and
        * ``Q(k) := 1 - (1 - P(k)) ** tries`` times without, where it took ``tries``
          draws to find so many distinct ones.

        Parameters
        ----------
        num_samples : int or symbolic integer scalar
            How many.
        unique : bool
            Without replacement: the classes are distinct. They are drawn until there
            are enough, repeats being passed over, as TensorFlow's candidate samplers
            do.

        Returns
        -------
        Sample
            The same in all losses of one function that are given it.

        Raises
        ------
        TypeError
            If `num_samples` is no integer.
        ValueError
            If `num_samples` is negative, or more than there are classes of a positive
            probability where they must be distinct: at once if it is an int, otherwise
            when the compiled function is called, before anything is updated. In that
            call also if the probabilities differ so much that 10,000 draws for each
            sample do not find enough distinct classes.
        """
        if not isinstance(num_samples, T.Variable):
            num_samples = _integer(num_samples, "num_samples", 0)
            possible = self._num_possible()
            check_draw(num_samples, self.num_classes, possible, unique)
        state = self._new_state()
        count = T.as_tensor_variable(num_samples)
        drawn = Draw(self.distribution, unique)(
            state,
            count,
            np.int64(self.num_classes),
            np.int64(self._num_possible()),
            *self._tables(),
        )
        classes, tries, state.default_update = drawn

        def log_expected(k):
            log_p = self.log_probability(k)
            if not unique:
                return T.log(T.cast(count, theano.config.floatX)) + log_p
            times = T.cast(tries, theano.config.floatX)
            return T.log(-T.expm1(times * T.log1p(-T.exp(log_p))))

        return Sample(classes, log_expected)

    def _new_state(self):
        # On the host, where the draws are made, whatever the device.
        numbers_ = np.array([self.seed, len(self.states), 0], np.int64)
        name = "%s/draw%d" % (self.name or type(self).__name__, len(self.states))
        state = theano.shared(numbers_, name, target="cpu")
        self.states.append(state)
        return state

    def _num_possible(self):
        """Returns how many classes have a positive probability."""
        return self.num_classes

    def _tables(self):
        """Lists what the distribution needs besides the number of classes."""
        return []


def _integer(value, name, least):
    """Returns an int of 64 bits, or raises an error that names the value."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError("%s must be an integer, got %r" % (name, value))
    if not least <= value < 2**63:
        raise ValueError(
            "%s must be at least %d and below 2**63, got %d" % (name, least, value)
        )
    return int(value)
