"""Finds what a compiled function does with its tables

Rows that are read or written, work that grows with a table, and what travels to a
GPU and back: :mod:`lasagne_sparse.inspection.explanation` shows it.
"""

from collections import OrderedDict

import theano
from theano.compile import SharedVariable
from theano.tensor.opt import ShapeFeature

from ..graph import called, is_transfer, listed, shape_now, without_transfers
from ..ops.rows.row_map import RowMap
from .lengths import TiedLengths
from .lines import line_of
from .nodes import (
    COMPUTERS,
    READERS,
    VIEWS,
    counts_rows_once,
    harmless_positions,
    is_copied,
    root,
    row_accesses,
)
from .records import Access, TableSizedWork, Transfer

__all__ = ["Access", "FunctionReading", "TableSizedWork", "Transfer"]


class FunctionReading:
    """
    lasagne_sparse.inspection.reading.FunctionReading(function, tables=None)

    Reads what a compiled function does with its tables off its graph.

    Parameters
    ----------
    function : Theano function
        As `theano.function` returns it.
    tables : list of shared variables, optional
        The tables to look at; all that are looked up or written if left out.

    Raises
    ------
    TypeError
        If `function` is no compiled function, `tables` no list, or one of `tables`
        no shared variable.

    Attributes
    ----------
    tables : list of str
        The names of the tables that are looked at, and of the accumulators of rules
        that are read or written with them: 'words.W/adam/m'. What has no name is told
        by its dtype and shape.
    """

    def __init__(self, function, tables=None):
        if not isinstance(function, theano.compile.function_module.Function):
            raise TypeError(
                "function must be a compiled Theano function, as theano.function "
                "returns it; got %r" % (function,)
            )
        tables = None if tables is None else listed(tables, "tables")
        for table in tables or ():
            if not isinstance(table, SharedVariable):
                raise TypeError(
                    "tables must be shared variables, got %r: pass the W of the layer"
                    % (table,)
                )
        self.fgraph = function.maker.fgraph
        if not hasattr(self.fgraph, "shape_feature"):
            self.fgraph = self.fgraph.clone()
            self.fgraph.attach_feature(ShapeFeature())
        self.nodes = self.fgraph.toposort()
        self.shared = [v for v in self.fgraph.inputs if isinstance(v, SharedVariable)]
        self.row_accesses = [a for node in self.nodes for a in row_accesses(node)]
        self.axes = self._row_axes(tables)
        self.tables = [called(t) for t in (self.axes if tables is None else tables)]
        self._lengths = TiedLengths(self.fgraph.shape_feature.shape_of, self.axes)

    def _row_axes(self, tables):
        """Returns {table: set of the axes along which its rows lie}."""
        axes = OrderedDict()
        for node, position, _ in self.row_accesses:
            table, axis = root(node.inputs[position])
            if table in self.shared:
                axes.setdefault(table, set()).add(axis)
        if tables is None:
            return axes
        containers = {id(table.container) for table in tables}
        given = [v for v in self.shared if id(v.container) in containers]
        return OrderedDict((v, axes.get(v, {0})) for v in given)

    def accesses(self):
        """Returns each Access of rows of a table, in the order of the nodes"""
        return [a for access in self.row_accesses for a in self._access(*access)]

    def table_sized(self):
        """Returns the TableSizedWork of each node that does any"""
        return [w for node in self.nodes for w in self._work(node)]

    def transfers(self):
        """Returns a Transfer for each node that moves an array to a GPU or back"""
        return [_transfer(node) for node in self.nodes if is_transfer(node)]

    # Rows

    def _access(self, node, position, does):
        """Returns an Access of a shared table, or none."""
        table, axis = root(node.inputs[position])
        if table not in self.axes:
            return []
        shape = shape_now(table)
        num_units = 1
        for i, length in enumerate(shape):
            num_units *= length if i != axis else 1
        return [
            Access(
                called(table),
                does,
                str(node.op),
                1 if does == "reads" and isinstance(node.op, COMPUTERS) else 2,
                (_item_size(table), num_units),
                "rows" if counts_rows_once(node, position) else "lookups",
                line_of(node),
            )
        ]

    # All of a table

    def _work(self, node):
        """Returns the TableSizedWork of a node, or none."""
        if isinstance(node.op, VIEWS):
            return []
        harmless = harmless_positions(node)
        variables = [v for i, v in enumerate(node.inputs) if i not in harmless]
        if not harmless or any(is_copied(node, i) for i in range(len(node.outputs))):
            variables += node.outputs
        else:
            # what a row access gives is as large as its indices
            readers = READERS + (RowMap,)
            variables += [v for v in node.outputs if isinstance(node.op, readers)]
        sized = [
            t for t in self.axes if any(self._lengths.is_sized(v, t) for v in variables)
        ]
        if not sized:
            return []
        names = tuple(called(table) for table in sized)
        axis = min(self.axes[sized[0]])
        return [
            TableSizedWork(
                names, shape_now(sized[0])[axis], str(node.op), line_of(node)
            )
        ]


def _transfer(node):
    """Returns the Transfer of a node that is one."""
    source, result = without_transfers(node.inputs[0]), node.outputs[0]
    lengths = ["1" if b else "?" for b in result.broadcastable]
    return Transfer(
        source.name or str(source.owner.op if source.owner else source),
        str(node.op),
        " ".join([result.dtype, " x ".join(lengths)]).strip(),
        line_of(node),
    )


def _item_size(table):
    return table.get_value(borrow=True, return_internal_type=True).dtype.itemsize
