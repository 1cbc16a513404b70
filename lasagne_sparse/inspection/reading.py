"""Finds what a compiled function does with its tables

Rows that are read or written, work that grows with a table, and what travels to a
GPU and back: :mod:`lasagne_sparse.inspection.explanation` shows it.
"""

import numbers
import os
from collections import OrderedDict, namedtuple

import theano
from theano import scalar
from theano.compile import SharedVariable
from theano.compile.ops import Rebroadcast, Shape, Shape_i, SpecifyShape, ViewOp
from theano.gof.graph import Constant
from theano.scan_module.scan_op import Scan
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.opt import Assert, MakeVector, ShapeFeature
from theano.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
)

from ..graph import is_transfer, listed, shape_now, without_transfers
from ..ops import Gather, UniqueRows
from ..ops.rows.row_map import RowMap
from ..ops.rows.row_update import RowUpdate
from ..graph import source_line

__all__ = ["Access", "FunctionReading", "TableSizedWork", "Transfer"]

_READERS = (Gather, AdvancedSubtensor1, AdvancedSubtensor)
# They work with the rows that they read, instead of handing them on.
_COMPUTERS = (RowMap, RowUpdate)
_WRITERS = (AdvancedIncSubtensor1, AdvancedIncSubtensor, IncSubtensor)
# They look at a table without reading it.
_VIEWS = (
    Assert,
    DimShuffle,
    Rebroadcast,
    Shape,
    Shape_i,
    SpecifyShape,
    Subtensor,
    ViewOp,
)


class Access(
    namedtuple("Access", ["table", "does", "op", "times", "row_bytes", "rows", "line"])
):
    """
    lasagne_sparse.inspection.reading.Access(table, does, op, times, row_bytes,
    rows, line)

    Reading or writing rows of one table.

    Parameters
    ----------
    table : str
        The name of the table, or 'state of' it, see `FunctionReading`.
    does : str
        'reads', 'updates', or 'copies' where all of the table is copied first.
    op : str
        The Op that does it.
    times : int
        How often each row moves: once read and once written are 2.
    row_bytes : tuple of (int, int)
        The bytes of an element and the elements of a row.
    rows : str
        What is counted: 'rows', the distinct rows that a call touches, or
        'lookups', where a row counts each time it is looked up.
    line : str
        The line of the program that made it; 'near' where Theano lost it, and
        something beside it is told.
    """

    __slots__ = ()

    @property
    def bytes(self):
        """The bytes that a call moves, as a formula: ``2 x 4 B x 128 x rows``"""
        return "%d x %d B x %d x %s" % ((self.times,) + self.row_bytes + (self.rows,))


#: An Op whose work grows with the number of rows of a table. ``tables`` are their
#: names, ``num_rows`` how many rows the first one has now, ``op`` and ``line`` as in
#: `Access`.
TableSizedWork = namedtuple("TableSizedWork", ["tables", "num_rows", "op", "line"])


#: What travels to a GPU or back in each call: ``name`` is that of a variable, or of
#: the Op that makes it, ``op`` the Op that brings it there, ``kind`` dtype and shape as
#: far as they are known, ``line`` as in `Access`.
Transfer = namedtuple("Transfer", ["name", "op", "kind", "line"])


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
        The names of the tables that are looked at. An accumulator without a name is
        the 'state of' a table with a name, if it is updated with that one alone;
        what else has no name is told by its dtype and shape.
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
        self.row_accesses = [a for node in self.nodes for a in _row_accesses(node)]
        self.axes = self._row_axes(tables)
        self._states = dict(s for node in self.nodes for s in _states(node))
        self.tables = [self._name(t) for t in (self.axes if tables is None else tables)]
        self._tied = {}

    def _row_axes(self, tables):
        """Returns {table: set of the axes along which its rows lie}."""
        axes = OrderedDict()
        for node, position, _ in self.row_accesses:
            table, axis = _root(node.inputs[position])
            if table in self.shared:
                axes.setdefault(table, set()).add(axis)
        if tables is None:
            return axes
        containers = {id(table.container) for table in tables}
        given = [v for v in self.shared if id(v.container) in containers]
        return OrderedDict((v, axes.get(v, {0})) for v in given)

    def _name(self, table):
        """Returns what a table is called."""
        if table.name:
            return table.name
        if id(table.container) in self._states:
            return "state of %s" % self._states[id(table.container)]
        return "%s %s" % (table.dtype, " x ".join(str(n) for n in shape_now(table)))

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
        table, axis = _root(node.inputs[position])
        if table not in self.axes:
            return []
        shape = shape_now(table)
        num_units = 1
        for i, length in enumerate(shape):
            num_units *= length if i != axis else 1
        return [
            Access(
                self._name(table),
                does,
                str(node.op),
                1 if does == "reads" and isinstance(node.op, _COMPUTERS) else 2,
                (_item_size(table), num_units),
                "rows" if _are_rows(node, position) else "lookups",
                _line(node),
            )
        ]

    # All of a table

    def _work(self, node):
        """Returns the TableSizedWork of a node, or none."""
        if isinstance(node.op, _VIEWS):
            return []
        harmless = _harmless(node)
        variables = [v for i, v in enumerate(node.inputs) if i not in harmless]
        if not harmless or any(_is_copied(node, i) for i in range(len(node.outputs))):
            variables += node.outputs
        else:
            # what a row access gives is as large as its indices
            readers = _READERS + (RowMap,)
            variables += [v for v in node.outputs if isinstance(node.op, readers)]
        sized = [t for t in self.axes if any(self._is_sized(v, t) for v in variables)]
        if not sized:
            return []
        names = tuple(self._name(table) for table in sized)
        axis = min(self.axes[sized[0]])
        return [
            TableSizedWork(names, shape_now(sized[0])[axis], str(node.op), _line(node))
        ]

    def _is_sized(self, variable, table):
        """Tells whether a dimension of a variable depends on a table's rows."""
        shape = self.fgraph.shape_feature.shape_of.get(variable)
        return shape is not None and any(self._is_tied(v, table) for v in shape)

    def _is_tied(self, length, table):
        """Tells whether a length depends on how many rows a table has."""
        key = length, table
        if key not in self._tied:
            self._tied[key] = False  # should the graph of lengths lead in a circle
            self._tied[key] = self._read_length(length, table)
        return self._tied[key]

    def _read_length(self, length, table):
        node = getattr(length, "owner", None)
        if node is None or length.ndim > 1 or length.dtype.startswith("float"):
            return False
        if isinstance(node.op, Shape_i):
            return self._is_length(node.inputs[0], {node.op.i}, table)
        if isinstance(node.op, Shape):
            axes = set(range(node.inputs[0].ndim))
            return self._is_length(node.inputs[0], axes, table)
        if isinstance(node.op, Subtensor) and node.inputs[0].owner is not None:
            whole = node.inputs[0].owner
            (index,) = node.op.get_constant_idx(node.inputs, allow_partial=True)
            known = isinstance(index, numbers.Integral)
            if known and isinstance(whole.op, Shape):
                return self._is_length(whole.inputs[0], {index}, table)
            if known and isinstance(whole.op, MakeVector):
                return self._is_tied(whole.inputs[index], table)
        if isinstance(node.op, (UniqueRows, RowMap) + _READERS):
            return False
        tied = [self._is_tied(v, table) for v in node.inputs]
        if isinstance(node.op, Elemwise) and _bounded(node, tied):
            return False
        return any(tied)

    def _is_length(self, variable, axes, table):
        root, order = _root_axes(variable)
        return root is table and any(order[i] in self.axes[table] for i in axes)


def _bounded(node, tied):
    """Tells whether a length cannot grow with the table: the rows of ``W[:3]``."""
    op = node.op.scalar_op
    if isinstance(op, scalar.basic.Minimum):
        return not all(tied)
    if isinstance(op, scalar.basic.Switch):
        branches = list(zip(node.inputs[1:], tied[1:]))
        return not any(t for _, t in branches) or any(
            isinstance(v, Constant) and v.data > 0 for v, _ in branches
        )
    return False


def _row_accesses(node):
    """Returns (node, position of the table, what is done) of row accesses."""
    op = node.op
    if isinstance(op, RowUpdate):
        return [
            (node, op.table_input(i), "updates" if i in op.inplace else "copies")
            for i in range(len(node.outputs))
        ] + [(node, i, "reads") for i in op.gathered()]
    if isinstance(op, RowMap):
        return [(node, i, "reads") for i in op.gathered()]
    if isinstance(op, _READERS):
        return [(node, 0, "reads")]
    if isinstance(op, (AdvancedIncSubtensor1, AdvancedIncSubtensor)):
        return [(node, 0, "updates" if op.inplace else "copies")]
    return []


def _harmless(node):
    """Returns the positions of inputs of which a node touches some rows only."""
    op = node.op
    if isinstance(op, RowUpdate):
        return {op.table_input(i) for i in op.inplace} | set(op.gathered())
    if isinstance(op, RowMap):
        return set(op.gathered())
    if isinstance(op, _READERS):
        return {0}
    if isinstance(op, _WRITERS) and op.inplace:
        return {0}
    if isinstance(op, Scan):
        return _harmless_to_scan(node)
    return set()


def _harmless_to_scan(node):
    """Returns the positions of tables of which a loop only looks rows up."""
    op = node.op
    outer = op.outer_non_seqs(node.inputs)
    # What the loop runs, after its own rewrites.
    inner = op.inner_non_seqs(op.fn.maker.fgraph.inputs)
    return {
        node.inputs.index(one)
        for one, other in zip(outer, inner)
        if _only_rows_are_read(other)
    }


def _only_rows_are_read(variable):
    """Tells whether all that uses a variable looks at it or reads rows of it."""
    for node, position in variable.clients:
        if node == "output":
            return False
        if isinstance(node.op, (Shape, Shape_i)):
            continue
        if isinstance(node.op, _READERS + (Subtensor,)) and position == 0:
            continue
        if isinstance(node.op, RowMap) and position in node.op.gathered():
            continue
        if not isinstance(node.op, DimShuffle):
            return False
        if not _only_rows_are_read(node.outputs[0]):
            return False
    return True


def _is_copied(node, i):
    """Tells whether a node's output `i` is a table that it copied."""
    if isinstance(node.op, RowUpdate):
        return i not in node.op.inplace
    return isinstance(node.op, _WRITERS) and not node.op.inplace


def _are_rows(node, position):
    """Tells whether a row access counts each row once."""
    if isinstance(node.op, RowUpdate):
        return True
    indices = node.inputs[-1]
    if isinstance(node.op, RowMap):
        indices = node.inputs[node.op.gathered()[position]]
    return (
        indices.owner is not None
        and isinstance(indices.owner.op, UniqueRows)
        and indices is indices.owner.outputs[0]
    )


def _root_axes(variable):
    """Follows views; returns where they lead to, and which axis became which."""
    axes = list(range(variable.ndim))
    while variable.owner is not None:
        node = variable.owner
        if isinstance(node.op, DimShuffle):
            axes = [i if i is None else _axis(node.op.new_order[i]) for i in axes]
        elif isinstance(node.op, RowUpdate):
            variable = node.op.tables_of(node)[node.outputs.index(variable)]
            continue
        elif not (
            isinstance(node.op, _WRITERS + (Assert, Rebroadcast, ViewOp))
            or is_transfer(node)
        ):
            break
        variable = node.inputs[0]
    return variable, axes


def _axis(entry):
    return None if entry == "x" else entry


def _root(variable):
    """Returns the table that a variable is a view of, and the axis of its rows."""
    root, axes = _root_axes(variable)
    return root, axes[0] if axes else None


def _transfer(node):
    """Returns the Transfer of a node that is one."""
    source, result = without_transfers(node.inputs[0]), node.outputs[0]
    lengths = ["1" if b else "?" for b in result.broadcastable]
    return Transfer(
        source.name or str(source.owner.op if source.owner else source),
        str(node.op),
        " ".join([result.dtype, " x ".join(lengths)]).strip(),
        _line(node),
    )


def _states(node):
    """Returns (id of its container, name of the table) of a table's accumulators."""
    if not isinstance(node.op, RowUpdate):
        return []
    written = [_root(table)[0] for table in node.op.tables_of(node)]
    written = [v for v in written if isinstance(v, SharedVariable)]
    names = [v.name for v in written if v.name]
    return [(id(v.container), names[0]) for v in written if len(names) == 1]


def _item_size(table):
    return table.get_value(borrow=True, return_internal_type=True).dtype.itemsize


def _line(node):
    """Returns the line of the program that made a node, as well as it is known."""
    line = _line_of(node)
    if line is not None:
        return line
    # Some rewrites lose it: then one that is near in the graph tells where to look.
    seen, nodes = {node}, [node]
    for one in nodes:
        around = [v.owner for v in one.inputs]
        around += [client for v in one.outputs for client, _ in v.clients]
        for other in around:
            if other is None or other == "output" or other in seen:
                continue
            line = _line_of(other)
            if line is not None:
                return "near " + line
            seen.add(other)
            nodes.append(other)
    return "(no line is known)"


def _line_of(node):
    """Returns the line that made one of a node's outputs, or None."""
    for output in node.outputs:
        found = source_line(output, libraries_too=True)
        if found is not None:
            filename, number, text = found
            return "%s:%d: %s" % (os.path.basename(filename), number, text)
    return None
