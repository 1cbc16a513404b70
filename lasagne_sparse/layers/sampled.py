"""Output layers that are trained on a sample of their classes"""

import lasagne
import theano.tensor as T

from ..objectives import log_probabilities, nce, negative_sampling, sampled_softmax
from ..objectives.scores import all_scores
from ..samplers import LogUniformSampler
from .output import OutputLayer, flat

__all__ = [
    "NCELayer",
    "NegativeSamplingLayer",
    "SampledOutputLayer",
    "SampledSoftmaxLayer",
]


class SampledOutputLayer(OutputLayer):
    """
    lasagne_sparse.layers.SampledOutputLayer(incoming, targets, num_units,
    num_samples, objective=lasagne_sparse.objectives.sampled_softmax, sampler=None,
    unique=True, W=lasagne.init.GlorotUniform(), b=lasagne.init.Constant(0.), **kwargs)

    An output layer for many classes, trained on a sample of them.

    * ``get_output(layer)``: ``objective(h, targets, W, b, sampler.draw(num_samples))``,
      the loss of each example, shape ``(batch_size,)``
    * ``get_output(layer, deterministic=True)``: ``softmax(dot(h, W.T) + b)``, shape
      ``(batch_size, num_units)``

    In training only the rows of true and sampled classes are read and updated.

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer feeding into this layer, or the expected input shape. Axes behind the
        second are flattened into it, as by a dense layer.
    targets : Layer, or Theano vector of integers
        The true class of each example.
    num_units : int
        The number of classes.
    num_samples : int
        How many classes are drawn for each batch.
    objective : callable
        A loss of :mod:`lasagne_sparse.objectives` that takes a sample, or another one
        of this signature: ``objective(h, targets, W, b, sample)``.
    sampler : sampler, optional
        What draws them. The default, a
        :class:`~lasagne_sparse.samplers.LogUniformSampler`, expects classes that are
        numbered by falling frequency.
    unique : bool
        Whether the classes of a sample are distinct.
    W : Theano shared variable, expression, NumPy array or callable
        The table, shape ``(num_units, num_inputs)``, or its initializer. To tie it to
        an :class:`~lasagne_sparse.layers.EmbeddingLayer`, give that layer's ``W``.
    b : Theano shared variable, expression, NumPy array, callable or None
        The biases, shape ``(num_units,)``, or their initializer. None for no biases.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Raises
    ------
    TypeError
        If the targets are not of an integer dtype, or `num_samples` is no integer.
    ValueError
        If `num_units` is less than 1, if `sampler` has another number of classes, or if
        `num_samples` distinct classes cannot be drawn, by
        :func:`lasagne.layers.get_output`.
    IndexError
        If a target is no class, when the compiled function is called; nothing is
        updated then.

    Examples
    --------
    >>> import lasagne, numpy as np, theano
    >>> import theano.tensor as T
    >>> from lasagne_sparse.layers import SampledOutputLayer
    >>> from lasagne_sparse.objectives import bpr_max
    >>> h, targets = T.matrix('h'), T.ivector('targets')
    >>> network = lasagne.layers.InputLayer((None, 8), h)
    >>> network = SampledOutputLayer(network, targets, num_units=1000, num_samples=32,
    ...                              objective=bpr_max, name='items')
    >>> loss = lasagne.layers.get_output(network).mean()
    >>> best, _ = network.get_top_k_for(h, 3)
    >>> theano.function([h], best)(np.zeros((2, 8))).shape
    (2, 3)
    """

    def __init__(
        self,
        incoming,
        targets,
        num_units,
        num_samples,
        objective=sampled_softmax,
        sampler=None,
        unique=True,
        W=lasagne.init.GlorotUniform(),
        b=lasagne.init.Constant(0.0),
        **kwargs,
    ):
        super().__init__(incoming, targets, num_units, **kwargs)
        if sampler is None:
            sampler = LogUniformSampler(num_units, name=self.name)
        if sampler.num_classes != num_units:
            raise ValueError(
                "the sampler draws from %d classes, but the layer has %d"
                % (sampler.num_classes, num_units)
            )
        self.num_samples, self.objective = num_samples, objective
        self.sampler, self.unique = sampler, unique
        self._add_table(W, b, num_units)

    def get_loss_for(self, h, targets):
        sample = self.sampler.draw(self.num_samples, self.unique)
        return self.objective(flat(h), targets, self.W, self.b, sample)

    def get_log_probabilities_for(self, h):
        return log_probabilities(flat(h), self.W, self.b)


class SampledSoftmaxLayer(SampledOutputLayer):
    """
    lasagne_sparse.layers.SampledSoftmaxLayer(incoming, targets, num_units,
    num_samples, sampler=None, unique=True, W=lasagne.init.GlorotUniform(),
    b=lasagne.init.Constant(0.), **kwargs)

    A softmax over many classes, trained by
    :func:`~lasagne_sparse.objectives.sampled_softmax`.

    The parameters are those of :class:`SampledOutputLayer`.

    Examples
    --------
    >>> import lasagne, theano
    >>> import theano.tensor as T
    >>> from lasagne_sparse.layers import EmbeddingLayer, SampledSoftmaxLayer
    >>> from lasagne_sparse.updates import adam
    >>> words, following = T.imatrix('words'), T.ivector('following')
    >>> network = lasagne.layers.InputLayer((None, 2), words)
    >>> embedding = EmbeddingLayer(network, 5000, 4, name='words')
    >>> network = lasagne.layers.DenseLayer(embedding, 4)
    >>> network = SampledSoftmaxLayer(network, following, num_units=5000,
    ...                               num_samples=64, W=embedding.W)  # tied
    >>> loss = lasagne.layers.get_output(network).mean()
    >>> params = lasagne.layers.get_all_params(network, trainable=True)
    >>> train = theano.function([words, following], loss, updates=adam(loss, params))
    """

    def __init__(self, incoming, targets, num_units, num_samples, **kwargs):
        super().__init__(
            incoming, targets, num_units, num_samples, sampled_softmax, **kwargs
        )


class NCELayer(SampledOutputLayer):
    """
    lasagne_sparse.layers.NCELayer(incoming, targets, num_units, num_samples,
    sampler=None, unique=True, W=lasagne.init.GlorotUniform(),
    b=lasagne.init.Constant(0.), **kwargs)

    A softmax over many classes, trained by :func:`~lasagne_sparse.objectives.nce`.

    The parameters are those of :class:`SampledOutputLayer`. Biases that start at
    ``-ln(num_units)`` spare the first steps the way there.

    Examples
    --------
    >>> import lasagne
    >>> import theano.tensor as T
    >>> from lasagne_sparse.layers import NCELayer
    >>> layer = NCELayer((None, 8), T.ivector(), num_units=1000, num_samples=64)
    >>> layer.W.get_value().shape
    (1000, 8)
    """

    def __init__(self, incoming, targets, num_units, num_samples, **kwargs):
        super().__init__(incoming, targets, num_units, num_samples, nce, **kwargs)


class NegativeSamplingLayer(SampledOutputLayer):
    """
    lasagne_sparse.layers.NegativeSamplingLayer(incoming, targets, num_units,
    num_samples, sampler=None, unique=True, W=lasagne.init.GlorotUniform(),
    b=lasagne.init.Constant(0.), **kwargs)

    Scores of many classes, trained by
    :func:`~lasagne_sparse.objectives.negative_sampling`.

    The parameters are those of :class:`SampledOutputLayer`. Its scores are no
    logarithms of probabilities: with ``deterministic=True`` the output is
    ``sigmoid(dot(h, W.T) + b)``, whether a class is a true one rather than a sampled.

    Examples
    --------
    >>> import lasagne
    >>> import theano.tensor as T
    >>> from lasagne_sparse.layers import NegativeSamplingLayer
    >>> from lasagne_sparse.samplers import UnigramSampler
    >>> sampler = UnigramSampler([9, 4, 1], power=0.75)
    >>> layer = NegativeSamplingLayer((None, 8), T.ivector(), 3, 2, sampler=sampler)
    """

    def __init__(self, incoming, targets, num_units, num_samples, **kwargs):
        super().__init__(
            incoming, targets, num_units, num_samples, negative_sampling, **kwargs
        )

    def get_log_probabilities_for(self, h):
        return -T.nnet.softplus(-all_scores(flat(h), self.W, self.b))
