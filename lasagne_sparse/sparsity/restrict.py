"""Restricts an expression to some rows: what is ``expression[rows]``?

Where an expression is computed row by row, its rows are computed from the same
rows of what it is made of: ``(0.9 * m + g)[rows]`` is ``0.9 * m[rows] +
g[rows]``. :func:`restrict` pushes the indexing down to shared variables and
inputs, so that nothing as large as the table is computed on the way.

'Rows' lie along any one axis here: axis 1 gives the columns of a matrix.
"""

import theano.tensor as T
from theano.compile.ops import OutputGuard, ViewOp
from theano.gof.graph import Constant
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.subtensor import AdvancedIncSubtensor1, IncSubtensor

from ..graph import is_transfer

__all__ = ["take", "row_inputs", "row_leaves", "restrict"]


def take(variable, rows, axis=0):
    """Gathers rows along an axis

    Parameters
    ----------
    variable : Theano variable, rank above `axis`
    rows : Theano vector, shape ``(num_distinct,)``, integer
    axis : int
        The axis along which `rows` count.

    Returns
    -------
    Theano variable
        ``variable[rows]``, ``variable[:, rows]``, ...
    """
    return variable[(slice(None),) * axis + (rows,)]


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
    op = node.op
    if isinstance(op, (ViewOp, OutputGuard)) or is_transfer(node):
        return [axis]
    if isinstance(op, Elemwise):
        return [None if i.broadcastable[axis] else axis for i in node.inputs]
    if isinstance(op, DimShuffle):
        inner = op.new_order[axis]
        return None if inner == "x" else [inner]
    if isinstance(op, CAReduce):
        reduced = range(node.inputs[0].ndim) if op.axis is None else op.axis
        kept = [d for d in range(node.inputs[0].ndim) if d not in reduced]
        return [kept[axis]]
    return None


def _is_row_edit(node, axis):
    """Tells whether a node writes one row, as in ``set_subtensor(x[k], y)``."""
    if not isinstance(node.op, IncSubtensor) or axis != 0:
        return False
    return len(node.op.idx_list) == 1 and not isinstance(node.op.idx_list[0], slice)


def _is_row_write(node, axis):
    """Tells whether a node writes rows, as in ``inc_subtensor(x[rows], y)``."""
    return isinstance(node.op, AdvancedIncSubtensor1) and axis == 0


def row_leaves(expression, axis, leaves):
    """Finds the leaves of which an expression's rows are made row by row

    Parameters
    ----------
    expression : Theano variable
    axis : int
        The axis of `expression` along which its rows are counted.
    leaves : collection of Theano variables

    Returns
    -------
    list of tuple
        The pairs ``(leaf, axis of the leaf)``, each once. A leaf that enters
        by a sum over all rows is not among them.
    """
    found, seen, stack = [], set(), [(expression, axis)]
    while stack:
        variable, axis = stack.pop()
        if (variable, axis) in seen:
            continue
        seen.add((variable, axis))
        if variable in leaves:
            found.append((variable, axis))
            continue
        node = variable.owner
        if node is None or variable.broadcastable[axis]:
            continue
        axes = row_inputs(variable, axis)
        if axes is None and (_is_row_edit(node, axis) or _is_row_write(node, axis)):
            axes = [axis]
        stack.extend((i, a) for i, a in zip(node.inputs, axes or []) if a is not None)
    return found


def restrict(expression, rows, axis=0, known=None, opaque=None):
    """Restricts an expression to some rows

    * ``result := expression[rows]`` for axis 0, ``expression[:, rows]`` for 1

    Parameters
    ----------
    expression : Theano variable
        An expression, or a variable without one.
    rows : Theano vector, shape ``(num_distinct,)``, int64
        Distinct rows in ``[0, expression.shape[axis])``.
    axis : int
        The axis of `expression` along which `rows` count.
    known : dict, optional
        What is known at these rows: maps ``(variable, axis)`` to the variable
        restricted. Results are added, so one dict serves several calls.
    opaque : list, optional
        Expressions that had to be computed for all rows are appended.

    Returns
    -------
    Theano variable
        The type of `expression`, with as many rows as `rows`. An expression
        that is the same for all rows (of length 1 along `axis`, by type) is
        returned as it is.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> m = theano.shared(np.arange(4.), 'm')
    >>> rows = T.constant([3, 1])
    >>> restrict(2 * m + 1, rows).eval()
    array([7., 3.])
    """
    known = {} if known is None else known
    opaque = [] if opaque is None else opaque
    # A walk with a stack of its own: a momentum rebuilt many times over makes
    # graphs deeper than Python's recursion goes.
    stack = [(expression, axis)]
    while stack:
        item = stack[-1]
        if item in known:
            stack.pop()
            continue
        needed = [i for i in _needs(*item) if i not in known]
        if needed:
            stack.extend(needed)
            continue
        known[item] = _restrict_one(item[0], item[1], rows, known, opaque)
        stack.pop()
    return known[expression, axis]


def _needs(variable, axis):
    """Lists the ``(variable, axis)`` of which a variable's rows are made."""
    node = variable.owner
    if node is None or variable.broadcastable[axis]:
        return []
    if _is_row_edit(node, axis):
        return [(node.inputs[0], axis)]
    axes = row_inputs(variable, axis)
    if axes is None:
        return []
    return [(i, a) for i, a in zip(node.inputs, axes) if a is not None]


def _restrict_one(variable, axis, rows, known, opaque):
    """Restricts a variable whose inputs are restricted in `known` already."""
    if variable.broadcastable[axis]:
        return variable
    node = variable.owner
    if node is None:
        return take(variable, rows, axis)
    if _is_row_edit(node, axis):
        return _restrict_row_edit(node, rows, known[node.inputs[0], axis])
    axes = row_inputs(variable, axis)
    if axes is None:
        if not isinstance(variable, Constant):
            opaque.append(variable)
        return take(variable, rows, axis)
    inputs = [i if a is None else known[i, a] for i, a in zip(node.inputs, axes)]
    if is_transfer(node):  # the few rows go wherever they are needed
        return inputs[0]
    outputs = node.op(*inputs, return_list=True)
    return outputs[node.outputs.index(variable)]


def _restrict_row_edit(node, rows, base):
    """Restricts ``set_subtensor(x[k], y)`` or ``inc_subtensor(x[k], y)``."""
    table, value, index = node.inputs
    row = T.as_tensor_variable(index) % table.shape[0]
    written = T.shape_padleft(value, base.ndim - value.ndim)
    if not node.op.set_instead_of_inc:
        written = base + written
    here = T.shape_padright(T.eq(rows, row), base.ndim - 1)
    return T.switch(here, written, base)
