"""Turns updates as large as a table into updates of the rows that change"""

from collections import OrderedDict

import theano.tensor as T
from theano.tensor.elemwise import Elemwise

from ..graph import without_transfers
from ..sparsity.alignment import Alignment
from ..sparsity.restrict import restrict, take
from .sparsity_warning import warn_opaque

__all__ = ["write_rows"]


def write_rows(updates, leaves, params=None):
    """Turns updates as large as a table into updates of its rows

    Parameters
    ----------
    updates : dict from shared variables to expressions
        As a dense rule returns it.
    leaves : dict from Theano variables to TouchedRows
        Expressions as large as a table of which all but some rows are known:
        the gradient, which is zero there, or an update that keeps them.
    params : list of shared variables, optional
        What the rule updates; if left out, the tables of `leaves`.

    Returns
    -------
    OrderedDict from shared variables to expressions
        ``inc_subtensor`` for a table, ``set_subtensor`` for an accumulator,
        and what depends on no leaf as it was; all in the shared variable's
        dtype.

    Warns
    -----
    SparsityWarning
        If the update of a table, or of a state with a row for each of its rows, cannot
        be computed row by row: then the table and all its states are updated densely.
    """
    if params is None:
        params = [touched.table for touched in leaves.values()]
    alignment = Alignment(updates, leaves, params)
    for leaf, expression in alignment.unknown.items():
        warn_opaque([expression], [leaves[leaf].table])
    known = {leaf: {(leaf, t.axis): t.values} for leaf, t in leaves.items()}
    written = OrderedDict()
    for shared, expression in updates.items():
        if shared in alignment.places:
            leaf, axis = alignment.places[shared]
            expression = _write(shared, expression, axis, leaves[leaf], known[leaf])
        dtype = getattr(shared.type, "dtype", None)
        if dtype is not None and expression.dtype != dtype:
            expression = T.cast(expression, dtype)
        written[shared] = expression
    return written


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
        warn_opaque(opaque, [shared])
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
