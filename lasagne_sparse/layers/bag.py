"""A layer that makes one row of each bag of lookups"""

from functools import reduce
from operator import mul

import lasagne
import theano.tensor as T
from theano.tensor.opt import Assert

from .combiners import COMBINERS, Bags
from .lookup import LookupLayer

__all__ = ["EmbeddingBagLayer"]


class EmbeddingBagLayer(LookupLayer, lasagne.layers.MergeLayer):
    """
    lasagne_sparse.layers.EmbeddingBagLayer(incoming, input_size, output_size,
    W=lasagne.init.Normal(), combiner='mean', mask_input=None, weights=None,
    offsets=None, padding_idx=None, frozen_rows=None, max_norm=None, **kwargs)

    A layer that looks rows of a table up in bags, and makes one row of each bag.

    With the indices ``x_i`` of a bag and their weights ``s_i``, 1 if there are none,
    its output is, for each `combiner`:

    * ``sum``: ``sum_i s_i * W[x_i]``
    * ``mean``: ``sum_i s_i * W[x_i] / sum_i s_i``
    * ``sqrtn``: ``sum_i s_i * W[x_i] / sqrt(sum_i s_i ** 2)``
    * ``max``: the largest of each unit; its gradient goes to the first index in the
      bag that has it

    An index that is masked, or is `padding_idx`, counts as absent: it adds nothing, is
    not counted, gets no gradient, and its row is not updated. A bag without any index,
    or whose weights add up to zero where it is divided by them, gives zeros.

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer feeding into this layer, or the expected input shape. Its output are
        the indices, of an integer dtype: of shape ``(batch, length)``, where each row
        is a bag (or with more axes, the last of which is a bag's); or all bags, one
        after the other, in a vector, if there are `offsets`. A negative index counts
        from the end.
    input_size : int
        The number of rows of the table.
    output_size : int
        The number of units of each row.
    W : Theano shared variable, expression, NumPy array or callable
        The table, shape ``(input_size, output_size)``, or its initializer.
    combiner : str
        ``'sum'``, ``'mean'``, ``'sqrtn'`` or ``'max'``.
    mask_input : a :class:`lasagne.layers.Layer` instance, optional
        Of the shape of the indices; zero where an index is absent.
    weights : Layer, Theano variable or NumPy array, optional
        Of the shape of the indices. They have a gradient. Not for ``'max'``.
    offsets : Layer, Theano variable or NumPy array, optional
        A vector of integers, where each bag begins among the indices. The first is 0,
        and they ascend: an empty bag begins where the next one does.
    padding_idx : int, optional
        The index that counts as absent.
    frozen_rows : sequence of int or of bool, optional
        The rows, or a boolean for each row, that are read and never changed.
    max_norm : float, optional
        The largest Euclidean norm of a row, for
        :func:`~lasagne_sparse.layers.constrain_rows`.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Raises
    ------
    ValueError
        If there is no such `combiner`, ``'max'`` has weights, or an option is not as
        :class:`~lasagne_sparse.layers.EmbeddingLayer` says.
    TypeError
        By :func:`lasagne.layers.get_output`: if the indices or the offsets are not of
        an integer dtype, the indices are a vector without offsets, or no vector with
        them, or the mask or the weights have another rank than the indices.
    AssertionError
        If the offsets do not begin with 0, descend, or point beyond the indices; if the
        mask or the weights are not of the shape of the indices; when the compiled
        function is called.
    IndexError
        If an index that is present is not in ``[-input_size, input_size)``, when the
        compiled function is called; nothing is updated then.

    Notes
    -----
    Sums and means are compiled to one pass over the rows, on the CPU, forwards and
    backwards; no array of shape ``(batch, length, output_size)`` is made. For the
    maximum such an array is made.

    References
    ----------
    .. [1] PyTorch: ``torch.nn.EmbeddingBag``, whose results without weights these are.
    .. [2] TensorFlow: ``tf.nn.embedding_lookup_sparse``, for ``mean`` and ``sqrtn``
           with weights.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> from lasagne.layers import InputLayer, get_output
    >>> from lasagne_sparse.layers import EmbeddingBagLayer
    >>> x, starts = T.ivector(), T.ivector()
    >>> W = np.arange(6.).reshape((3, 2))
    >>> layer = EmbeddingBagLayer(InputLayer((None,), x), 3, 2, W=W, offsets=starts)
    >>> f = theano.function([x, starts], get_output(layer))
    >>> f([2, 0, 1], [0, 2, 2]).tolist()
    [[2.0, 3.0], [0.0, 0.0], [2.0, 3.0]]
    """

    def __init__(
        self,
        incoming,
        input_size,
        output_size,
        W=lasagne.init.Normal(),
        combiner="mean",
        mask_input=None,
        weights=None,
        offsets=None,
        padding_idx=None,
        frozen_rows=None,
        max_norm=None,
        **kwargs,
    ):
        if combiner not in COMBINERS:
            raise ValueError(
                "combiner must be one of %s; got %r"
                % (", ".join(map(repr, COMBINERS)), combiner)
            )
        if combiner == "max" and weights is not None:
            raise ValueError(
                "combiner 'max' has no weights; leave out what is not to count by "
                "mask_input"
            )
        further = dict(mask=mask_input, weights=weights, offsets=offsets)
        layers = {k: v for k, v in further.items() if _is_layer(v)}
        super().__init__([incoming] + list(layers.values()), **kwargs)
        #: Name of what an input is, for each but the first; and what is no layer.
        self._names = list(layers)
        self._given = {
            name: T.as_tensor_variable(v)
            for name, v in further.items()
            if v is not None and name not in layers
        }
        self.input_size, self.output_size = input_size, output_size
        self.combiner = combiner
        self.W = self.add_param(W, (input_size, output_size), name="W")
        self._set_options(padding_idx, frozen_rows, max_norm)

    def get_output_shape_for(self, input_shapes):
        shapes = dict(zip(self._names, input_shapes[1:]))
        if "offsets" in shapes:
            bags = tuple(shapes["offsets"])
        else:
            bags = (None,) if "offsets" in self._given else tuple(input_shapes[0][:-1])
        return bags + (self.output_size,)

    def get_output_for(self, inputs, **kwargs):
        input = self._checked(inputs[0])
        further = dict(self._given, **dict(zip(self._names, inputs[1:])))
        mask, weights, offsets = map(further.get, ("mask", "weights", "offsets"))
        if weights is not None:
            weights = self._fitting("weights", weights, input)
            weights = T.cast(weights, self.W.dtype).flatten()
        shape, bag_of = self._bags(input, offsets)
        lookup = self._lookup(input, mask)
        bags = Bags(lookup.parts, bag_of, _product(shape), weights, self.W)
        output = COMBINERS[self.combiner](bags)
        if len(shape) == 1:
            return output
        return output.reshape(list(shape) + [self.W.shape[1]], ndim=input.ndim)

    def _bags(self, input, offsets):
        """Returns the shape of the bags, and the bag of each of the flat indices."""
        if (input.ndim == 1) != (offsets is not None) or input.ndim == 0:
            raise TypeError(
                "%s expects a matrix of indices, a bag in each row, or a vector with "
                "offsets; got %s of type %s %s"
                % (
                    self._described(),
                    input,
                    input.type,
                    "without offsets" if offsets is None else "and offsets",
                )
            )
        if offsets is None:
            shape = [input.shape[d] for d in range(input.ndim - 1)]
            bag_of = T.arange(_product(shape)).dimshuffle(0, "x")
            return shape, T.alloc(bag_of, _product(shape), input.shape[-1]).flatten()
        offsets = T.as_tensor_variable(offsets)
        if offsets.dtype not in T.integer_dtypes or offsets.ndim != 1:
            raise TypeError(
                "%s expects offsets that are a vector of integers, got %s of type %s"
                % (self._described(), offsets, offsets.type)
            )
        offsets = _checked_offsets(T.cast(offsets, "int64"), input.shape[0])
        places = T.arange(input.shape[0])
        bag_of = T.extra_ops.searchsorted(offsets, places, side="right") - 1
        return [offsets.shape[0]], bag_of


def _product(sizes):
    """Multiplies symbolic numbers."""
    return reduce(mul, sizes)


def _is_layer(value):
    """Tells whether an argument is a layer, or the shape of an input."""
    return isinstance(value, (lasagne.layers.Layer, tuple))


def _checked_offsets(offsets, num_indices):
    """Returns offsets that are checked to begin with 0, ascend, and end in time."""
    check = Assert(
        "offsets must begin with 0, ascend, and end at most at the number of indices"
    )
    # what comes before the first bag is in none
    all_of = T.join(0, T.zeros((1,), "int64"), offsets, T.shape_padleft(num_indices))
    first = T.switch(T.gt(offsets.shape[0], 0), offsets[:1].sum(), num_indices)
    return check(offsets, T.all(T.ge(all_of[1:], all_of[:-1])), T.eq(first, 0))
