"""Turns updates as large as a table into updates of the rows that change"""

from collections import OrderedDict

import theano.tensor as T
from theano.gof.graph import ancestors
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import AdvancedIncSubtensor1

from ..sparsity.gradients import TouchedRows
from ..graph import table_of, without_transfers
from ..sparsity.restrict import restrict, row_leaves, take
from ..sparsity.scatters import unique_rows_node
from .sparsity_warning import warn_opaque

__all__ = ["write_rows", "row_writes", "row_write", "depends_on"]


def write_rows(updates, leaves):
    """Turns updates as large as a table into updates of its rows

    Parameters
    ----------
    updates : dict from shared variables to expressions
        As a dense rule returns it.
    leaves : dict from Theano variables to TouchedRows
        Expressions as large as a table of which all but some rows are known:
        the gradient, which is zero there, or an update that keeps them.

    Returns
    -------
    OrderedDict from shared variables to expressions
        ``inc_subtensor`` for a table, ``set_subtensor`` for an accumulator,
        and what depends on no leaf as it was; all in the shared variable's
        dtype.
    """
    known = {leaf: {} for leaf in leaves}
    written = OrderedDict()
    for shared, expression in updates.items():
        found = _leaf_of(expression, leaves)
        if found is not None:
            leaf, axis = found
            known[leaf][leaf, leaves[leaf].axis] = leaves[leaf].values
            expression = _write(shared, expression, axis, leaves[leaf], known[leaf])
        dtype = getattr(shared.type, "dtype", None)
        if dtype is not None and expression.dtype != dtype:
            expression = T.cast(expression, dtype)
        written[shared] = expression
    return written


def _leaf_of(expression, leaves):
    """Finds the one leaf by which an expression varies from row to row

    Returns the leaf, and the axis of the expression that its rows lie along;
    None if there is none.
    """
    pairs = [
        (leaf, axis)
        for axis in range(expression.ndim)
        for leaf, leaf_axis in row_leaves(expression, axis, leaves)
        if leaf_axis == leaves[leaf].axis
    ]
    if len(pairs) == 1:
        return pairs[0]
    if pairs:
        tables = [leaves[leaf].table for leaf, _ in pairs]
        warn_opaque([expression], tables, stacklevel=5)
    return None


def _write(shared, expression, axis, update, known):
    """Writes the rows of one update expression

    ``known`` is the memory of :func:`lasagne_sparse.sparsity.restrict.restrict`, shared
    by all expressions of one table, so that they share its gathers.
    """
    opaque = []
    subset = _subset_of(shared, axis, update, known)
    step = None
    # A step in float16 would be rounded before it is added, and again after it.
    if shared is update.table and shared.dtype != "float16":
        step = _step(expression, shared)
    if step is None:
        rows = restrict(expression, update.rows, axis, known, opaque)
        result = T.set_subtensor(subset, T.cast(rows, shared.dtype))
    else:
        rows = restrict(step, update.rows, axis, known, opaque)
        result = T.inc_subtensor(subset, T.cast(rows, shared.dtype))
    if opaque:
        warn_opaque(opaque, [shared], stacklevel=5)
    return result


def _subset_of(shared, axis, update, known):
    """Gathers the rows of a table or accumulator, once."""
    key = (shared, axis)
    if key not in known:
        known[key] = take(shared, update.rows, axis)
    return known[key]


def _step(expression, table):
    """Returns ``step`` where an expression is a sum ``table + step``, or None

    Sums and differences may nest: ``momentum * v + (table - rate * g)``.
    """
    node = expression.owner
    if node is None or not isinstance(node.op, Elemwise):
        return None
    op = node.op.scalar_op
    first = node.inputs[0]
    if isinstance(op, T.scal.Sub):
        rest = T.neg(node.inputs[1])
        if without_transfers(first) is table:
            return rest
        step = _step(first, table)
        return None if step is None else step - node.inputs[1]
    if not isinstance(op, T.scal.Add):
        return None
    for position, term in enumerate(node.inputs):
        is_table = without_transfers(term) is table
        step = [] if is_table else _step(term, table)
        if step is None:
            continue
        others = [i for p, i in enumerate(node.inputs) if p != position]
        return T.add(*(others if is_table else others + [step]))
    return None


# --- Updates of rows that are updated again ----------------


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
    if unique_rows_node(rows) is None:
        return None
    if not node.op.set_instead_of_inc:
        value = base[rows] + value
    if variable is not expression:
        value = value.dimshuffle(expression.owner.op.new_order)
    return TouchedRows(written, rows, value, axis)


def depends_on(expression, variable):
    """Tells whether a variable is among the ancestors of an expression

    Parameters
    ----------
    expression, variable : Theano variables

    Returns
    -------
    bool
    """
    return variable in ancestors([expression], blockers=[variable])
