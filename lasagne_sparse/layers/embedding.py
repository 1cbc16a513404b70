"""The embedding layer, with its gathered subset as a gradient target"""

import lasagne
import theano.tensor as T
from theano.scan_module.scan_utils import equal_computations

from ..graph import without_transfers
from ..ops import unique_rows

__all__ = ["EmbeddingLayer"]


class EmbeddingLayer(lasagne.layers.EmbeddingLayer):
    """
    lasagne_sparse.layers.EmbeddingLayer(incoming, input_size, output_size,
    W=lasagne.init.Normal(), **kwargs)

    A layer that looks rows of a table up, and shows which.

    * ``rows, inverse := unique(indices)``
    * ``subset := W[rows]``
    * ``output := subset[inverse]``

    The output is that of :class:`lasagne.layers.EmbeddingLayer`, of which this
    class is one, with the same parameters. The loss depends on the table by
    :attr:`subset` alone, the rows gathered once and each once, so a gradient
    with respect to the subset is the true gradient of each row, even where an
    index repeats: that of its lookups is summed.

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer feeding into this layer, or the expected input shape. Its
        output must be of an integer dtype, of any shape. A negative index
        counts from the end.
    input_size : int
        The number of rows of the table. The last row has index
        ``input_size - 1``.
    output_size : int
        The number of units of each row.
    W : Theano shared variable, expression, NumPy array or callable
        The table, shape ``(input_size, output_size)``, or its initializer.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Raises
    ------
    TypeError
        If the indices are not of an integer dtype, by
        :func:`lasagne.layers.get_output`.
    IndexError
        If an index is not in ``[-input_size, input_size)``, when the compiled
        function is called; nothing is updated then.

    Notes
    -----
    Looking the same input up again, as for a deterministic pass, returns
    the same subset. So does an input that is computed anew by the same
    expression.

    References
    ----------
    .. [1] Theano development team: Frequently Asked Questions, 'How to update
           a subset of weights?', Theano 1.0 documentation.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> from lasagne.layers import InputLayer, get_output
    >>> from lasagne_sparse.layers import EmbeddingLayer
    >>> x = T.ivector()
    >>> W = np.arange(6.).reshape((3, 2))
    >>> layer = EmbeddingLayer(InputLayer((None,), x), 3, 2, W=W)
    >>> loss = get_output(layer).sum()
    >>> f = theano.function([x], [layer.rows, theano.grad(loss, layer.subset)])
    >>> rows, gradient = f([2, 0, 2])
    >>> print(rows, gradient.tolist())
    [0 2] [[1.0, 1.0], [2.0, 2.0]]
    """

    def __init__(
        self, incoming, input_size, output_size, W=lasagne.init.Normal(), **kwargs
    ):
        super().__init__(incoming, input_size, output_size, W=W, **kwargs)
        self._lookups = []  # pairs (input, subset), in the order of the calls

    @property
    def subset(self):
        """The rows gathered, shape ``(num_distinct, output_size)``

        Raises
        ------
        ValueError
            If nothing was looked up yet, or several different inputs were.
        """
        if not self._lookups:
            raise ValueError(
                "%s has no subset yet, since nothing was looked up: call "
                "lasagne.layers.get_output first" % self._described()
            )
        if len(self._lookups) > 1:
            raise ValueError(
                "%s looked up %d different inputs (%s), and has a subset of each: "
                "say which with layer.subset_for(input)"
                % (
                    self._described(),
                    len(self._lookups),
                    ", ".join(str(indices) for indices, _ in self._lookups),
                )
            )
        return self._lookups[0][1]

    @property
    def rows(self):
        """The distinct rows gathered, shape ``(num_distinct,)``, int64, ascending

        Raises
        ------
        ValueError
            As :attr:`subset` does.
        """
        return self.subset.owner.inputs[1]

    def subset_for(self, input):
        """Returns the subset that the lookup of an input gathers

        Parameters
        ----------
        input : Theano variable, any shape, integer
            The indices that are looked up.

        Returns
        -------
        Theano variable, shape ``(num_distinct, output_size)``
            The same variable for the same input, whether or not it was looked
            up before.

        Raises
        ------
        TypeError
            If `input` is not of an integer dtype.
        """
        input = self._checked(input)
        for indices, subset in self._lookups:
            if without_transfers(subset.owner.inputs[0]) is not self.W:
                continue
            if indices is input or equal_computations([indices], [input]):
                return subset
        rows, _ = unique_rows(input.flatten(), self.W.shape[0], self.W.name)
        subset = self.W[rows]
        self._lookups.append((input, subset))
        return subset

    def get_output_for(self, input, **kwargs):
        input = self._checked(input)
        subset = self.subset_for(input)
        _, inverse = subset.owner.inputs[1].owner.outputs[:2]
        shape = [input.shape[d] for d in range(input.ndim)] + [self.W.shape[1]]
        output = T.reshape(subset[inverse], shape, ndim=input.ndim + 1)
        fixed = [d for d, b in enumerate(input.broadcastable) if b]
        return T.addbroadcast(output, *fixed) if fixed else output

    def _checked(self, input):
        input = T.as_tensor_variable(input)
        if input.dtype not in T.integer_dtypes:
            raise TypeError(
                "%s expects indices of an integer dtype, got %s of type %s. Give its "
                "InputLayer an integer variable (input_var=T.imatrix()), or cast: "
                "T.cast(x, 'int32')" % (self._described(), input, input.type)
            )
        return input

    def _described(self):
        return "EmbeddingLayer %r" % self.name if self.name else "EmbeddingLayer"

    def __getstate__(self):
        # Expressions do not belong to a saved network: they are made anew by
        # the next get_output.
        return dict(self.__dict__, _lookups=[])
