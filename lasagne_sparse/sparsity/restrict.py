"""Restricts an expression to some rows: what is ``expression[rows]``?

Where an expression is computed row by row, its rows are computed from the same
rows of what it is made of: ``(0.9 * m + g)[rows]`` is ``0.9 * m[rows] +
g[rows]``. :func:`restrict` pushes the indexing down to shared variables and
inputs, so that nothing as large as the table is computed on the way.

'Rows' lie along any one axis here: axis 1 gives the columns of a matrix.
"""

import theano.tensor as T
from theano.gof.graph import Constant
from theano.tensor import Alloc

from ..graph import evaluate, is_transfer
from ..ops import unique_rows
from .rowwise import is_row_edit, row_inputs

__all__ = ["restrict", "take"]


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

    Raises
    ------
    IndexError
        When the function is called, if `expression` writes a row by its number, as in
        ``set_subtensor(x[k], y)``, and there is no such row.

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

    def restricted(item, inputs):
        return _restricted(item[0], item[1], inputs, rows, opaque)

    return evaluate((expression, axis), _parts, restricted, known)


def _parts(item):
    """Lists the ``(input, axis)`` of which a variable's rows are made."""
    variable, axis = item
    node = variable.owner
    if node is None or variable.broadcastable[axis]:
        return []
    if is_row_edit(node, axis):
        return [(node.inputs[0], axis)]
    if isinstance(node.op, Alloc):
        inner = axis - (variable.ndim - node.inputs[0].ndim)
        return [] if _is_spread(node.inputs[0], inner) else [(node.inputs[0], inner)]
    axes = row_inputs(variable, axis) or []
    return [None if a is None else (i, a) for i, a in zip(node.inputs, axes)]


def _restricted(variable, axis, parts, rows, opaque):
    """Restricts a variable, given its parts restricted."""
    if variable.broadcastable[axis]:
        return variable
    node = variable.owner
    if node is None:
        return take(variable, rows, axis)
    if is_row_edit(node, axis):
        return _restricted_row_edit(node, rows, parts[0])
    if isinstance(node.op, Alloc):
        return _restricted_alloc(node, axis, parts, rows)
    axes = row_inputs(variable, axis)
    if axes is None:
        if not isinstance(variable, Constant):
            opaque.append(variable)
        return take(variable, rows, axis)
    inputs = [i if part is None else part for i, part in zip(node.inputs, parts)]
    if is_transfer(node):  # the few rows go wherever they are needed
        return inputs[0]
    outputs = node.op(*inputs, return_list=True)
    return outputs[node.outputs.index(variable)]


def _is_spread(value, axis):
    """Tells whether ``alloc`` spreads a value along an axis of it."""
    return axis < 0 or value.broadcastable[axis]


def _restricted_alloc(node, axis, parts, rows):
    """Restricts ``alloc(value, *shape)``: as many rows as there are touched."""
    shape = list(node.inputs[1:])
    shape[axis] = rows.shape[0]
    return T.alloc(parts[0] if parts else node.inputs[0], *shape)


def _restricted_row_edit(node, rows, base):
    """Restricts ``set_subtensor(x[k], y)`` or ``inc_subtensor(x[k], y)``."""
    table, value, index = node.inputs
    # Checked as any index is: taken modulo the length, it would mean another row.
    index = T.cast(T.as_tensor_variable(index), "int64")
    row, _ = unique_rows(T.shape_padleft(index), table.shape[0])
    written = T.shape_padleft(value, base.ndim - value.ndim)
    if not node.op.set_instead_of_inc:
        written = base + written
    here = T.shape_padright(T.eq(rows, row[0]), base.ndim - 1)
    return T.switch(here, written, base)
