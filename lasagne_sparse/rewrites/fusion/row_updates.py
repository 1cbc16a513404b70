"""Puts one RowUpdate in the place of all writes to the same rows.

The symbolic half writes ``inc_subtensor`` and ``set_subtensor``, and so do
hand-written recipes; at compile time each group of them becomes one
:class:`~lasagne_sparse.ops.rows.row_update.RowUpdate`.
"""

import theano.tensor as T
from theano.compile import optdb
from theano.gof import InconsistencyError
from theano.gof.graph import ancestors
from theano.gof.opt import Optimizer, copy_stack_trace, local_optimizer
from theano.gof.toolbox import ReplaceValidate
from theano.tensor.elemwise import DimShuffle
from theano.tensor.opt import in2out
from theano.tensor.subtensor import (
    AdvancedIncSubtensor1,
    AdvancedSubtensor1,
    IncSubtensor,
    advanced_subtensor1,
)

from ...graph import is_transfer, without_transfers
from ...ops import Gather, SegmentSum, UniqueRows
from ...ops.rows.row_update import RowUpdate
from ..lookups import are_distinct
from .row_programs import num_units_now
from .update_programs import UpdateReader

__all__ = [
    "FuseRowUpdates",
    "InplaceRowUpdates",
    "local_merge_row_writes",
    "local_read_of_row_write",
]


def _write_of(variable):
    """Returns the node that made a variable by writing rows into a table, or None."""
    node = variable.owner
    if (
        node is not None
        and isinstance(node.op, AdvancedIncSubtensor1)
        and not node.op.inplace
    ):
        return node
    return None


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


def _is_table(variable):
    """Tells whether a variable is a table, seen through views and other writes."""
    while variable.owner is not None:
        node = variable.owner
        if isinstance(node.op, RowUpdate):
            variable = node.inputs[3 + node.outputs.index(variable)]
        elif isinstance(
            node.op, (DimShuffle, AdvancedIncSubtensor1, IncSubtensor)
        ) or is_transfer(node):
            variable = node.inputs[0]
        else:
            return False
    return hasattr(variable, "fgraph") and variable in variable.fgraph.inputs


class FuseRowUpdates(Optimizer):
    """
    inc_subtensor(table[rows], step), set_subtensor(accumulator[rows], new), ...
        -> RowUpdate(rows, order, offsets, table, accumulator, ...)

    One node for each table and the accumulators that its rule reads or shares work
    with. Gathers of these rows, segment sums and what is elementwise or a sum over
    the units of a row move into it; all else that they are made of becomes an input.

    The rows are an output of :class:`UniqueRows`, or any indices: then a
    ``UniqueRows`` comes in, an increment adds up what an index that repeats brings,
    and of several values to set the last one stays, as without this rewrite.

    It does not fuse float16 or complex numbers, a second write to the same table at
    the same rows, what would have to wait for its own result, and writes into
    anything but a table (an input of the function, a view of one, or the result of
    another write to one).
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        tried = set()
        while True:
            group = self._next_group(fgraph, tried)
            if group is None:
                return
            tried.update(group)
            if not self._fuse(fgraph, group) and len(group) > 1:
                for write in group:
                    self._fuse(fgraph, [write])

    def _next_group(self, fgraph, tried):
        """Returns writes that belong into one node, or None if none are left."""
        writes = [
            node
            for node in fgraph.toposort()
            if isinstance(node.op, AdvancedIncSubtensor1)
            and not node.op.inplace
            and node not in tried
            and _is_table(node.inputs[0])
        ]
        if not writes:
            return None
        group, work = [writes[0]], self._work(writes[0])
        rest = [w for w in writes[1:] if w.inputs[2] is writes[0].inputs[2]]
        grown = True
        while grown:
            grown = False
            for write in list(rest):
                tables = [w.inputs[0] for w in group]
                more = self._work(write)
                if write.inputs[0] in tables or not work & more:
                    continue
                group.append(write)
                work |= more
                rest.remove(write)
                grown = True
        return group

    def _work(self, write):
        """Returns the tables and nodes that a write alone would take in."""
        reader = self._reader([write])
        if reader is None:
            return set()
        return set(reader.interior) | reader.tables_read

    def _reader(self, writes, computed=()):
        """Returns the program reader of writes, or None if they cannot be fused."""
        table, _, indices = writes[0].inputs
        if are_distinct(indices):
            unique = indices.owner
        else:
            shared = without_transfers(table)
            name = shared.name if shared.owner is None else None
            num_rows = table.fgraph.shape_feature.get_shape(table, 0)
            unique = UniqueRows(name)(indices, num_rows)[0].owner
        try:
            return UpdateReader(writes, indices, unique, computed)
        except NotImplementedError:
            return None

    def _fuse(self, fgraph, writes):
        """Replaces writes by one node; returns False if the graph stays."""
        reader = self._reader(writes)
        if reader is None:
            return False
        needed = _needed_elsewhere(reader.interior, writes)
        if needed:
            reader = self._reader(writes, needed)
        outputs = [write.outputs[0] for write in writes]
        if any(v in set(ancestors(reader.inputs)) for v in outputs):
            return False
        op = RowUpdate(reader.program(), num_units=num_units_now(reader.tables))
        new = op(*reader.inputs, return_list=True)
        copy_stack_trace(outputs, new)
        fgraph.replace_all_validate(
            list(zip(outputs, new)), reason="lasagne_sparse_fuse_row_updates"
        )
        return True


def _needed_elsewhere(interior, writes):
    """Returns what else than writes needs of their gathers and segment sums.

    Elementwise work that others need too is done twice: reading it back from memory
    would take as long.
    """
    gone, waiting = set(writes), set(interior)
    while True:
        found = {
            node
            for node in waiting
            if all(client in gone for v in node.outputs for client, _ in v.clients)
        }
        if not found:
            break
        gone |= found
        waiting -= found
    tables = [write.inputs[0] for write in writes]
    return [
        node.outputs[0]
        for node in waiting
        if isinstance(node.op, (SegmentSum, AdvancedSubtensor1, Gather))
        and node.inputs[0] not in tables
    ]


class InplaceRowUpdates(Optimizer):
    """
    RowUpdate{no_inplace} -> RowUpdate{inplace}

    In place for all tables or, where something else needs the old rows of some, for
    the others: a copy of a table costs more than all the rest.
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        for node in fgraph.toposort():
            if isinstance(node.op, RowUpdate) and not node.op.inplace:
                tables = range(len(node.outputs))
                if self._replace(fgraph, node, tables) is node:
                    for table in tables:
                        node = self._replace(fgraph, node, node.op.inplace + (table,))

    def _replace(self, fgraph, node, tables):
        """Returns the node in place for `tables`, or `node` where that is wrong."""
        new = node.op.clone_inplace(tables)(*node.inputs, return_list=True)
        copy_stack_trace(node.outputs, new)
        try:
            fgraph.replace_all_validate(
                list(zip(node.outputs, new)),
                reason="lasagne_sparse_inplace_row_updates",
            )
        except InconsistencyError:
            return node
        return new[0].owner


optdb.register(
    "lasagne_sparse_row_writes",
    in2out(
        local_read_of_row_write,
        local_merge_row_writes,
        name="lasagne_sparse_row_writes",
    ),
    48.35,
    "fast_run",
    "lasagne_sparse",
)
optdb.register(
    "lasagne_sparse_fuse_row_updates",
    FuseRowUpdates(),
    48.4,
    "fast_run",
    "lasagne_sparse",
)
optdb.register(
    "lasagne_sparse_inplace_row_updates",
    InplaceRowUpdates(),
    60,
    "fast_run",
    "inplace",
    "lasagne_sparse",
)
