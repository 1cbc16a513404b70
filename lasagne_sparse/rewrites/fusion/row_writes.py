"""Makes one write of several to the same rows, before they become a row update.

A rule that is applied on top of another one's result, as momentum or a constraint on
the norm of rows, writes rows that were written, and reads them between.
"""

import theano.tensor as T
from theano.compile import optdb
from theano.gof.opt import copy_stack_trace, local_optimizer
from theano.tensor.opt import in2out
from theano.tensor.subtensor import (
    AdvancedIncSubtensor1,
    AdvancedSubtensor1,
    advanced_subtensor1,
)

from ...graph import are_distinct
from ...ops import Gather
from ..early_exit import OnlyWith
from .write_groups import is_row_write

__all__ = ["local_merge_row_writes", "local_read_of_row_write"]


def _write_of(variable):
    """Returns the node that made a variable by writing rows into a table, or None."""
    node = variable.owner
    return node if node is not None and is_row_write(node) else None


def _written_rows(write, old_rows):
    """Returns ``write.outputs[0][rows]`` for distinct rows, ``old_rows`` given."""
    value = write.inputs[1]
    if not write.op.set_instead_of_inc:
        return T.cast(old_rows + value, old_rows.dtype)
    value = T.cast(value, old_rows.dtype)
    if value.type == old_rows.type:
        return value
    return T.fill(old_rows, value)


def _is_at(node, rows):
    """Tells whether a client reads rows or writes them."""
    return node != "output" and (
        isinstance(node.op, (AdvancedSubtensor1, Gather, AdvancedIncSubtensor1))
        and node.inputs[-1] is rows
    )


@local_optimizer([AdvancedSubtensor1, Gather])
def local_read_of_row_write(node):
    """
    inc_subtensor(table[rows], y)[rows] -> table[rows] + y
    set_subtensor(table[rows], y)[rows] -> y

    Holds where the rows are distinct, and where nothing but such reads and writes of
    the same rows use the result of the write: it is on its way out then. A rule applied
    on top of another one's result (momentum, a constraint on the norm) reads rows this
    way.
    """
    if not isinstance(node.op, (AdvancedSubtensor1, Gather)):
        return False
    table, rows = node.inputs
    write = _write_of(table)
    if write is None or write.inputs[2] is not rows or not are_distinct(rows):
        return False
    if not all(_is_at(client, rows) for client, _ in table.clients):
        return False
    old_rows = node.op(write.inputs[0], rows)
    new_rows = _written_rows(write, old_rows)
    if new_rows.type != node.outputs[0].type:
        return False
    copy_stack_trace(node.outputs[0], [old_rows, new_rows])
    return [new_rows]


@local_optimizer([AdvancedIncSubtensor1])
def local_merge_row_writes(node):
    """
    set_subtensor(write(table[rows], x)[rows], y) -> set_subtensor(table[rows], y)
    inc_subtensor(write(table[rows], x)[rows], y)
        -> set_subtensor(table[rows], write(table[rows], x)[rows] + y)

    Holds where the rows are distinct, and where nothing else uses the result of the
    inner write. :func:`local_read_of_row_write` has replaced reads of it before.
    """
    write = _write_of(node.outputs[0])
    if write is None or not are_distinct(write.inputs[2]):
        return False
    inner = _write_of(write.inputs[0])
    rows = write.inputs[2]
    if inner is None or inner.inputs[2] is not rows:
        return False
    if len(inner.outputs[0].clients) > 1:
        return False
    table, value = inner.inputs[0], write.inputs[1]
    if not write.op.set_instead_of_inc:
        old_rows = advanced_subtensor1(table, rows)
        value = T.cast(_written_rows(inner, old_rows) + value, table.dtype)
    merged = AdvancedIncSubtensor1(set_instead_of_inc=True)(table, value, rows)
    copy_stack_trace([inner.outputs[0], node.outputs[0]], merged)
    return [merged]


optdb.register(
    "lasagne_sparse_row_writes",
    OnlyWith(
        (AdvancedIncSubtensor1,),
        in2out(
            local_read_of_row_write,
            local_merge_row_writes,
            name="lasagne_sparse_row_writes",
        ),
    ),
    48.35,
    "fast_run",
    "lasagne_sparse",
)
