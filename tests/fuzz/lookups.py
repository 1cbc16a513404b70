"""Kinds of lookup: what each reads, in Theano and in NumPy alike

``look`` of a kind works on Theano variables and on NumPy arrays. So the elements that
a lookup touches are found by looking element numbers up.
"""

from collections import namedtuple

import lasagne
import lasagne_sparse.layers
import lasagne_sparse.ops
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


def _of_largest(W, i, lookup):
    return W[W.argmax(axis=0)] if _symbolic(W) else W


def _below_zeros(W, i, lookup):
    if _symbolic(W):
        return T.concatenate([T.zeros_like(W[:1]), W])[i[0]]
    return W[i[0][i[0] % (len(W) + 1) > 0] % (len(W) + 1) - 1]


def _one_hot(W, i, lookup):
    if not _symbolic(W):
        return W[i[0]]
    return T.dot(T.extra_ops.to_one_hot(i[0] % W.shape[0], W.shape[0], W.dtype), W)


def _tied(W, i, lookup):
    return T.dot(W[i[0]], W.T) if _symbolic(W) else W


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
    "of_slice": Kind(lambda W, i, l: W[1:][i[0] // 2], "{W}[1:][{0} // 2]", (0,), (0,)),
    "reversed": Kind(lambda W, i, l: W[::-1][i[0]], "{W}[::-1][{0}]", (0,), (0,)),
    "columns_of_transpose": Kind(
        lambda W, i, l: W.T[:, i[0]] if W.ndim == 2 else W[i[0]],
        "{W}.T[:, {0}]",
        (0,),
        (0,),
        "vector",
        2,
    ),
    "triples": Kind(
        lambda W, i, l: W[i[0], i[1], i[2]],
        "{W}[{0}, {1}, {2}]",
        (0, 1, 2),
        (0, 1, 2),
        "vector",
        3,
    ),
    "around": Kind(
        lambda W, i, l: W[i[0], :, i[1]],
        "{W}[{0}, :, {1}]",
        (0, 2),
        (0, 2),
        "vector",
        3,
    ),
    "matrix_pairs": Kind(
        lambda W, i, l: W[i[0], i[1]], "{W}[{0}, {1}]", (0, 1), (0, 1), "matrix", 2
    ),
    "of_largest": Kind(_of_largest, "{W}[{W}.argmax(axis=0)]", (0,), (), None, 2),
    "below_zeros": Kind(_below_zeros, "T.concatenate([zeros, {W}])[{0}]", (0,), (0,)),
    "one_hot": Kind(_one_hot, "one_hot({0}).dot({W})", (), (0,), "vector", 2),
    "tied": Kind(_tied, "T.dot({W}[{0}], {W}.T)", (), (0,), "vector", 2),
    "unique": Kind(None, "W[rows][inverse] of unique_rows({0})", (0,), (0,)),
    "layer": Kind(None, "EmbeddingLayer({W})({0})", (0,), (0,), "any", 2),
    "stock_layer": Kind(None, "lasagne EmbeddingLayer({W})({0})", (0,), (0,), "any", 2),
    "subset": Kind(None, "EmbeddingLayer({W})({0}).subset", (0,), (0,), "any", 2),
    "whole": Kind(lambda W, i, l: W, "{W}", (), (), None),
}


def look_up(lookup, W, indices, ours):
    """Returns the expression of a lookup, by our layers or by the stock ones."""
    kind = lookup["kind"]
    if KINDS[kind].look is not None:
        return KINDS[kind].look(W, indices, lookup)
    if not ours:
        index = indices[0]
        if kind != "subset":
            return W[index]
        return W[T.extra_ops.Unique()(index.flatten() % W.shape[0])]
    if kind == "unique":
        rows, inverse = lasagne_sparse.ops.unique_rows(indices[0], W.shape[0])
        return W[rows][inverse]
    makers = lasagne_sparse if kind != "stock_layer" else lasagne
    shape = (None,) * indices[0].ndim
    incoming = lasagne.layers.InputLayer(shape, indices[0])
    sizes = W.get_value(borrow=True).shape
    layer = makers.layers.EmbeddingLayer(incoming, sizes[0], sizes[1], W=W)
    output = lasagne.layers.get_output(layer)
    return layer.subset if kind == "subset" else output


def touched(lookup, value, indices):
    """Finds the elements of a table that a lookup touches

    Parameters
    ----------
    lookup : dict
    value : array
        The table.
    indices : list of arrays

    Returns
    -------
    int array, shape ``(num_elements, value.ndim)``
        The positions of the elements.
    """
    shape = value.shape
    if lookup["kind"] == "row_and_columns":
        # Of a table of one column it reads no element, and yet looks the row up.
        shape = (shape[0], shape[1] + 1, *shape[2:])
    numbers = np.arange(np.prod(shape)).reshape(shape)
    if lookup["kind"] == "of_largest":
        read = numbers[value.argmax(axis=0)]
    else:
        look = KINDS[lookup["kind"]].look or _first
        read = look(numbers, indices, lookup)
    read = np.unique(read).astype(int)
    return np.stack(np.unravel_index(read, shape), axis=1)
