"""Reads the program of a map off the nodes that compute with rows of lookups.

What they compute is walked back to rows of tables, to arrays with a row for each
lookup, and to what is the same for all lookups.
"""

from theano import scalar

from ...ops.programs.row_program import MapProgram, Output, Slot
from .row_programs import ProgramReader, is_gather, scope_of

__all__ = ["MapReader", "is_total"]


class MapReader(ProgramReader):
    """
    lasagne_sparse.rewrites.fusion.map_programs.MapReader(region, results, ...)

    Turns nodes that compute with rows of lookups into one program.

    Parameters
    ----------
    region : collection of Apply nodes
        The gathers, and what is computed of them.
    results : list of Theano variables
        What of it is needed elsewhere: arrays with a row for each lookup, then sums
        over all of such an array.
    shapes : RowShapes
        What is known of the graph.
    units : tuple or None
        The shape of a row, as `shapes` tells it; None for one element.

    Attributes
    ----------
    inputs : list of Theano variables
        The inputs of the :class:`RowMap` with this program.
    tables : list of Theano variables
        The tables whose rows it reads.
    names : list of str or None
        Their names.
    """

    def __init__(self, region, results, shapes, units):
        super().__init__(shapes, units)
        self.region = region
        self.tables, self.names, self.indices = [], [], []
        self.outputs, self.totals = [], []
        for result in results:
            (self._total if is_total(result.owner) else self._output)(result)
        self.inputs = self.indices + self.arrays

    def program(self):
        """Returns the MapProgram; to be called once"""
        steps = tuple(self._steps())
        return MapProgram(
            tuple(self.operands),
            steps,
            tuple(self.numbers),
            tuple(self.buffers),
            tuple(self.outputs),
            tuple(self.totals),
        )

    def _output(self, variable):
        """Stores a row for each lookup."""
        value, scope = self._value(variable), scope_of(variable)
        if value.scope != scope and not value.leaf:
            value = self._slot_of(variable, value)
        slot = Slot("output", len(self.outputs))
        self.outputs.append(Output(scope, variable.dtype, variable.ndim))
        self._store(value.stage, scope, _computed(value), slot)

    def _total(self, variable):
        """Adds up all of an array."""
        (summed,) = variable.owner.inputs
        value, scope = self._value(summed), scope_of(summed)
        stage = value.stage
        if scope == "unit":
            if value.scope == "row" and not value.leaf:
                value = self._slot_of(summed, value)
            number = Slot("number", len(self.numbers))
            self.numbers.append("float64")
            self._store(stage, "unit", _computed(value), number, "float64")
            value, stage = self._leaf(number, "float64", "row"), stage + 1
        slot = Slot("total", len(self.totals))
        self.totals.append(variable.dtype)
        self._store(stage, "row", _computed(value), slot)

    def _source(self, variable):
        node = variable.owner
        if node not in self.region:
            return self._array(variable)
        if not is_gather(node):
            return None
        table, indices = node.inputs
        operand = self._operand("gathered", scope_of(variable), [table])
        self.tables.append(table)
        self.names.append(node.op.table)
        self.indices.append(indices)
        return operand

    def _array(self, variable):
        kind = "shared" if variable.broadcastable[0] else "lookup"
        return self._operand(kind, scope_of(variable), [variable])


def is_total(node):
    """Tells whether a node sums all of an array, in float64."""
    op, (result,) = node.op, node.outputs
    return (
        isinstance(getattr(op, "scalar_op", None), scalar.Add)
        and getattr(op, "acc_dtype", None) == "float64"
        and result.ndim == 0
        and node.inputs[0].ndim > 0
        and node.inputs[0].dtype == result.dtype
        and result.dtype in ("float32", "float64")
    )


def _computed(value):
    """Returns the scalar of a value, computed even where it is only read."""
    return scalar.identity(value.scalar) if value.leaf else value.scalar
