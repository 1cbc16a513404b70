"""The embedding layer, with its gathered subset as a gradient target"""

import lasagne
import theano.tensor as T

from .lookup import LookupLayer

__all__ = ["EmbeddingLayer"]


class EmbeddingLayer(LookupLayer, lasagne.layers.EmbeddingLayer):
    """
    lasagne_sparse.layers.EmbeddingLayer(incoming, input_size, output_size,
    W=lasagne.init.Normal(), padding_idx=None, frozen_rows=None, max_norm=None,
    **kwargs)

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
    padding_idx : int, optional
        The index that means nothing: it reads zeros, and its row is not looked up
        and never changed, whatever it holds.
    frozen_rows : sequence of int or of bool, optional
        The rows, or a boolean for each row, that are read and never changed.
    max_norm : float, optional
        The largest Euclidean norm of a row, for
        :func:`~lasagne_sparse.layers.constrain_rows`, which holds the rows to it that
        an update writes.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Raises
    ------
    TypeError
        If the indices are not of an integer dtype, by
        :func:`lasagne.layers.get_output`; if `frozen_rows` is no vector of numbers or
        booleans.
    ValueError
        If `padding_idx` or one of `frozen_rows` is no row of the table, there are
        booleans for more or fewer rows, or `max_norm` is not positive.
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
        self,
        incoming,
        input_size,
        output_size,
        W=lasagne.init.Normal(),
        padding_idx=None,
        frozen_rows=None,
        max_norm=None,
        **kwargs,
    ):
        super().__init__(incoming, input_size, output_size, W=W, **kwargs)
        self._set_options(padding_idx, frozen_rows, max_norm)

    def get_output_for(self, input, **kwargs):
        input = self._checked(input)
        lookup = self._lookup(input)
        shape = [input.shape[d] for d in range(input.ndim)] + [self.W.shape[1]]
        output = T.reshape(self._rows_in_place(lookup), shape, ndim=input.ndim + 1)
        fixed = [d for d, b in enumerate(input.broadcastable) if b]
        return T.addbroadcast(output, *fixed) if fixed else output

    def _rows_in_place(self, lookup):
        """Returns a row for each index, zeros for those that are absent."""
        if lookup.parts[0].positions is None:
            return lookup.parts[0].values
        zeros = T.zeros((lookup.indices.size, self.W.shape[1]), self.W.dtype)
        return sum(
            T.inc_subtensor(zeros[positions], values)
            for values, positions in lookup.parts
        )
