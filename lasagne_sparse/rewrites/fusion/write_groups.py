"""Finds the writes to rows of tables in a graph, and which of them belong together."""

from collections import OrderedDict

import theano.tensor as T
from theano.tensor.elemwise import DimShuffle
from theano.tensor.subtensor import AdvancedIncSubtensor1, IncSubtensor

from ...graph import are_distinct, are_not_negative, is_transfer, without_transfers
from ...ops import UniqueRows
from ...ops.rows.row_update import RowUpdate
from ...sparsity.scatters import unique_rows_of
from ..lookups import length
from .dependence import Dependence
from .row_programs import scope_of
from .row_shapes import RowShapes
from .update_programs import RowGroups, UpdateReader

__all__ = ["RowWrites", "is_row_write"]

_VIEWS_AND_WRITES = (DimShuffle, AdvancedIncSubtensor1, IncSubtensor)


def is_row_write(node):
    """Tells whether a node makes an array with other values in some rows

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    bool
    """
    return isinstance(node.op, AdvancedIncSubtensor1) and not node.op.inplace


class RowWrites:
    """
    lasagne_sparse.rewrites.fusion.write_groups.RowWrites(fgraph)

    The writes to rows of tables in a graph, in groups that one pass can do.

    Writes to the same rows are in one group if they take in the same work or read the
    same table, and their tables are different ones with rows of one shape.

    Each node is looked at once, and the nodes that a write takes in once more.

    Parameters
    ----------
    fgraph : FunctionGraph
    """

    def __init__(self, fgraph):
        nodes = fgraph.toposort()
        self.fgraph = fgraph
        self._shapes = RowShapes(fgraph, nodes)
        self._dependence = Dependence()
        self._upstream = {}  # node -> the set of writes that it waits for
        self._bits, self._groups = OrderedDict(), {}
        tables = set(fgraph.inputs)
        for node in nodes:
            above = self._above(node.inputs)
            if _keeps_table(node):
                tables.update(_results_of(node, tables))
            if is_row_write(node) and node.inputs[0] in tables:
                self._bits[node] = self._dependence.new_group()
                above |= self._bits[node]
            self._upstream[node] = above

    def groups(self):
        """Returns the groups, each a list of nodes in the order of the graph"""
        owners, groups = {}, OrderedDict()
        for write in self._bits:
            mine = groups[write] = _Group(write, self._shapes)
            key = self._key(write)
            for item in self._work(write):
                other = owners.setdefault((key, item), mine).last()
                if other is not mine.last() and other.accepts(mine.last()):
                    mine.last().join(other)
        order = {write: i for i, write in enumerate(self._bits)}
        found = OrderedDict()
        for write, group in groups.items():
            found.setdefault(group.last(), []).append(write)
        return [sorted(group, key=order.get) for group in found.values()]

    def reader(self, writes, computed=()):
        """Returns the program reader of writes, or None if they cannot be fused

        Parameters
        ----------
        writes : list of Apply nodes
        computed : collection of Theano variables
            As of :class:`UpdateReader`.

        Returns
        -------
        UpdateReader or None
        """
        table, _, indices = writes[0].inputs
        groups = self._row_groups(table, indices)
        try:
            return UpdateReader(writes, indices, groups, self._shapes, computed)
        except NotImplementedError:
            return None

    def may_become_one(self, writes, inputs):
        """Tells whether writes may become one node, and remembers it if so

        Parameters
        ----------
        writes : list of Apply nodes
        inputs : list of Theano variables
            Those of the new node.

        Returns
        -------
        bool
            False if an input waits for one of the writes.
        """
        group = 0
        for write in writes:
            group |= self._bits[write]
        return self._dependence.add(group, self._above(inputs))

    def replaced(self, writes, node):
        """Learns that a node is there now in the place of writes"""
        self._upstream[node] = self._above(node.inputs)
        for write in writes:
            self._upstream[node] |= self._bits[write]
        self._shapes.read(node)

    def _above(self, variables):
        """Returns the set of writes that some variables wait for."""
        above = 0
        for variable in variables:
            node = variable.owner
            if node is not None:
                known = node in self._upstream
                above |= self._upstream[node] if known else self._above(node.inputs)
        return above

    def _key(self, write):
        """Returns what writes have in common whose rows are the same."""
        table, _, indices = write.inputs
        if self._row_groups(table, indices).same_in_all:
            return indices
        return indices, self._shapes.length(table)

    def _work(self, write):
        """Returns the tables and nodes that a write alone would take in."""
        reader = self.reader([write])
        return [] if reader is None else reader.interior + list(reader.tables_read)

    def _row_groups(self, table, indices):
        """Returns the RowGroups of indices into a table."""
        if are_distinct(indices) and are_not_negative(indices):
            key = indices
        else:
            key = indices, self._shapes.length(table)
        if key not in self._groups:
            self._groups[key] = self._new_row_groups(table, indices)
        return self._groups[key]

    def _new_row_groups(self, table, indices):
        unique = unique_rows_of(indices, 0)
        if unique is not None:
            rows, _, order, offsets = unique.outputs
            return RowGroups((rows, order, offsets), True, True)
        if are_distinct(indices) and are_not_negative(indices):
            num_rows = length(self.fgraph, indices)
            vectors = indices, T.arange(num_rows), T.arange(num_rows + 1)
            return RowGroups([T.cast(v, "int64") for v in vectors], True, True)
        shared = without_transfers(table)
        name = shared.name if shared.owner is None else None
        num_rows = length(self.fgraph, table)
        rows, _, order, offsets = UniqueRows(name)(indices, num_rows)
        return RowGroups((rows, order, offsets), False, are_not_negative(indices))


class _Group:
    """Writes that belong together; one of them was the first."""

    def __init__(self, write, shapes):
        table = write.inputs[0]
        self.tables = {table}
        self.shape = shapes.of(table) if scope_of(table) == "unit" else None
        self.joined = None

    def last(self):
        """Returns the group that this one has become a part of."""
        group = self
        while group.joined is not None:
            if group.joined.joined is not None:  # the way is shorter next time
                group.joined = group.joined.joined
            group = group.joined
        return group

    def accepts(self, other):
        """Tells whether one program can write the tables of both."""
        return self.tables.isdisjoint(other.tables) and (
            None in (self.shape, other.shape) or self.shape == other.shape
        )

    def join(self, other):
        """Makes this group a part of another one."""
        other.tables |= self.tables
        other.shape = other.shape or self.shape
        self.joined = other


def _keeps_table(node):
    """Tells whether a node makes a view of a table, or a table with other rows."""
    return isinstance(node.op, _VIEWS_AND_WRITES + (RowUpdate,)) or is_transfer(node)


def _results_of(node, tables):
    """Returns those outputs of a node that are tables, if its inputs are."""
    sources = node.inputs[:1]
    if isinstance(node.op, RowUpdate):
        sources = node.op.tables_of(node)
    return [new for table, new in zip(sources, node.outputs) if table in tables]
