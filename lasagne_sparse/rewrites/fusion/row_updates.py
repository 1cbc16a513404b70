"""Puts one RowUpdate in the place of all writes to the same rows.

The symbolic half writes ``inc_subtensor`` and ``set_subtensor``, and so do
hand-written recipes; at compile time each group of them becomes one
:class:`~lasagne_sparse.ops.rows.row_update.RowUpdate`.
"""

from theano.compile import optdb
from theano.compile.ops import deep_copy_op
from theano.gof import InconsistencyError
from theano.gof.opt import Optimizer, copy_stack_trace
from theano.gof.toolbox import ReplaceValidate
from theano.tensor.subtensor import AdvancedSubtensor1

from ...ops import Gather, SegmentSum
from ...ops.rows.row_update import RowUpdate
from .row_programs import num_units_now
from .write_groups import RowWrites, is_row_write

__all__ = ["FuseRowUpdates", "InplaceRowUpdates"]


class FuseRowUpdates(Optimizer):
    """
    inc_subtensor(table[rows], step), set_subtensor(accumulator[rows], new), ...
        -> RowUpdate(rows, order, offsets, table, accumulator, ...)

    One node for each table and the accumulators that its rule reads or shares work
    with. Gathers of these rows, segment sums and what is elementwise or a sum over
    the units of a row move into it; all else that they are made of becomes an input.

    The rows are an output of :class:`UniqueRows`, others that are known to be
    distinct, or any indices: then a ``UniqueRows`` comes in, an increment adds up what
    an index that repeats brings, and of several values to set the last one stays, as
    without this rewrite.

    It does not fuse float16 or complex numbers, a second write to the same table at
    the same rows, tables whose rows are not known to be equally long, what would have
    to wait for its own result, and writes into anything but a table (an input of the
    function, a view of one, or the result of another write to one).
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        if not any(is_row_write(node) for node in fgraph.apply_nodes):
            return
        found = RowWrites(fgraph)
        for group in found.groups():
            if not self._fuse(found, group) and len(group) > 1:
                for write in group:
                    self._fuse(found, [write])

    def _fuse(self, found, writes):
        """Replaces writes by one node; returns False if the graph stays."""
        reader = found.reader(writes)
        if reader is None:
            return False
        needed = _needed_elsewhere(reader.interior, writes)
        if needed:
            reader = found.reader(writes, needed)
        if reader is None or not found.may_become_one(writes, reader.inputs):
            return False
        op = RowUpdate(reader.program(), num_units=num_units_now(reader.tables))
        new = op(*reader.inputs, return_list=True)
        outputs = [write.outputs[0] for write in writes]
        copy_stack_trace(outputs, new)
        found.fgraph.replace_all_validate(
            list(zip(outputs, new)), reason="lasagne_sparse_fuse_row_updates"
        )
        found.replaced(writes, new[0].owner)
        return True


def _needed_elsewhere(interior, writes):
    """Returns what else than writes needs of their gathers and segment sums.

    Elementwise work that others need too is done twice: reading it back from memory
    would take as long.
    """
    waiting = dict.fromkeys(interior)
    users = {n: sum(len(v.clients) for v in n.outputs) for n in waiting}
    gone = list(writes)
    for node in gone:
        for maker in [v.owner for v in node.inputs if v.owner in waiting]:
            users[maker] -= 1
            if users[maker] == 0:
                del waiting[maker]
                gone.append(maker)
    tables = {write.inputs[0] for write in writes}
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
    the others: a copy of a table costs more than all the rest. An operand that is a
    part of a table, as ``table[2:5]`` is, becomes a copy of that part.
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        if not any(isinstance(node.op, RowUpdate) for node in fgraph.apply_nodes):
            return
        for node in fgraph.toposort():
            if isinstance(node.op, RowUpdate) and not node.op.inplace:
                tables = range(len(node.outputs))
                if self._replace(fgraph, node, tables) is node:
                    for table in tables:
                        node = self._replace(fgraph, node, node.op.inplace + (table,))

    def _replace(self, fgraph, node, tables):
        """Returns the node in place for `tables`, or `node` where that is wrong."""
        written = node.op.tables_of(node)
        inputs = [
            deep_copy_op(v) if v not in written and _part_of(v) in written else v
            for v in node.inputs
        ]
        new = node.op.clone_inplace(tables)(*inputs, return_list=True)
        copy_stack_trace(node.outputs, new)
        try:
            fgraph.replace_all_validate(
                list(zip(node.outputs, new)),
                reason="lasagne_sparse_inplace_row_updates",
            )
        except InconsistencyError:
            return node
        return new[0].owner


def _part_of(variable):
    """Returns the variable of which another one is a view."""
    while variable.owner is not None:
        node = variable.owner
        views = getattr(node.op, "view_map", {}).get(node.outputs.index(variable))
        if not views:
            return variable
        variable = node.inputs[views[0]]
    return variable


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
