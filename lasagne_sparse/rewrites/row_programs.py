"""Reads a row program off the graph that computes new rows.

The values that a graph writes to rows of tables are walked back to gathers of
these rows, to sums of gradient rows and to what is the same for all rows. What
lies between, elementwise work and sums over the units of a row, becomes a
:class:`~lasagne_sparse.ops.row_program.RowProgram`.
"""

from collections import namedtuple

from theano import scalar
from theano.gof.graph import Constant
from theano.gof.graph import inputs as graph_inputs
from theano.gof.utils import MethodNotDefined
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.subtensor import AdvancedSubtensor1, Subtensor

from ..graph import without_transfers
from ..ops import Gather, SegmentSum
from ..ops.row_program import Operand, RowProgram, Slot, Step, Store
from .lookups import without_check

__all__ = ["ProgramReader", "reads_rows", "scope_of"]

# float16 has no arithmetic of its own in Theano's C, complex numbers no loops here
_DTYPES = frozenset(
    ["bool", "float32", "float64"]
    + [sign + "int%d" % bits for sign in ("", "u") for bits in (8, 16, 32, 64)]
)

#: What a variable is to a row: its ``scalar`` stands for it in scalar graphs;
#: ``scope`` is 'row' or 'unit'; it is known once the loops before ``stage`` are
#: through; a ``leaf`` is read from a slot instead of computed.
_Value = namedtuple("_Value", ["scalar", "scope", "stage", "leaf"])


def scope_of(variable):
    """Returns 'unit' if the rows of a variable have many elements, else 'row'"""
    return "row" if all(variable.broadcastable[1:]) else "unit"


def reads_rows(variable, rows):
    """Tells whether a variable is ``table[rows]``"""
    node = variable.owner
    return node is not None and _is_gather(node) and node.inputs[1] is rows


def _is_gather(node):
    """Tells whether a node reads rows of its first input."""
    return isinstance(node.op, (AdvancedSubtensor1, Gather))


class ProgramReader:
    """
    lasagne_sparse.rewrites.row_programs.ProgramReader(writes, rows, ...)

    Turns nodes that write the same rows into one program.

    Parameters
    ----------
    writes : list of Apply nodes of AdvancedIncSubtensor1
        Each writes ``rows`` of another table.
    indices : Theano vector
        The rows, as the nodes say it.
    unique : Apply node of UniqueRows
        Of which `indices` are the first output, or the input: then an increment
        adds up all values of an index that repeats, and a set keeps the last.
    computed : collection of Theano variables
        Of which it is known that something else needs them: they are read rather
        than computed again.

    Attributes
    ----------
    inputs : list of Theano variables
        The inputs of the :class:`RowUpdate` with this program.
    interior : list of Apply nodes
        What the program computes by itself.
    tables_read : set of Theano variables
        The tables whose rows it reads or writes.
    """

    def __init__(self, writes, indices, unique, computed=()):
        self.rows, _, self.order, self.offsets = unique.outputs
        self.indices = indices
        self.distinct = indices is self.rows
        self.computed = frozenset(computed)
        self.tables = [write.inputs[0] for write in writes]
        # A kernel on a GPU reads float16 as float32, and writes it back.
        on_gpu = all(_is_on_gpu(table) for table in self.tables)
        self.dtypes = _DTYPES | {"float16"} if on_gpu else _DTYPES
        self.operands, self.arrays = [], []
        self.numbers, self.buffers = [], []
        self.slots = {}  # scalar variable of a leaf -> Slot
        self.stores = {}  # (stage, scope) -> list of (scalar, Slot, total)
        self.interior, self.tables_read = [], set(self.tables)
        self._values, self._stored = {}, {}
        self._table_values = [
            self._leaf(Slot("table", i), table.dtype, scope_of(table))
            for i, table in enumerate(self.tables)
        ]
        for i, write in enumerate(writes):
            self._write(i, write)
        self.inputs = [self.rows, self.order, self.offsets] + self.tables + self.arrays

    def program(self):
        """Returns the RowProgram; to be called once"""
        steps = tuple(self._steps())
        return RowProgram(
            tuple(scope_of(table) for table in self.tables),
            tuple(self.operands),
            steps,
            tuple(self.numbers),
            tuple(self.buffers),
        )

    # Reading

    def _write(self, i, write):
        """Adds what a write stores into table `i`."""
        table, value = self.tables[i], write.inputs[1]
        if table.dtype not in self.dtypes:
            raise NotImplementedError("no loop over %s" % (table.dtype,))
        old = self._table_values[i]
        adds = not write.op.set_instead_of_inc
        new = self._written(table, value, adds and not self.distinct)
        if new.scope == "unit" and old.scope == "row":
            raise NotImplementedError("many numbers for one per row")
        if old.scope == "unit" and new.scope == "row" and not new.leaf:
            new = self._slot_of(value, new)
        result = scalar.add(old.scalar, new.scalar) if adds else new.scalar
        if result.dtype != table.dtype:
            result = scalar.Cast(scalar.get_scalar_type(table.dtype))(result)
        if result.owner is None:
            result = scalar.identity(result)
        self._store(new.stage, old.scope, result, Slot("table", i))

    def _written(self, table, value, repeats):
        """Returns the `_Value` that is written; of one that `repeats`, the sum."""
        if value.ndim and value.ndim < table.ndim:
            # as NumPy broadcasts: the same for every row
            new = self._operand("shared", "unit", [value])
        elif repeats and value.ndim and not value.broadcastable[0]:
            return self._summed(value)
        else:
            new = self._value(value)
        if repeats:
            # one value for all lookups: as often as the row is looked up
            count = self._operand("count", "row", []).scalar
            count = scalar.Cast(scalar.get_scalar_type(table.dtype))(count)
            new = new._replace(scalar=scalar.mul(count, new.scalar), leaf=False)
        return new

    def _summed(self, value):
        """Returns the sum over lookups; what scales each of them scales the sum."""
        scaled = _scaled(value)
        if scaled is None:
            return self._operand("summed", scope_of(value), [value])
        self.interior.append(value.owner)
        total = self._operand("summed", scope_of(scaled), [scaled])
        values = [total if v is scaled else self._value(v) for v in value.owner.inputs]
        result = value.owner.op.scalar_op(*[v.scalar for v in values])
        return _Value(result, total.scope, 0, False)

    def _value(self, variable):
        """Returns the `_Value` of a variable whose first axis is that of the rows."""
        if variable not in self._values:
            self._values[variable] = self._read(variable)
        return self._values[variable]

    def _read(self, variable):
        node = variable.owner
        if _is_number(variable):
            kind = scalar.get_scalar_type(variable.dtype)
            constant = scalar.ScalarConstant(kind, variable.data.reshape(())[()])
            return _Value(constant, "row", 0, True)
        if all(variable.broadcastable):
            return self._operand("shared", "row", [variable])
        if node is None or variable in self.computed:
            return self._aligned(variable)
        if reads_rows(variable, self.indices):
            self.interior.append(node)
            self.tables_read.add(node.inputs[0])
            if node.inputs[0] in self.tables:
                return self._table_values[self.tables.index(node.inputs[0])]
            return self._operand("gathered", scope_of(variable), [node.inputs[0]])
        if (
            isinstance(node.op, SegmentSum)
            and self.distinct
            and node.inputs[:2] == [self.order, self.offsets]
        ):
            self.interior.append(node)
            # a RowUpdate refuses rows that are not as long as those of its tables
            values = [without_check(v) for v in node.inputs[2:]]
            return self._operand("summed", scope_of(variable), values)
        if _is_gather(node) and self._is_last_lookup(node.inputs[1]):
            self.interior.append(node)
            return self._operand("last", scope_of(variable), [node.inputs[0]])
        if isinstance(node.op, Elemwise) and _has_c(node, self.dtypes):
            return self._elementwise(node)
        if isinstance(node.op, DimShuffle) and _keeps_rows(node):
            self.interior.append(node)
            return self._value(node.inputs[0])
        if isinstance(node.op, CAReduce) and _sums_units(node):
            return self._sum(node)
        return self._aligned(variable)

    def _is_last_lookup(self, positions):
        """Tells whether positions are ``order[offsets[1:] - 1]``."""
        node = positions.owner
        if not self.distinct or node is None or not _is_gather(node):
            return False
        order, ends = node.inputs
        return order is self.order and _is_one_before_end(ends, self.offsets)

    def _aligned(self, variable):
        """An array that something else computes."""
        if variable.broadcastable[0]:
            return self._operand("shared", scope_of(variable), [variable])
        kind = "aligned" if self.distinct else "last"
        return self._operand(kind, scope_of(variable), [variable])

    def _elementwise(self, node):
        self.interior.append(node)
        values = [self._value(v) for v in node.inputs]
        scope = "unit" if any(v.scope == "unit" for v in values) else "row"
        stage = max(v.stage for v in values)
        for i, (variable, value) in enumerate(zip(node.inputs, values)):
            if not value.leaf and (value.scope, value.stage) != (scope, stage):
                values[i] = self._slot_of(variable, value)
        result = node.op.scalar_op(*[v.scalar for v in values])
        return _Value(result, scope, stage, False)

    def _sum(self, node):
        self.interior.append(node)
        value = self._value(node.inputs[0])
        if value.scope == "row":
            # the same number for each unit is not what a sum over units can see
            return self._aligned(node.outputs[0])
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
        return _Value(stand_in, scope, 0, True)

    def _operand(self, kind, scope, arrays):
        dtype = arrays[0].dtype if arrays else "int64"
        if dtype not in self.dtypes:
            raise NotImplementedError("no loop over %s" % (dtype,))
        slot = Slot("operand", len(self.operands))
        self.operands.append(Operand(kind, scope, len(arrays)))
        self.arrays += arrays
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
                    value = self._slot_of(slot, _Value(result, "unit", stage, False))
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


def _is_on_gpu(table):
    """Tells whether a table, or the one that it is the transpose of, is on a GPU."""
    while table.owner is not None and isinstance(table.owner.op, DimShuffle):
        table = table.owner.inputs[0]
    return without_transfers(table) is not table


def _has_c(node, dtypes):
    """Tells whether an elementwise node can be part of a loop that cannot fail."""
    op = node.op.scalar_op
    if len(node.outputs) != 1:
        return False
    if any(v.dtype not in dtypes for v in node.inputs + node.outputs):
        return False
    stand_ins = [scalar.get_scalar_type(v.dtype)() for v in node.inputs]
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


def _scaled(value):
    """Returns ``g`` of ``c * g``, ``g / c`` or ``-g`` with one number ``c``, or None.

    None also if ``g`` is elementwise itself: Theano computes both in one loop.
    """
    node = value.owner
    if node is None or not isinstance(node.op, Elemwise) or len(value.clients) > 1:
        return None
    scaled = [v for v in node.inputs if not all(v.broadcastable)]
    if len(scaled) != 1 or scaled[0].type != value.type:
        return None
    linear = isinstance(node.op.scalar_op, (scalar.Mul, scalar.Neg)) or (
        isinstance(node.op.scalar_op, scalar.TrueDiv) and scaled[0] is node.inputs[0]
    )
    maker = scaled[0].owner
    if not linear or (maker is not None and isinstance(maker.op, Elemwise)):
        return None
    return scaled[0]


def _is_one_before_end(positions, offsets):
    """Tells whether positions are ``offsets[1:] - 1``, or the same with ``+ -1``."""
    node = positions.owner
    if node is None or not isinstance(node.op, Elemwise) or len(node.inputs) != 2:
        return False
    steps = [v.data.item() for v in node.inputs if _is_number(v)]
    ends = [v.owner for v in node.inputs if not _is_number(v)]
    if len(ends) != 1 or ends[0] is None or not isinstance(ends[0].op, Subtensor):
        return False
    adds = isinstance(node.op.scalar_op, scalar.Add) and steps == [-1]
    subtracts = isinstance(node.op.scalar_op, scalar.Sub) and (
        steps == [1] and _is_number(node.inputs[1])
    )
    return (
        (adds or subtracts)
        and ends[0].inputs[0] is offsets
        and ends[0].op.get_constant_idx(ends[0].inputs, allow_partial=True)
        == [slice(1, None, None)]
    )


def _is_number(variable):
    return isinstance(variable, Constant) and variable.data.size == 1


def _keeps_rows(node):
    """Tells whether a dimension shuffle only adds or drops axes of size 1."""
    order = node.op.new_order
    return (
        bool(order)
        and order[0] == 0
        and scope_of(node.inputs[0]) == scope_of(node.outputs[0]) == "row"
    )


def _sums_units(node):
    """Tells whether a reduction is the sum over all axes but the first."""
    (operand,) = node.inputs
    axes = range(operand.ndim) if node.op.axis is None else node.op.axis
    return (
        isinstance(node.op.scalar_op, scalar.Add)
        and operand.ndim > 1
        and sorted(axes) == list(range(1, operand.ndim))
        and all(v.dtype in _DTYPES for v in (operand, node.outputs[0]))
        and getattr(node.op, "acc_dtype", None) != "float16"
    )
