"""Warns of updates that are right, but walk all of a table"""

import os
import sys
import warnings

import theano.tensor as T
from theano.compile.ops import Shape, Shape_i
from theano.gof.graph import Constant
from theano.scan_module.scan_op import Scan
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    Subtensor,
)

from ..graph import (
    is_made_by_grad,
    is_transfer,
    shape_now,
    source_line,
    walk,
    without_transfers,
)

__all__ = ["SparsityWarning", "warn_dense", "warn_norm", "warn_opaque", "named"]

#: Where the library is: its own lines are nobody's program.
_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")

_NOT_WHOLE = (AdvancedSubtensor, AdvancedSubtensor1, Subtensor, Shape, Shape_i)
_LOOKUPS = (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
)


class SparsityWarning(UserWarning):
    """Warns that an update is right, but costs work as large as the table"""


def warn_dense(terms, table):
    """Warns once that a table's gradient is only partly row-sparse

    Parameters
    ----------
    terms : list of Theano variables
        What keeps it from that.
    table : shared variable
    """
    _warn(
        "%s is looked up, but its gradient has a part that is no lookup: %s. It gets "
        "a dense update, which is right, but walks all of the table (%s). %s"
        % (
            named(table),
            _source(_use_of(table, terms[0])),
            _sizes([table]),
            _remedy(terms[0], table),
        )
    )


def warn_norm(table, row_axes):
    """Warns once that a norm constraint sums over the rows of a table

    Parameters
    ----------
    table : shared variable
    row_axes : tuple of int
        Over which it may sum instead.
    """
    _warn(
        "The norm constraint of %s sums over its rows, so that it needs all of them "
        "(%s), and changes rows that were not looked up. Each row has a norm of its "
        "own by norm_axes=%s." % (named(table), _sizes([table]), row_axes)
    )


def warn_opaque(expressions, tables):
    """Warns once that an expression is computed for all rows of tables

    Parameters
    ----------
    expressions : list of Theano variables
    tables : list of shared variables
    """
    _warn(
        "The update of %s needs an expression that can only be computed for all "
        "rows: %s. The update is right, but walks all of the table (%s)."
        % (
            " and ".join(named(table) for table in tables),
            _source(expressions[0]),
            _sizes(tables),
        )
    )


def _warn(message):
    """Warns, and names the line of the program that called the library."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, SparsityWarning, stacklevel=level)


def named(table):
    """Returns how a message calls a table."""
    return "table %s" % (table.name or table)


def _sizes(tables):
    # They also tell warnings apart that name tables of one name: of those with the
    # same text Python shows the first.
    return ", ".join(" x ".join(str(n) for n in shape_now(t)) for t in tables)


def _source(variable):
    """Describes an expression by its node and by the user's line that made it."""
    variable = without_transfers(variable)
    line = _users_line(variable)
    if line is None:
        return str(variable.owner or variable)
    return "%s (%s, line %s: %s)" % ((variable.owner,) + line)


def _users_line(variable):
    """Returns file, line number and code of who made an expression, or None."""
    return None if variable.owner is None else source_line(variable)


def _use_of(table, term):
    """Finds the expression whose gradient a term is, as the user wrote it

    A gradient is made where ``theano.grad`` is called, but it is computed from
    what it differentiates: the nearest expression that takes the table, and was
    made elsewhere. The term itself if there is none, or if the user wrote it.
    """
    if not is_made_by_grad(term):
        return term
    where = _users_line(term)
    for variable in walk(term, lambda node: node.inputs):
        node = variable.owner
        if node is None or is_transfer(node) or isinstance(node.op, _NOT_WHOLE):
            continue
        if table not in map(without_transfers, _used_inputs(node)):
            continue
        if _users_line(variable) not in (None, where):
            return variable
    return term


def _remedy(term, table):
    """Says what to do about a term that makes a gradient dense."""
    makers = _makers(term)
    if any(isinstance(op, Scan) for op in makers):
        return "Look the rows up before the scan, and pass them as a sequence."
    if any(isinstance(op, (T.Dot, T.blas.BatchedDot)) for op in makers):
        return (
            "A product with the whole table, such as a softmax over all rows, needs "
            "all of it: use a sampled loss, lasagne_sparse.objectives.sampled_softmax("
            "h, targets, W, b, LogUniformSampler(num_classes).draw(512)) or the layer "
            "SampledSoftmaxLayer, or give the product a table of its own."
        )
    if _is_penalty(term, table):
        return (
            "A penalty on the whole table may be put on the rows that are looked up "
            "instead: layer.subset."
        )
    return (
        "Compute with the rows that are looked up, f(W[x]) in place of f(W)[x], and "
        "add to their gradient only, that of layer.subset."
    )


def _is_penalty(term, table):
    """Tells whether a term is made of a table, scalars and constants alone."""

    def onward(node):
        return [] if isinstance(node.op, (Shape, Shape_i)) else _used_inputs(node)

    for variable in walk(term, onward):
        if variable.owner is not None:
            if isinstance(variable.owner.op, _LOOKUPS):
                return False
        elif variable.ndim and variable is not table:
            if not isinstance(variable, Constant):
                return False
    return True


def _used_inputs(node):
    """Lists the inputs of a node whose numbers are in its result."""
    is_fill = isinstance(node.op, Elemwise) and isinstance(
        node.op.scalar_op, T.scal.Second
    )
    return node.inputs[1:] if is_fill else node.inputs


def _makers(term):
    """Lists the Ops that made the numbers which a gradient's term spreads."""

    def spreads(node):
        return isinstance(node.op, (DimShuffle, Subtensor, T.Reshape)) or (
            is_transfer(node)
        )

    def onward(node):
        if spreads(node):
            return node.inputs[:1]
        return _used_inputs(node) if isinstance(node.op, Elemwise) else []

    nodes = [v.owner for v in walk(term, onward) if v.owner is not None]
    return [n.op for n in nodes if not (spreads(n) or isinstance(n.op, Elemwise))]
