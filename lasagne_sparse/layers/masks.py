"""A mask of what is not padding, for layers that take one"""

import lasagne
import theano
import theano.tensor as T

__all__ = ["PaddingMaskLayer"]


class PaddingMaskLayer(lasagne.layers.Layer):
    """
    lasagne_sparse.layers.PaddingMaskLayer(incoming, padding_idx, **kwargs)

    A layer that tells where indices are no padding.

    * ``output := 1 where indices != padding_idx, else 0``

    The companion of a layer with this ``padding_idx``: the ``mask_input`` of recurrent
    layers, and of others that must not see the zeros that padding reads.

    Parameters
    ----------
    incoming : a :class:`lasagne.layers.Layer` instance or a tuple
        The layer of the indices, or the expected input shape.
    padding_idx : int
        The index that is padding.
    **kwargs
        Any additional keyword arguments are passed to the superclass.

    Examples
    --------
    >>> import theano.tensor as T
    >>> from lasagne.layers import GRULayer, InputLayer, get_output
    >>> from lasagne_sparse.layers import EmbeddingLayer, PaddingMaskLayer
    >>> indices = InputLayer((None, 3), T.imatrix())
    >>> words = EmbeddingLayer(indices, 100, 4, padding_idx=0)
    >>> mask = PaddingMaskLayer(indices, padding_idx=0)
    >>> network = GRULayer(words, 5, mask_input=mask)
    >>> get_output(mask, T.constant([[7, 9, 0]])).eval().tolist()
    [[1.0, 1.0, 0.0]]
    """

    def __init__(self, incoming, padding_idx, **kwargs):
        super().__init__(incoming, **kwargs)
        self.padding_idx = padding_idx

    def get_output_for(self, input, **kwargs):
        return T.cast(T.neq(input, self.padding_idx), theano.config.floatX)
