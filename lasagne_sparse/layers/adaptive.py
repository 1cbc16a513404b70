"""An output layer of few frequent classes, and clusters of the others"""

import lasagne

from ..objectives import adaptive_log_probabilities, adaptive_softmax
from .output import OutputLayer, flat

__all__ = ["AdaptiveSoftmaxLayer"]


class AdaptiveSoftmaxLayer(OutputLayer):
    """
    lasagne_sparse.layers.AdaptiveSoftmaxLayer(incoming, targets, num_units, cutoffs,
    div_value=4., W=lasagne.init.GlorotUniform(), b=None, **kwargs)

    A softmax over many classes that spends little on the rare ones.

    * ``get_output(layer)``: the loss of each example, by
      :func:`~lasagne_sparse.objectives.adaptive_softmax`
    * ``get_output(layer, deterministic=True)``: the probabilities of all classes, shape
      ``(batch_size, num_units)``

    Its tables are no lookups, and get dense updates.

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer feeding into this layer, or the expected input shape. Axes behind the
        second are flattened into it, as by a dense layer.
    targets : Layer, or Theano vector of integers
        The true class of each example. Classes are numbered by falling frequency.
    num_units : int
        The number of classes.
    cutoffs : list of int
        The first class of each cluster, ascending, all below `num_units`.
    div_value : float
        Cluster i, counted from 0, has ``num_inputs // div_value ** (i + 1)`` units, and
        at least one.
    W : callable
        The initializer of all tables.
    b : Theano shared variable, expression, NumPy array, callable or None
        The biases of the head, shape ``(cutoffs[0] + len(cutoffs),)``, or their
        initializer.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Attributes
    ----------
    head : shared variable, shape ``(cutoffs[0] + len(cutoffs), num_inputs)``
    tails : list of pairs of shared variables
        Of each cluster the projection, shape ``(num_inputs, size)``, and the table,
        shape ``(num_classes, size)``.

    Raises
    ------
    TypeError
        If the targets are not of an integer dtype.
    ValueError
        If `cutoffs` is empty, not ascending, or not between 1 and ``num_units - 1``.
    IndexError
        If a target is no class, when the compiled function is called; nothing is
        updated then.

    Notes
    -----
    The sizes are those of PyTorch's ``AdaptiveLogSoftmaxWithLoss``.

    Examples
    --------
    >>> import theano.tensor as T
    >>> from lasagne_sparse.layers import AdaptiveSoftmaxLayer
    >>> layer = AdaptiveSoftmaxLayer((None, 64), T.ivector(), 1000, cutoffs=[100, 500])
    >>> [tuple(W.get_value().shape for W in tail) for tail in layer.tails]
    [((64, 16), (400, 16)), ((64, 4), (500, 4))]
    """

    def __init__(
        self,
        incoming,
        targets,
        num_units,
        cutoffs,
        div_value=4.0,
        W=lasagne.init.GlorotUniform(),
        b=None,
        **kwargs,
    ):
        super().__init__(incoming, targets, num_units, **kwargs)
        cutoffs = list(cutoffs)
        inside = all(0 < cutoff < num_units for cutoff in cutoffs)
        if not cutoffs or sorted(set(cutoffs)) != cutoffs or not inside:
            raise ValueError(
                "cutoffs must be ascending numbers between 1 and num_units - 1 = %d, "
                "got %r" % (num_units - 1, cutoffs)
            )
        self.cutoffs = cutoffs
        rows = cutoffs[0] + len(cutoffs)
        self.head = self.add_param(W, (rows, self.num_inputs), name="head")
        self.b = None
        if b is not None:
            self.b = self.add_param(b, (rows,), name="b", regularizable=False)
        self.tails = []
        for i, (first, last) in enumerate(zip(cutoffs, cutoffs[1:] + [num_units])):
            size = max(1, int(self.num_inputs // div_value ** (i + 1)))
            shapes = (self.num_inputs, size), (last - first, size)
            names = "projection%d" % i, "tail%d" % i
            tail = [self.add_param(W, s, name=n) for s, n in zip(shapes, names)]
            self.tails.append(tuple(tail))

    def get_loss_for(self, h, targets):
        return adaptive_softmax(
            flat(h), targets, self.cutoffs, self.head, self.tails, self.b
        )

    def get_log_probabilities_for(self, h):
        return adaptive_log_probabilities(
            flat(h), self.cutoffs, self.head, self.tails, self.b
        )
