"""Warns of updates that are right, but walk all of a table"""

import warnings
from collections import deque

import theano.tensor as T
from theano.compile.ops import Shape, Shape_i
from theano.scan_module.scan_op import Scan
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import (
    AdvancedSubtensor,
    AdvancedSubtensor1,
    Subtensor,
)

from ..gradients import dense_terms
from ..source_lines import source_line

__all__ = ["SparsityWarning", "warn_dense", "warn_opaque", "named"]

_NOT_WHOLE = (AdvancedSubtensor, AdvancedSubtensor1, Subtensor, Shape, Shape_i)


class SparsityWarning(UserWarning):
    """Warns that an update is right, but costs work as large as the table"""


def warn_dense(gradient, table):
    """Warns once that a table's gradient is only partly row-sparse."""
    terms = dense_terms(gradient, table)
    if not terms:
        return
    warnings.warn(
        "%s is looked up, but its gradient has a part that is no lookup: %s. It gets "
        "a dense update, which is right, but walks all of the table. %s"
        % (named(table), _source(_use_of(table, terms[0])), _remedy(terms[0])),
        SparsityWarning,
        stacklevel=4,
    )


def warn_opaque(expressions, name, stacklevel):
    """Warns once that an expression is computed for all rows of a table."""
    warnings.warn(
        "The update of %s needs an expression that can only be computed for all "
        "rows: %s. The update is right, but walks all of the table."
        % (name, _source(expressions[0])),
        SparsityWarning,
        stacklevel=stacklevel,
    )


def named(table):
    """Returns how a message calls a table."""
    return "table %s" % (table.name or table)


def _source(variable):
    """Describes an expression by its node and by the user's line that made it."""
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
    made elsewhere. The term itself if there is none.
    """
    where = _users_line(term)
    queue, seen = deque([term]), set()
    while queue:
        variable = queue.popleft()
        node = variable.owner
        if node is None or variable in seen:
            continue
        seen.add(variable)
        if table in node.inputs and not isinstance(node.op, _NOT_WHOLE):
            if _users_line(variable) not in (None, where):
                return variable
        queue.extend(node.inputs)
    return term


def _remedy(term):
    """Says what to do about a term that makes a gradient dense."""
    makers = _makers(term)
    if any(isinstance(op, Scan) for op in makers):
        return "Look the rows up before the scan, and pass them as a sequence."
    if any(isinstance(op, (T.Dot, T.blas.BatchedDot)) for op in makers):
        return (
            "A product with the whole table, such as a softmax over all rows, needs "
            "all of it: use a sampled loss, or give the product a table of its own."
        )
    return (
        "A penalty on the whole table may be put on the rows that are looked up "
        "instead: layer.subset."
    )


def _makers(term):
    """Lists the Ops that made the numbers which a gradient's term spreads."""
    makers, stack, seen = [], [term], set()
    while stack:
        variable = stack.pop()
        node = variable.owner
        if node is None or variable in seen:
            continue
        seen.add(variable)
        if isinstance(node.op, (DimShuffle, Subtensor, T.Reshape)):
            stack.append(node.inputs[0])
        elif isinstance(node.op, Elemwise):
            filled = isinstance(node.op.scalar_op, T.scal.Second)
            stack.extend(node.inputs[1:] if filled else node.inputs)
        else:
            makers.append(node.op)
    return makers
