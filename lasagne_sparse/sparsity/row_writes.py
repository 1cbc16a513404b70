"""Reads updates that write some rows of a table, so that others may go on top"""

from theano.tensor.elemwise import DimShuffle
from theano.tensor.subtensor import AdvancedIncSubtensor1

from ..graph import table_of, walk, without_transfers
from .gradients import TouchedRows
from .scatters import are_rows

__all__ = ["is_edited_row_write", "row_write", "row_writes"]


def row_writes(updates, params):
    """Finds the updates that write some rows of their table

    Parameters
    ----------
    updates : dict from shared variables to expressions
    params : list of shared variables
        The tables whose updates to look at.

    Returns
    -------
    dict from Theano variables to TouchedRows
        For each update ``inc_subtensor(W[rows], step)``, or ``set_subtensor``,
        or its like for columns: what the rows will be.
    """
    leaves = {}
    for table in params:
        update = row_write(updates[table], table)
        if update is not None:
            leaves[updates[table]] = update
    return leaves


def row_write(expression, table=None):
    """Reads an expression that writes distinct rows of a table

    Parameters
    ----------
    expression : Theano variable
    table : shared variable, optional
        If given, the expression must write rows of this one.

    Returns
    -------
    TouchedRows or None
        None if it is anything else.
    """
    expression = variable = without_transfers(expression)
    axis = 0
    if variable.owner is not None and isinstance(variable.owner.op, DimShuffle):
        order = list(variable.owner.op.new_order)
        if sorted(order, key=str) != list(range(variable.owner.inputs[0].ndim)):
            return None  # no transposition: axes are added or dropped
        axis = order.index(0)
        variable = without_transfers(variable.owner.inputs[0])
    node = variable.owner
    if node is None or not isinstance(node.op, AdvancedIncSubtensor1):
        return None
    base, value, rows = node.inputs
    written = table_of(base)
    if written is None or (table is not None and written is not table):
        return None
    if not are_rows(rows):
        return None
    if not node.op.set_instead_of_inc:
        value = base[rows] + value
    if variable is not expression:
        value = value.dimshuffle(expression.owner.op.new_order)
    return TouchedRows(written, rows, value, axis)


def is_edited_row_write(expression, table):
    """Tells whether an update writes some rows of a table, and something after that

    Parameters
    ----------
    expression : Theano variable
        For example ``T.set_subtensor(updates[W][0], 0)``.
    table : shared variable

    Returns
    -------
    bool
        False for the write of rows alone: :func:`row_write` reads that.
    """

    def onward(node):
        return [i for i in node.inputs if i.type == expression.type]

    steps = walk(expression, onward)
    return any(v is not expression and row_write(v, table) is not None for v in steps)
