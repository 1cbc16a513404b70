"""Reads a lookup's gradient: which indices does it scatter, and what values?

Theano differentiates a lookup into a scatter into zeros, of one form for each
form of indexing: ``W[x]``, ``W[k]``, ``W[a:b]``, ``W[:, a:b]``, ``W[i, j]``.
"""

from collections import namedtuple

import theano.tensor as T
from theano.gof.graph import Constant, Variable
from theano.scalar import Cast, Second
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    IncSubtensor,
    get_canonical_form_slice,
    get_idx_list,
)
from theano.tensor.type_other import SliceType

from ..graph import (
    are_distinct,
    are_not_negative,
    is_full_slice,
    is_transfer,
    is_zeros,
)
from ..ops import UniqueRows

__all__ = [
    "Scatter",
    "are_rows",
    "axis_back",
    "axis_first",
    "looks_rows_up",
    "scatter_at",
    "sliced_length",
    "template_of",
    "unique_rows_of",
]

Scatter = namedtuple("Scatter", "indices values base axis distinct")
Scatter.__doc__ = """A lookup's gradient: ``values`` added to ``base`` at ``indices``

The base is zeros, or a gradient that something is added to. ``values`` have the
indices along axis 0, whatever the ``axis`` of the table that they count along;
``distinct`` tells whether they are known to be. Values of a float16 table are float32:
they are rounded only when they are in the table.
"""


def scatter_at(variable, axis):
    """Reads a scatter along an axis

    Parameters
    ----------
    variable : Theano variable
    axis : int
        Along which the indices count.

    Returns
    -------
    Scatter or None
        None if `variable` is no increment, or one along another axis.
    """
    node = variable.owner
    reader = _READERS.get(type(node.op)) if node is not None else None
    if reader is None or node.op.set_instead_of_inc:
        return None
    scatter = reader(node, axis)
    if scatter is None or scatter.values.dtype != "float16":
        return scatter
    return scatter._replace(values=_widened(scatter.values))


def sliced_length(variable, axis, length):
    """Returns how many rows a scatter's constant slice chooses, or 0

    Parameters
    ----------
    variable : Theano variable
        For example ``inc_subtensor(zeros[2:5], values)``.
    axis : int
        Of the rows.
    length : int
        Of the table along this axis.

    Returns
    -------
    int
        0 for anything but a slice, and where its bounds are not known.
    """
    node = variable.owner
    if not isinstance(node.op, IncSubtensor) or axis >= len(node.op.idx_list):
        return 0
    index = get_idx_list([node.inputs[0]] + node.inputs[2:], node.op.idx_list)[axis]
    if not isinstance(index, slice):
        return 0
    bounds = [index.start, index.stop, index.step]
    if any(isinstance(b, Variable) and not isinstance(b, Constant) for b in bounds):
        return 0
    bounds = [int(b.data) if isinstance(b, Constant) else b for b in bounds]
    return len(range(*slice(*bounds).indices(length)))


def template_of(zeros):
    """Returns the variable of whose shape zeros are: a table, or a view of one

    Parameters
    ----------
    zeros : Theano variable
        For example ``zeros_like(W)``, as ``theano.grad`` makes it of a lookup in `W`.

    Returns
    -------
    Theano variable or None
        None if they are made otherwise.
    """
    while zeros.owner is not None:
        node = zeros.owner
        if isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, Second):
            return node.inputs[0]
        if not isinstance(node.op, DimShuffle) and not is_transfer(node):
            return None
        zeros = node.inputs[0]
    return None


def looks_rows_up(variable):
    """Tells whether a variable is ``inc_subtensor(zeros[i], g)``, `i` no slice

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    bool
    """
    node = variable.owner
    if node is None or not isinstance(node.op, tuple(_READERS)):
        return False
    if isinstance(node.op, IncSubtensor) and all(
        isinstance(i, slice) for i in node.op.idx_list
    ):
        return False
    return is_zeros(node.inputs[0])


def _widened(values):
    """Returns values of float16 in float32, before they were rounded if possible."""
    node = values.owner
    if node is not None and isinstance(node.op, Elemwise):
        if isinstance(node.op.scalar_op, Cast) and node.inputs[0].dtype == "float32":
            return node.inputs[0]
    if node is not None and isinstance(node.op, AdvancedIncSubtensor1):
        base, increment, indices = node.inputs
        if is_zeros(base) and not node.op.set_instead_of_inc:
            return node.op(T.cast(base, "float32"), _widened(increment), indices)
    if node is not None and is_transfer(node):
        return _widened(node.inputs[0])
    return T.cast(values, "float32")


def _read_vector_scatter(node, axis):
    """``inc_subtensor(zeros[indices], values)`` with a vector of indices"""
    base, values, indices = node.inputs
    if axis != 0:
        return None
    if values.ndim < base.ndim or any(
        v and not b for v, b in zip(values.broadcastable, base.broadcastable)
    ):
        shape = [indices.shape[0]] + [base.shape[d] for d in range(1, base.ndim)]
        values = T.alloc(values, *shape)
    return Scatter(indices, values, base, 0, are_rows(indices))


def are_rows(indices):
    """Tells whether indices are distinct rows, none of them negative

    Parameters
    ----------
    indices : Theano vector, integer

    Returns
    -------
    bool
        True of what is so by construction: the rows of ``unique_rows``, a range, a
        constant. False also where it cannot be known before the function runs.
    """
    return are_distinct(indices) and are_not_negative(indices)


def unique_rows_of(variable, output):
    """Returns the node of which a variable is that output of UniqueRows, or None

    Parameters
    ----------
    variable : Theano variable
    output : int
        0 for the rows, 1 for the inverse.

    Returns
    -------
    Apply node or None
    """
    node = variable.owner
    if node is None or not isinstance(node.op, UniqueRows):
        return None
    return node if variable is node.outputs[output] else None


def _read_basic_scatter(node, axis):
    """``inc_subtensor(zeros[k], values)``, ``zeros[a:b]``, ``zeros[:, a:b]``"""
    base, values = node.inputs[:2]
    index = get_idx_list((base,) + tuple(node.inputs[2:]), node.op.idx_list)
    index = index + (slice(None),) * (base.ndim - len(index))
    first = next((d for d, i in enumerate(index) if not is_full_slice(i)), None)
    if first != axis:
        return None  # no rows chosen at all, or another axis is
    length = base.shape[axis]
    if isinstance(index[axis], slice):
        slice_, direction = get_canonical_form_slice(index[axis], length)
        start, stop, step = (
            T.cast(T.as_tensor_variable(i), "int64")
            for i in (slice_.start, slice_.stop, slice_.step)
        )
        chosen = T.arange(start, stop, step)[::direction]
    else:
        chosen = T.shape_padleft(T.cast(T.as_tensor_variable(index[axis]), "int64"))
    zeros = _zeros([chosen.shape[0]], base, axis)
    inner = [slice(None)] + list(index[:axis]) + list(index[axis + 1 :])
    # Where the axis was indexed by a number, the values lack it.
    gone = sum(not isinstance(i, slice) for i in index[:axis])
    # As NumPy broadcasts: values of a lower rank are the same along the first axes.
    rank = base.ndim - sum(not isinstance(i, slice) for i in index)
    values = T.shape_padleft(values, rank - values.ndim)
    if isinstance(index[axis], slice):
        values = axis_first(values, axis - gone)
    else:
        values = T.shape_padleft(values)
    if not all(is_full_slice(i) for i in inner):
        values = T.inc_subtensor(zeros[tuple(inner)], values)
    elif values.broadcastable != zeros.broadcastable:
        values = zeros + values
    return Scatter(chosen, values, base, axis, False)


def _read_element_scatter(node, axis):
    """``inc_subtensor(zeros[i, j], values)`` with arrays of indices, slices"""
    base, values, index = node.inputs[0], node.inputs[1], node.inputs[2:]
    rows = index[0]
    if axis != 0 or isinstance(rows.type, SliceType) or rows.ndim == 0:
        return None
    # The same elements of a smaller array, in which each index has its own row.
    position = T.reshape(T.arange(rows.size), rows.shape, ndim=rows.ndim)
    rest = tuple(
        _as_python_slice(i) if isinstance(i.type, SliceType) else i for i in index[1:]
    )
    zeros = _zeros([rows.size], base, 0)
    values = T.inc_subtensor(zeros[(position,) + rest], values)
    return Scatter(T.cast(rows.flatten(), "int64"), values, base, 0, False)


def _as_python_slice(variable):
    """Turns a symbolic slice back into the slice that made it."""
    if variable.owner is None:
        return variable.data
    parts = variable.owner.inputs
    return slice(
        *(None if isinstance(i, Constant) and i.data is None else i for i in parts)
    )


def _zeros(num_rows, base, axis):
    """Zeros with rows along axis 0 and the other axes of `base` after it."""
    rest = [base.shape[d] for d in range(base.ndim) if d != axis]
    return T.zeros(list(num_rows) + rest, dtype=base.dtype)


def axis_first(variable, axis):
    """Moves an axis to the front."""
    if axis == 0:
        return variable
    order = [axis] + [d for d in range(variable.ndim) if d != axis]
    return variable.dimshuffle(*order)


def axis_back(variable, axis):
    """Moves the first axis to where it was before :func:`axis_first`."""
    if axis == 0:
        return variable
    order = list(range(1, axis + 1)) + [0] + list(range(axis + 1, variable.ndim))
    return variable.dimshuffle(*order)


_READERS = {
    AdvancedIncSubtensor1: _read_vector_scatter,
    IncSubtensor: _read_basic_scatter,
    AdvancedIncSubtensor: _read_element_scatter,
}
