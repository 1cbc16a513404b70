"""Which operations work row by row, and what do they make of rows that are all alike?

Of ``0.9 * m + g`` a row is made of the same row of `m` and `g`; of ``T.dot(g, M)``, of
that of `g` and of all of `M`. Everything that this room says of the rows of an
expression rests on :func:`row_inputs`.
"""

from theano import scalar
from theano.compile.ops import OutputGuard, Rebroadcast, ViewOp
from theano.tensor import Dot, Join, MaxAndArgmax
from theano.tensor.blas import Dot22
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.extra_ops import CumOp
from theano.tensor.nnet.nnet import Softmax
from theano.tensor.opt import Assert
from theano.tensor.subtensor import AdvancedIncSubtensor1, IncSubtensor, Subtensor

from ..graph import is_full_slice, is_transfer, value_at

__all__ = ["is_row_edit", "is_row_write", "row_inputs", "row_value"]


def row_inputs(variable, axis):
    """Tells along which axis of each input of its node a variable's rows run

    Parameters
    ----------
    variable : Theano variable
    axis : int
        The axis of `variable` along which its rows are counted.

    Returns
    -------
    list or None
        For each input of the variable's node the axis that corresponds to
        `axis`, or None for an input that is the same for every row. None in
        place of the list if the node does not work row by row.
    """
    node = variable.owner
    if node is None:
        return None
    for kinds, read in _READERS:
        if isinstance(node.op, kinds):
            return read(node, variable, axis)
    return [axis] if is_transfer(node) else None


def row_value(node, variable, values):
    """Returns what a node that works row by row makes of rows of one number

    Parameters
    ----------
    node : Apply node
    variable : Theano variable
        Its output of interest.
    values : list, one number or None for each input of `node`
        What the input is everywhere in these rows; None if it is not known.

    Returns
    -------
    NumPy scalar or None
        What `variable` is everywhere in these rows, if that is known.
    """
    op = node.op
    if isinstance(op, Elemwise):
        return value_at(node, values)
    if isinstance(op, MaxAndArgmax):
        return values[0] if variable is node.outputs[0] else None
    if isinstance(op, CAReduce):
        return _reduced_value(op, values[0])
    if isinstance(op, (Dot, Dot22)):
        return next((v for v in values if v == 0), None)
    if isinstance(op, CumOp):
        return values[0] if values[0] == 0 else None
    if isinstance(op, Softmax):
        return None
    if isinstance(op, Join):
        return values[1] if all(v == values[1] for v in values[1:]) else None
    if isinstance(op, IncSubtensor):
        unchanged = values[1] == (values[0] if op.set_instead_of_inc else 0)
        return values[0] if unchanged else None
    return values[0]


#: What a reduction by it makes of equal numbers is that number.
_KEEPING = (scalar.Maximum, scalar.Minimum, scalar.AND, scalar.OR)


def is_row_edit(node, axis):
    """Tells whether a node writes one row, as in ``set_subtensor(x[k], y)``

    Parameters
    ----------
    node : Apply node
    axis : int
        Of the rows; False unless it is the first.

    Returns
    -------
    bool
    """
    if not isinstance(node.op, IncSubtensor) or axis != 0:
        return False
    return len(node.op.idx_list) == 1 and not isinstance(node.op.idx_list[0], slice)


def is_row_write(node, axis):
    """Tells whether a node writes rows, as in ``inc_subtensor(x[rows], y)``

    Parameters
    ----------
    node : Apply node
    axis : int
        Of the rows; False unless it is the first.

    Returns
    -------
    bool
    """
    return isinstance(node.op, AdvancedIncSubtensor1) and axis == 0


def _reduced_value(op, value):
    """Returns what a reduction over some axes makes of one number."""
    if isinstance(op.scalar_op, _KEEPING):
        return value
    return value if isinstance(op.scalar_op, scalar.Add) and value == 0 else None


# --- Reading ----------------


def _read_view(node, variable, axis):
    return [axis] + [None] * (len(node.inputs) - 1)


def _read_rebroadcast(node, variable, axis):
    # What is made of length 1 by type has no rows to tell apart.
    return None if node.op.axis.get(axis) else [axis]


def _read_elementwise(node, variable, axis):
    return [None if i.broadcastable[axis] else axis for i in node.inputs]


def _read_shuffle(node, variable, axis):
    inner = node.op.new_order[axis]
    return None if inner == "x" else [inner]


def _read_reduction(node, variable, axis):
    (operand,) = node.inputs
    reduced = range(operand.ndim) if node.op.axis is None else node.op.axis
    kept = [d for d in range(operand.ndim) if d not in reduced]
    return [kept[axis]]


def _read_product(node, variable, axis):
    left, right = node.inputs
    if axis < left.ndim - 1:
        return [axis, None]
    if right.ndim == 2:
        return [None, 1]
    return None


def _read_cumulation(node, variable, axis):
    return None if node.op.axis is None or node.op.axis == axis else [axis]


def _read_softmax(node, variable, axis):
    return [0] if axis == 0 else None


def _read_join(node, variable, axis):
    along = getattr(node.inputs[0], "data", None)
    if along is None or int(along) % variable.ndim == axis:
        return None
    return [None] + [axis] * (len(node.inputs) - 1)


def _read_part(node, variable, axis):
    inner = _axis_before(node.op.idx_list, axis)
    rest = [None] * (len(node.inputs) - 1)
    return None if inner is None else [inner] + rest


def _read_edit_of_a_part(node, variable, axis):
    index = node.op.idx_list
    if axis < len(index) and not is_full_slice(index[axis]):
        return None
    value = node.inputs[1]
    gone = sum(not isinstance(i, slice) for i in index)
    before = sum(not isinstance(i, slice) for i in index[:axis])
    # As NumPy broadcasts: the last axes of the part are those of the value.
    inner = axis - before - (variable.ndim - gone - value.ndim)
    same = inner < 0 or value.broadcastable[inner]
    return [axis, None if same else inner] + [None] * (len(node.inputs) - 2)


def _axis_before(index, axis):
    """Returns which axis became `axis` by indexing, None unless it was left whole."""
    kept = [d for d, i in enumerate(index) if isinstance(i, slice)]
    if axis >= len(kept):
        return axis - len(kept) + len(index)
    return kept[axis] if is_full_slice(index[kept[axis]]) else None


_READERS = [
    (Elemwise, _read_elementwise),
    (DimShuffle, _read_shuffle),
    ((CAReduce, MaxAndArgmax), _read_reduction),
    ((ViewOp, OutputGuard, Assert), _read_view),
    (Rebroadcast, _read_rebroadcast),
    ((Dot, Dot22), _read_product),
    (CumOp, _read_cumulation),
    (Softmax, _read_softmax),
    (Join, _read_join),
    (Subtensor, _read_part),
    (IncSubtensor, _read_edit_of_a_part),
]
