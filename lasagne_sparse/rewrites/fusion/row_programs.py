"""Reads a row program off a graph.

What is computed for rows is walked back to what the program can read. What lies
between, elementwise work and sums over the units of a row, becomes steps of a program
of :mod:`lasagne_sparse.ops.programs.row_program`.
"""

from collections import namedtuple
from functools import lru_cache

import numpy as np
from theano import scalar
from theano.compile import SharedVariable
from theano.gof.graph import Constant
from theano.gof.graph import inputs as graph_inputs
from theano.gof.utils import MethodNotDefined
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.subtensor import AdvancedSubtensor1

from ...graph import without_transfers
from ...ops import Gather
from ...ops.programs.row_program import Operand, Slot, Step, Store

__all__ = [
    "DTYPES",
    "ProgramReader",
    "Value",
    "is_gather",
    "is_loop",
    "is_number",
    "is_on_gpu",
    "keeps_rows",
    "num_units_now",
    "scope_of",
    "stretches",
    "sums_units",
]

#: What programs compute with. float16 has no arithmetic of its own in Theano's C,
#: complex numbers no loops here.
DTYPES = frozenset(
    ["bool", "float32", "float64"]
    + [sign + "int%d" % bits for sign in ("", "u") for bits in (8, 16, 32, 64)]
)

#: A program takes in so many steps, one of which waits for the next; what comes before
#: them is an operand. Rules have a dozen.
_DEEPEST = 60

#: What a variable is to a row: its ``scalar`` stands for it in scalar graphs;
#: ``scope`` is 'row' or 'unit'; it is known once the loops before ``stage`` are
#: through; a ``leaf`` is read from a slot instead of computed.
Value = namedtuple("Value", ["scalar", "scope", "stage", "leaf"])


def scope_of(variable):
    """Returns 'unit' if the rows of a variable have many elements, else 'row'"""
    return "row" if all(variable.broadcastable[1:]) else "unit"


def is_gather(node):
    """Tells whether a node reads rows of its first input."""
    return isinstance(node.op, (AdvancedSubtensor1, Gather))


class ProgramReader:
    """
    lasagne_sparse.rewrites.fusion.row_programs.ProgramReader(shapes, units, dtypes)

    The base of what turns nodes into a program: walks from what is computed back to
    what the program can read.

    A subclass says what that is, by ``_source``: it returns the `Value` of a variable
    that is read or treated in a way of its own, or None; and by ``_array``: it returns
    that of a variable which something else computes.

    A program has one loop over the units of a row. What it reads may stretch over them;
    what it sums over them must have rows of that very shape.

    Parameters
    ----------
    shapes : RowShapes
        What is known of the graph.
    units : tuple, optional
        The shape of a row, as `shapes` tells it; that of the first rows with more than
        one element that are summed, if left out.
    dtypes : collection of str
        Of which the program can have elements.

    Raises
    ------
    NotImplementedError
        If there is no such program.

    Attributes
    ----------
    interior : list of Apply nodes
        What the program computes by itself.
    """

    def __init__(self, shapes, units=None, dtypes=DTYPES):
        self.dtypes = dtypes
        self.shapes, self.units = shapes, units
        self._depth = 0
        self.operands, self.arrays = [], []
        self.numbers, self.buffers = [], []
        self.slots = {}  # scalar variable of a leaf -> Slot
        self.stores = {}  # (stage, scope) -> list of (scalar, Slot, total)
        self.interior = []
        self._values, self._stored = {}, {}

    # Reading

    def _value(self, variable):
        """Returns the `Value` of a variable whose first axis is that of the rows."""
        if variable not in self._values:
            self._values[variable] = self._read(variable)
        return self._values[variable]

    def _read(self, variable):
        if is_number(variable):
            kind = scalar.get_scalar_type(variable.dtype)
            constant = scalar.ScalarConstant(kind, variable.data.reshape(())[()])
            return Value(constant, "row", 0, True)
        if all(variable.broadcastable):
            return self._operand("shared", "row", [variable])
        found = self._source(variable)
        if found is not None:
            return found
        node = variable.owner
        if self._is_deep():
            return self._array(variable)
        self._depth += 1
        try:
            return self._computed_by(node)
        finally:
            self._depth -= 1

    def _is_deep(self):
        """Tells whether so many steps wait for one another that no more is taken in."""
        return self._depth > _DEEPEST

    def _computed_by(self, node):
        """Returns the `Value` of what a node computes."""
        if is_loop(node, self.dtypes):
            return self._elementwise(node)
        if isinstance(node.op, DimShuffle) and self._keeps_rows(node):
            self.interior.append(node)
            return self._value(node.inputs[0])
        if isinstance(node.op, CAReduce) and self._sums_units(node):
            return self._sum(node)
        return self._array(node.outputs[0])

    def _keeps_rows(self, node):
        """Tells whether a dimension shuffle leaves the elements of rows as they are."""
        if not keeps_rows(node):
            return False
        if scope_of(node.outputs[0]) == "row":
            return True
        return all(self._is_full(v) for v in (node.inputs[0], node.outputs[0]))

    def _sums_units(self, node):
        """Tells whether a node sums over all units of the program's rows."""
        (operand,) = node.inputs
        if not sums_units(node) or scope_of(operand) == "row":
            return False
        if self.units is None:
            self.units = self.shapes.of(operand)
        return self._is_full(operand)

    def _is_full(self, variable):
        """Tells whether rows are known to have all units of the program, in order."""
        shape = [length for length in self.shapes.of(variable) if length is not None]
        return shape == [length for length in self.units or () if length is not None]

    def _in_full_rank(self, variable):
        """Returns an operand with as many axes as the program's rows have."""
        if scope_of(variable) == "row" or self.units is None:
            return variable
        shape = variable.broadcastable[1:]
        if len(shape) == len(self.units):
            if all(one or n is not None for one, n in zip(shape, self.units)):
                return variable
        elif self._is_full(variable):
            axes = iter([d for d, one in enumerate(shape, 1) if not one])
            return variable.dimshuffle(
                0, *["x" if n is None else next(axes) for n in self.units]
            )
        raise NotImplementedError("no loop over rows of another shape")

    def _elementwise(self, node):
        self.interior.append(node)
        values = [self._value(v) for v in node.inputs]
        scope = "unit" if any(v.scope == "unit" for v in values) else "row"
        stage = max(v.stage for v in values)
        for i, (variable, value) in enumerate(zip(node.inputs, values)):
            if not value.leaf and (value.scope, value.stage) != (scope, stage):
                values[i] = self._slot_of(variable, value)
        result = node.op.scalar_op(*[v.scalar for v in values])
        return Value(result, scope, stage, False)

    def _sum(self, node):
        self.interior.append(node)
        value = self._value(node.inputs[0])
        if value.scope == "row":
            # the same number for each unit is not what a sum over units can see
            return self._array(node.outputs[0])
        result = scalar.identity(value.scalar) if value.leaf else value.scalar
        slot = Slot("number", len(self.numbers))
        self.numbers.append(node.outputs[0].dtype)
        acc_dtype = getattr(node.op, "acc_dtype", None) or node.outputs[0].dtype
        self._store(value.stage, "unit", result, slot, acc_dtype)
        leaf = self._leaf(slot, node.outputs[0].dtype, "row")
        return leaf._replace(stage=value.stage + 1)

    # Slots

    def _leaf(self, slot, dtype, scope):
        stand_in = scalar.get_scalar_type(dtype)()
        self.slots[stand_in] = slot
        return Value(stand_in, scope, 0, True)

    def _operand(self, kind, scope, arrays):
        dtype = arrays[0].dtype if arrays else "int64"
        if dtype not in self.dtypes:
            raise NotImplementedError("no loop over %s" % (dtype,))
        slot = Slot("operand", len(self.operands))
        self.operands.append(Operand(kind, scope, len(arrays)))
        self.arrays += [self._in_full_rank(array) for array in arrays]
        return self._leaf(slot, dtype, scope)

    def _slot_of(self, key, value):
        """Keeps a computed value for later loops; returns it as a leaf."""
        if key not in self._stored:
            kind, dtypes = (
                ("buffer", self.buffers)
                if value.scope == "unit"
                else ("number", self.numbers)
            )
            slot = Slot(kind, len(dtypes))
            dtypes.append(value.scalar.dtype)
            self._store(value.stage, value.scope, value.scalar, slot)
            leaf = self._leaf(slot, value.scalar.dtype, value.scope)
            self._stored[key] = leaf._replace(stage=value.stage)
        return self._stored[key]

    def _store(self, stage, scope, result, slot, total=None):
        self.stores.setdefault((stage, scope), []).append((result, slot, total))

    # Writing the steps

    def _steps(self):
        """Returns the steps in order: once per row, then per unit, in each stage."""
        self._delay_writes()
        return [
            self._step(scope, self.stores[stage, scope])
            for stage, scope in sorted(self.stores)
        ]

    def _delay_writes(self):
        """Writes no table's row while a later loop still reads the old one."""
        reads = {}  # Slot -> last stage whose loop over units reads it
        for (stage, scope), stores in self.stores.items():
            if scope == "unit":
                for leaf in self._leaves(stores):
                    slot = self.slots[leaf]
                    reads[slot] = max(stage, reads.get(slot, 0))
        for stage, scope in list(self.stores):
            for store in list(self.stores[stage, scope]):
                result, slot, _ = store
                last = reads.get(slot, stage)
                if slot.kind == "table" and scope == "unit" and last > stage:
                    self.stores[stage, scope].remove(store)
                    value = self._slot_of(slot, Value(result, "unit", stage, False))
                    self._store(last, scope, scalar.identity(value.scalar), slot)

    def _leaves(self, stores):
        """Returns the stand-ins that scalar graphs read, in a fixed order."""
        found = graph_inputs([result for result, _, _ in stores])
        return [v for v in dict.fromkeys(found) if v in self.slots]

    def _step(self, scope, stores):
        inputs = self._leaves(stores)
        results = list(dict.fromkeys(result for result, _, _ in stores))
        positions = {result: i for i, result in enumerate(results)}
        composite, places = _composite(inputs, results)
        return Step(
            scope,
            composite,
            tuple(self.slots[v] for v in inputs),
            tuple(
                Store(places[positions[result]], slot, total)
                for result, slot, total in stores
            ),
        )


def _composite(inputs, results):
    """Returns a composite, and at which of its outputs to find each result.

    Equal results become one output: of two the C code would assign one only.
    """
    composite = scalar.Composite(inputs, results)
    outputs = composite.fgraph.outputs
    distinct = list(dict.fromkeys(outputs))
    if len(distinct) < len(outputs):
        kept = [results[outputs.index(v)] for v in distinct]
        composite = scalar.Composite(inputs, kept)
    return composite, [distinct.index(v) for v in outputs]


def is_on_gpu(table):
    """Tells whether a table, or the one that it is the transpose of, is on a GPU."""
    while table.owner is not None and isinstance(table.owner.op, DimShuffle):
        table = table.owner.inputs[0]
    return without_transfers(table) is not table


def is_loop(node, dtypes):
    """Tells whether a node is elementwise work for a loop of C that cannot fail."""
    if node is None or not isinstance(node.op, Elemwise) or len(node.outputs) != 1:
        return False
    if any(v.dtype not in dtypes for v in node.inputs + node.outputs):
        return False
    return _cannot_fail(node.op.scalar_op, tuple(v.dtype for v in node.inputs))


@lru_cache(maxsize=4096)
def _cannot_fail(op, dtypes):
    """Tells whether the C of a scalar Op neither raises nor calls Python."""
    stand_ins = [scalar.get_scalar_type(dtype)() for dtype in dtypes]
    names = ["x%d" % i for i in range(len(stand_ins))]
    try:
        text = op.c_code(
            op.make_node(*stand_ins), "name", names, ["y"], {"fail": "Py_FAIL"}
        )
        op.c_code_cache_version()
    except (NotImplementedError, MethodNotDefined):
        return False
    # a thread of a loop cannot leave it, nor call Python
    return "Py" not in text


def num_units_now(tables):
    """Returns how many elements the rows of shared tables have now, or 0."""
    for table in tables:
        if isinstance(table, SharedVariable) and scope_of(table) == "unit":
            shape = table.get_value(borrow=True, return_internal_type=True).shape
            return int(np.prod(shape[1:]))
    return 0


def stretches(variable):
    """Tells whether some axes of a row have one element by type, and others many."""
    row = variable.broadcastable[1:]
    return any(row) and not all(row)


def is_number(variable):
    """Tells whether a variable is a constant of one element that C can spell."""
    return (
        isinstance(variable, Constant)
        and variable.data.size == 1
        and bool(np.isfinite(variable.data).all())  # Theano writes inf and nan as such
    )


def keeps_rows(node):
    """Tells whether a dimension shuffle only adds or drops axes of size 1."""
    (variable,), order = node.inputs, node.op.new_order
    kept = [d for d in order if d != "x" and not variable.broadcastable[d]]
    return bool(order) and order[0] == 0 and kept == sorted(kept)


def sums_units(node):
    """Tells whether a reduction is the sum over all axes but the first."""
    (operand,) = node.inputs
    axes = range(operand.ndim) if node.op.axis is None else node.op.axis
    return (
        isinstance(node.op.scalar_op, scalar.Add)
        and operand.ndim > 1
        and sorted(axes) == list(range(1, operand.ndim))
        and all(v.dtype in DTYPES for v in (operand, node.outputs[0]))
        and getattr(node.op, "acc_dtype", None) != "float16"
    )
