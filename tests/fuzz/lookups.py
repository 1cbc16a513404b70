"""Kinds of lookup: what each reads, in Theano and in NumPy alike

``look`` of a kind works on Theano variables and on NumPy arrays. So the elements that
a lookup touches are found by looking element numbers up.
"""

from collections import namedtuple

import lasagne
import lasagne_sparse.layers
import numpy as np
import theano.tensor as T

__all__ = ["KINDS", "Kind", "look_up", "touched"]

Kind = namedtuple(
    "Kind", "look text axes bounds index min_ndim", defaults=("vector", 1)
)
Kind.__doc__ = """One way of looking a table up

``look(W, i, lookup)`` is the lookup, ``text`` how a user writes it; ``axes`` are the
axes along which the library may call it sparse, best first, and ``bounds`` those that
are indexed, one for each of ``lookup["at"]``. ``index`` is the kind of index: "vector",
"matrix" or "scalar" for an input, "constant" for ints in the description, None.
"""


def _first(W, i, lookup):
    return W[i[0]]


def _flat(W, i, lookup):
    return W.flatten()[i[0]]


def _reshaped(W, i, lookup):
    shape = [W.shape[0], W.shape[1], -1] if W.ndim == 3 else [W.shape[0], -1]
    return W.reshape(shape, ndim=len(shape))[i[0]] if _symbolic(W) else W[i[0]]


def _take(W, i, lookup):
    return T.take(W, i[0], axis=0) if _symbolic(W) else np.take(W, i[0], axis=0)


def _wrapped(W, i, lookup):
    return W[(i[0] + 1) % W.shape[0]]


def _of_tanh(W, i, lookup):
    return T.tanh(W)[i[0]] if _symbolic(W) else W[i[0]]


def _padded(W, i, lookup):
    return T.set_subtensor(W[0], 0)[i[0]] if _symbolic(W) else W[i[0]]


def _two_halves(W, i, lookup):
    if not _symbolic(W):
        return W[i[0]]
    middle = i[0].shape[0] // 2
    return T.concatenate([W[i[0][:middle]], W[i[0][middle:]]])


def _scaled(W, i, lookup):
    return (0.5 * W)[i[0]] if _symbolic(W) else W[i[0]]


def _symbolic(W):
    return not isinstance(W, np.ndarray)


_last = -1

KINDS = {
    "vector": Kind(_first, "{W}[{0}]", (0,), (0,)),
    "matrix": Kind(_first, "{W}[{0}]", (0,), (0,), "matrix"),
    "scalar": Kind(_first, "{W}[{0}]", (0,), (0,), "scalar"),
    "row": Kind(_first, "{W}[{0}]", (0,), (0,), "constant"),
    "constants": Kind(_first, "{W}[{0}]", (0,), (0,), "constants"),
    "take": Kind(_take, "T.take({W}, {0}, axis=0)", (0,), (0,)),
    "wrapped": Kind(_wrapped, "{W}[({0} + 1) % {W}.shape[0]]", (0,), (0,)),
    "halves": Kind(
        _two_halves, "T.concatenate([{W}[{0}[:half]], {W}[{0}[half:]]])", (0,), (0,)
    ),
    "rows_transposed": Kind(lambda W, i, l: W[i[0]].T, "{W}[{0}].T", (0,), (0,)),
    "columns": Kind(lambda W, i, l: W[:, i[0]], "{W}[:, {0}]", (1,), (1,), "vector", 2),
    "column": Kind(lambda W, i, l: W[:, i[0]], "{W}[:, {0}]", (1,), (1,), "scalar", 2),
    "transposed": Kind(
        lambda W, i, l: W.T[i[0]], "{W}.T[{0}]", (_last,), (_last,), "vector", 2
    ),
    "pairs": Kind(
        lambda W, i, l: W[i[0], i[1]], "{W}[{0}, {1}]", (0, 1), (0, 1), "vector", 2
    ),
    "chained": Kind(
        lambda W, i, l: W[i[0]][i[1]], "{W}[{0}][{1}]", (0,), (0, 1), "scalar", 2
    ),
    "element": Kind(
        lambda W, i, l: W[i[0], i[1]], "{W}[{0}, {1}]", (0, 1), (0, 1), "scalar", 2
    ),
    "column_of_rows": Kind(
        lambda W, i, l: W[i[0]][:, 0], "{W}[{0}][:, 0]", (0,), (0,), "vector", 2
    ),
    "row_and_columns": Kind(
        lambda W, i, l: W[i[0], 1:], "{W}[{0}, 1:]", (0,), (0,), "scalar", 2
    ),
    "slice": Kind(
        lambda W, i, l: W[slice(*l["slice"])], "{W}[slice{slice}]", (0,), (), None
    ),
    "slice_to": Kind(lambda W, i, l: W[: i[0]], "{W}[:{0}]", (0,), (0,), "scalar"),
    "slice_from": Kind(lambda W, i, l: W[i[0] :], "{W}[{0}:]", (0,), (0,), "scalar"),
    "column_slice": Kind(
        lambda W, i, l: W[:, slice(*l["slice"])],
        "{W}[:, slice{slice}]",
        (1,),
        (),
        None,
        2,
    ),
    "flat": Kind(_flat, "{W}.flatten()[{0}]", (0,), (0,)),
    "reshaped": Kind(_reshaped, "{W}.reshape(...)[{0}]", (0,), (0,)),
    "of_tanh": Kind(_of_tanh, "T.tanh({W})[{0}]", (0,), (0,)),
    "scaled": Kind(_scaled, "(0.5 * {W})[{0}]", (0,), (0,)),
    "padded": Kind(_padded, "T.set_subtensor({W}[0], 0)[{0}]", (0,), (0,)),
    "layer": Kind(None, "EmbeddingLayer({W})({0})", (0,), (0,), "any", 2),
    "stock_layer": Kind(None, "lasagne EmbeddingLayer({W})({0})", (0,), (0,), "any", 2),
    "subset": Kind(None, "EmbeddingLayer({W})({0}).subset", (0,), (0,), "any", 2),
    "whole": Kind(lambda W, i, l: W, "{W}", (), (), None),
}


def look_up(lookup, W, indices, ours):
    """Returns the expression of a lookup, and the variable to differentiate by

    The second is None where the whole lookup is not a subset of its own; ``ours``
    says whose layers to use.
    """
    kind = lookup["kind"]
    if kind not in ("layer", "stock_layer", "subset"):
        return KINDS[kind].look(W, indices, lookup)
    if not ours:
        index = indices[0]
        if kind != "subset":
            return W[index]
        return W[T.extra_ops.Unique()(index.flatten() % W.shape[0])]
    makers = lasagne_sparse if kind != "stock_layer" else lasagne
    shape = (None,) * indices[0].ndim
    incoming = lasagne.layers.InputLayer(shape, indices[0])
    sizes = W.get_value(borrow=True).shape
    layer = makers.layers.EmbeddingLayer(incoming, sizes[0], sizes[1], W=W)
    output = lasagne.layers.get_output(layer)
    return layer.subset if kind == "subset" else output


def touched(lookup, shape, indices):
    """Finds the elements that a lookup touches

    Returns
    -------
    int array, shape ``(num_elements, len(shape))``
        The positions of the elements.
    """
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    kind = KINDS[lookup["kind"]]
    look = kind.look or _first
    read = np.unique(look(numbers, indices, lookup))
    return np.stack(np.unravel_index(read.astype(int), shape), axis=1)
