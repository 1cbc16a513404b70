"""Skip-gram with negative sampling, as a Lasagne network

Two tables are looked up: a word's vector as the centre of a window, which is
the one that is kept, and its vector as a context or noise word. With the
products of a block of tokens (see :mod:`blocks`) in a matrix, the loss is

* ``loss := sum(abs(weights) * softplus(sign(weights) * products))``

which is equation 4 of [1]_, its expectation taken over noise words that the
tokens of a block share.

References
----------
.. [1] Mikolov, T., Sutskever, I., Chen, K., Corrado, G., Dean, J. (2013):
       Distributed Representations of Words and Phrases and their
       Compositionality. NIPS.
"""

from collections import OrderedDict

import lasagne_sparse  # first: it mends what Theano needs
import lasagne
import numpy as np
import theano
import theano.tensor as T

__all__ = ["SkipGram"]


def tanh_of_half(x):
    """Computes tanh(x / 2), which is 2 * sigmoid(x) - 1, to within 0.0006

    * ``sinh(y) = y + y**3 / 6 + y**5 / 120 + ...``, of which three terms are taken
    * ``tanh(y) = sinh(y) / sqrt(1 + sinh(y)**2)``, which forgives what is missing

    An exponential function costs five times as much. Word2vec's authors look the
    sigmoid up in a table, which is coarser.

    Parameters
    ----------
    x : Theano expression, float32

    Returns
    -------
    Theano expression of the same shape and type
    """
    square = x * x
    sinh = x * (square * (square * (1 / 3840.0) + 1 / 48.0) + 0.5)
    return sinh / T.sqrt(1 + sinh * sinh)


class SkipGram:
    """Centre and context vectors, and the expressions that train them

    Parameters
    ----------
    num_words, dim : int
        The shape of both tables.
    weights : NumPy array, float32
        The table that :func:`blocks.weight_table` makes.
    rng : numpy.random.RandomState
        What the centre vectors are drawn from; context vectors begin at zero.
    embedding : class
        The layer to look tables up with.

    Attributes
    ----------
    centre, context : lasagne.layers.Layer
        The two layers.
    inputs : list of Theano matrices, int32
        Tokens, targets and reaches: what :class:`blocks.Batch` holds.
    updates : dict from shared variables to expressions
        What the trainer does, once it is there.
    """

    def __init__(
        self,
        num_words,
        dim,
        weights,
        rng,
        embedding=lasagne_sparse.layers.EmbeddingLayer,
    ):
        tokens, targets = T.imatrix("tokens"), T.imatrix("targets")
        reaches = T.imatrix("reaches")
        shape = (num_words, dim)
        start = ((rng.random_sample(shape) - 0.5) / dim).astype("float32")
        layer = lasagne.layers.InputLayer((None, None), tokens)
        self.centre = embedding(layer, *shape, W=start, name="centre")
        layer = lasagne.layers.InputLayer((None, None), targets)
        zeros = np.zeros(shape, dtype="float32")
        self.context = embedding(layer, *shape, W=zeros, name="context")
        self.inputs = [tokens, targets, reaches]
        # Shape (num_blocks, width, width + num_noise), as the products have.
        table = theano.shared(weights, name="weights")
        self.weights = table[reaches.flatten()].reshape(
            (reaches.shape[0], reaches.shape[1], weights.shape[1])
        )

    @property
    def params(self):
        """The two tables"""
        return lasagne.layers.get_all_params([self.centre, self.context])

    def outputs(self):
        """Returns centre vectors, target vectors, and all their products"""
        centres, targets = lasagne.layers.get_output([self.centre, self.context])
        products = T.batched_dot(centres, targets.dimshuffle(0, 2, 1))
        return centres, targets, products

    def loss(self):
        """Returns the loss per pair of words, a scalar"""
        _, _, products = self.outputs()
        surprise = T.nnet.softplus(T.sgn(self.weights) * products)
        num_pairs = T.sum(T.lt(self.weights, 0))
        return T.sum(abs(self.weights) * surprise) / T.cast(num_pairs, "float32")

    def gradients(self):
        """Returns the gradient of each table, of the loss summed over all pairs

        What theano.grad would find, but faster: no matrix has to be turned round,
        since each vector's gradient is one more product with

        * ``errors := d loss / d products = abs(weights) * sigmoid(products)``
          where a weight is positive, and smaller by ``abs(weights)`` elsewhere.
        """
        centres, targets, products = self.outputs()
        # Without a sign or a comparison, which keep compilers from vectorising.
        size = abs(self.weights)
        errors = (self.weights + size * tanh_of_half(products)) / np.float32(2)
        known = OrderedDict()
        known[centres] = T.batched_dot(errors, targets)
        known[targets] = T.batched_dot(errors.dimshuffle(0, 2, 1), centres)
        return theano.grad(None, self.params, known_grads=known)

    def trainer(self, rule, learning_rate):
        """Compiles a training step

        Parameters
        ----------
        rule : callable
            Of lasagne_sparse.updates or lasagne.updates.
        learning_rate : float or symbolic scalar

        Returns
        -------
        function
            Of a batch's tokens, targets and reaches; returns nothing.
        """
        rate = learning_rate
        self.updates = rule(self.gradients(), self.params, learning_rate=rate)
        return theano.function(self.inputs, [], updates=self.updates)

    def reporter(self):
        """Compiles the loss per pair, as a function of the same"""
        return theano.function(self.inputs, self.loss())
