"""What all output layers of large vocabularies share"""

import lasagne
import theano
import theano.tensor as T

from ..objectives import top_k

__all__ = ["OutputLayer", "flat"]


class OutputLayer(lasagne.layers.MergeLayer):
    """
    lasagne_sparse.layers.output.OutputLayer(incoming, targets, num_units, **kwargs)

    The base of output layers: the loss in training, all classes in evaluation.

    * ``get_output(layer)``: the loss of each example, shape ``(batch_size,)``
    * ``get_output(layer, deterministic=True)``: the probabilities of all classes,
      shape ``(batch_size, num_units)``

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer feeding into this layer, or the expected input shape. Axes behind the
        second are flattened into it, as by a dense layer.
    targets : Layer, or Theano vector of integers
        The true class of each example; of a variable an input layer is made.
    num_units : int
        The number of classes.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Raises
    ------
    TypeError
        If the targets are not of an integer dtype.
    ValueError
        If `num_units` is less than 1.
    """

    def __init__(self, incoming, targets, num_units, **kwargs):
        if isinstance(targets, theano.Variable):
            if targets.dtype not in T.integer_dtypes:
                raise TypeError(
                    "targets must be classes, of an integer dtype, got %s of type %s"
                    % (targets, targets.type)
                )
            shape = (None,) * targets.ndim
            targets = lasagne.layers.InputLayer(shape, targets, name="targets")
        super().__init__([incoming, targets], **kwargs)
        if num_units < 1:
            raise ValueError("num_units must be at least 1, got %r" % (num_units,))
        self.num_units = num_units
        size = 1
        for length in self.input_shapes[0][1:]:
            if length is None:
                raise ValueError(
                    "the layer needs to know how many units its input has, got the "
                    "shape %s" % (self.input_shapes[0],)
                )
            size *= length
        #: The number of units of an example.
        self.num_inputs = size

    def get_output_shape_for(self, input_shapes):
        return (input_shapes[0][0],)

    def get_output_for(self, inputs, deterministic=False, **kwargs):
        h, targets = inputs
        if deterministic:
            return T.exp(self.get_log_probabilities_for(h))
        return self.get_loss_for(h, targets)

    def get_loss_for(self, h, targets):
        """Computes the loss that the layer is trained by

        Parameters
        ----------
        h : Theano variable, shape ``(batch_size, ...)``
        targets : Theano vector, shape ``(batch_size,)``, integer

        Returns
        -------
        Theano vector, shape ``(batch_size,)``
        """
        raise NotImplementedError

    def get_log_probabilities_for(self, h):
        """Computes the logarithms of the probabilities of all classes

        Parameters
        ----------
        h : Theano variable, shape ``(batch_size, ...)``

        Returns
        -------
        Theano matrix, shape ``(batch_size, num_units)``
        """
        raise NotImplementedError

    def get_top_k_for(self, h, k):
        """Finds the most probable classes

        Parameters
        ----------
        h : Theano variable, shape ``(batch_size, ...)``
            The output of the layer before, computed with ``deterministic=True``.
        k : int
            How many.

        Returns
        -------
        classes : Theano matrix, shape ``(batch_size, k)``, int64
            The most probable one first.
        probabilities : Theano matrix, shape ``(batch_size, k)``
        """
        classes, values = top_k(self.get_log_probabilities_for(h), k)
        return classes, T.exp(values)

    def _add_table(self, W, b, num_rows):
        """Adds a row and a bias for each class or node."""
        self.W = self.add_param(W, (num_rows, self.num_inputs), name="W")
        if b is None:
            self.b = None
        else:
            self.b = self.add_param(b, (num_rows,), name="b", regularizable=False)


def flat(h):
    """Flattens all axes behind the first, as a dense layer does

    Parameters
    ----------
    h : Theano variable, shape ``(batch_size, ...)``

    Returns
    -------
    Theano matrix
    """
    return h.flatten(2) if h.ndim > 2 else h
