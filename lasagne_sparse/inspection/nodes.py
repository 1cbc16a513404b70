"""What does a node do with the tables among its inputs: which rows, which copies?"""

from theano.compile.ops import Rebroadcast, Shape, Shape_i, SpecifyShape, ViewOp
from theano.scan_module.scan_op import Scan
from theano.tensor.elemwise import DimShuffle
from theano.tensor.opt import Assert
from theano.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
)

from ..graph import is_transfer
from ..ops import BagSum, Gather, UniqueRows
from ..ops.rows.row_map import RowMap
from ..ops.rows.row_update import RowUpdate

__all__ = [
    "COMPUTERS",
    "READERS",
    "VIEWS",
    "counts_rows_once",
    "harmless_positions",
    "is_copied",
    "root",
    "root_axes",
    "row_accesses",
]

#: They read the rows of their first input that indices name.
READERS = (BagSum, Gather, AdvancedSubtensor1, AdvancedSubtensor)
#: They work with the rows that they read, instead of handing them on.
COMPUTERS = (BagSum, RowMap, RowUpdate)
_WRITERS = (AdvancedIncSubtensor1, AdvancedIncSubtensor, IncSubtensor)
#: They look at a table without reading it.
VIEWS = (
    Assert,
    DimShuffle,
    Rebroadcast,
    Shape,
    Shape_i,
    SpecifyShape,
    Subtensor,
    ViewOp,
)


def row_accesses(node):
    """Lists how a node touches rows of its inputs

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    list of tuple
        ``(node, position, does)``: of which input it touches some rows only, and
        whether it 'reads' them, 'updates' them in place, or 'copies' all first.
    """
    op = node.op
    if isinstance(op, RowUpdate):
        return [
            (node, op.table_input(i), "updates" if i in op.inplace else "copies")
            for i in range(len(node.outputs))
        ] + [(node, i, "reads") for i in op.gathered()]
    if isinstance(op, RowMap):
        return [(node, i, "reads") for i in op.gathered()]
    if isinstance(op, READERS):
        return [(node, 0, "reads")]
    if isinstance(op, (AdvancedIncSubtensor1, AdvancedIncSubtensor)):
        return [(node, 0, "updates" if op.inplace else "copies")]
    return []


def harmless_positions(node):
    """Returns the positions of inputs of which a node touches some rows only

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    set of int
        A loop is looked into.
    """
    op = node.op
    if isinstance(op, RowUpdate):
        return {op.table_input(i) for i in op.inplace} | set(op.gathered())
    if isinstance(op, RowMap):
        return set(op.gathered())
    if isinstance(op, READERS):
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
        if isinstance(node.op, READERS + (Subtensor,)) and position == 0:
            continue
        if isinstance(node.op, RowMap) and position in node.op.gathered():
            continue
        if isinstance(node.op, Scan) and position in _harmless_to_scan(node):
            continue
        if not isinstance(node.op, DimShuffle):
            return False
        if not _only_rows_are_read(node.outputs[0]):
            return False
    return True


def is_copied(node, i):
    """Tells whether a node's output is a table that it copied, to write rows of it

    Parameters
    ----------
    node : Apply node
    i : int
        The position of the output.

    Returns
    -------
    bool
    """
    if isinstance(node.op, RowUpdate):
        return i not in node.op.inplace
    return isinstance(node.op, _WRITERS) and not node.op.inplace


def counts_rows_once(node, position):
    """Tells whether a row access touches each row once, repeated lookups or not

    Parameters
    ----------
    node : Apply node
    position : int
        That of the table among its inputs.

    Returns
    -------
    bool
    """
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


def root_axes(variable):
    """Follows views and writes in place to the table below them

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    root : Theano variable
        Where they lead to.
    axes : list of int or None
        For each axis of `variable` that of `root`; None for an axis that was added.
    """
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


def root(variable):
    """Returns the table that a variable is a view of, and the axis of its rows

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    table : Theano variable
    axis : int or None
        The axis of `table` that is the first of `variable`, if there is one.
    """
    table, axes = root_axes(variable)
    return table, axes[0] if axes else None
