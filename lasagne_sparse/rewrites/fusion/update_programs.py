"""Reads the program of a row update off the graph that computes new rows.

The values that a graph writes to rows of tables are walked back to gathers of these
rows, to sums of gradient rows and to what is the same for all rows.
"""

from collections import namedtuple

from theano import scalar
from theano.tensor import shape_padleft
from theano.tensor.elemwise import Elemwise
from theano.tensor.subtensor import Subtensor

from ...ops import SegmentSum
from ...ops.programs.row_program import RowProgram, Slot, Sum
from ..lookups import is_of_bags, length, same_number, without_check
from .row_programs import (
    DTYPES,
    ProgramReader,
    Value,
    is_gather,
    is_loop,
    is_number,
    is_on_gpu,
    scope_of,
    stretches,
)

__all__ = ["RowGroups", "UpdateReader", "reads_rows", "row_shape"]


class RowGroups(namedtuple("RowGroups", ["vectors", "distinct", "same_in_all"])):
    """
    lasagne_sparse.rewrites.fusion.update_programs.RowGroups(vectors, distinct, ...)

    Which rows are written, and which lookups belong to each.

    Parameters
    ----------
    vectors : sequence of three Theano vectors, int64
        ``rows``, ``order`` and ``offsets``, as :class:`RowUpdate` takes them.
    distinct : bool
        Whether there is one lookup for each row, in their order. If not, an increment
        adds up all values of an index that repeats, and a set keeps the last.
    same_in_all : bool
        Whether the indices mean the same rows of any table: negative ones do not,
        where tables are not equally long.
    """

    __slots__ = ()


def row_shape(tables, shapes):
    """Returns the shape of the rows of tables

    Parameters
    ----------
    tables : list of Theano variables
    shapes : RowShapes

    Returns
    -------
    tuple or None
        As `shapes` tells it; None if all of them have one number per row.

    Raises
    ------
    NotImplementedError
        If their rows are not known to have one shape.
    """
    found = {shapes.of(table) for table in tables if scope_of(table) == "unit"}
    if len(found) > 1:
        raise NotImplementedError("no loop over rows of different shapes")
    return found.pop() if found else None


def reads_rows(variable, rows):
    """Tells whether a variable is ``table[rows]``"""
    node = variable.owner
    return node is not None and is_gather(node) and node.inputs[1] is rows


class UpdateReader(ProgramReader):
    """
    lasagne_sparse.rewrites.fusion.update_programs.UpdateReader(writes, rows, ...)

    Turns nodes that write the same rows into one program.

    Parameters
    ----------
    writes : list of Apply nodes of AdvancedIncSubtensor1
        Each writes ``rows`` of another table.
    indices : Theano vector
        The rows, as the nodes say it.
    groups : RowGroups
        How `indices` are grouped by row.
    shapes : RowShapes
        What is known of the graph.
    computed : collection of Theano variables
        Of which it is known that something else needs them: they are read rather
        than computed again.

    Attributes
    ----------
    inputs : list of Theano variables
        The inputs of the :class:`RowUpdate` with this program.
    interior : list of Apply nodes
        What the program computes by itself.
    tables_read : dict with Theano variables as keys
        The tables whose rows it reads or writes.
    """

    def __init__(self, writes, indices, groups, shapes, computed=()):
        tables = [write.inputs[0] for write in writes]
        # A kernel on a GPU reads float16 as float32, and writes it back.
        on_gpu = all(is_on_gpu(table) for table in tables)
        units = row_shape(tables, shapes)
        super().__init__(shapes, units, DTYPES | {"float16"} if on_gpu else DTYPES)
        self.tables, self.sums, self._on_gpu = tables, [], on_gpu
        self._positions = {table: i for i, table in enumerate(tables)}
        self._lookup_values = {}
        self.rows, self.order, self.offsets = groups.vectors
        self.indices = indices
        self.distinct, self._same_in_all = groups.distinct, groups.same_in_all
        self.computed = frozenset(computed)
        self.tables_read = dict.fromkeys(tables)
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
            tuple(self.sums),
        )

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
        """Returns the `Value` that is written; of one that `repeats`, the sum."""
        if value.ndim and value.ndim < table.ndim:
            # as NumPy broadcasts: the same for every row
            value = shape_padleft(value, table.ndim - value.ndim)
        if repeats and value.ndim and not value.broadcastable[0]:
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
        """Returns the sum over lookups of what has a row for each of them.

        What scales each of them by one number scales the sum instead.
        """
        scaled = _scaled(value)
        if scaled is None or not is_loop(value.owner, self.dtypes) or self._is_deep():
            return self._sum_of_lookups(value)
        self.interior.append(value.owner)
        self._depth += 1
        total = self._summed(scaled)
        self._depth -= 1
        values = [total if v is scaled else self._value(v) for v in value.owner.inputs]
        result = value.owner.op.scalar_op(*[v.scalar for v in values])
        return Value(result, total.scope, 0, False)

    def _sum_of_lookups(self, value):
        """Returns the sum of rows, or of what is computed from rows on the way."""
        if not (self._is_of_lookups(value) and self._is_one_for_each(value)):
            return self._operand("summed", scope_of(value), [value])
        result = self._of_lookup(value)
        if result.owner is None:
            result = scalar.identity(result)
        leaves = self._leaves([(result, None, None)])
        slots = tuple(self.slots[leaf] for leaf in leaves)
        composite = scalar.Composite(leaves, [result])
        slot = Slot("sum", len(self.sums))
        self.sums.append(Sum(scope_of(value), composite, slots))
        return self._leaf(slot, value.dtype, scope_of(value))

    def _is_one_for_each(self, value):
        """Tells whether a value is known to have a full row for each lookup.

        Others are spread when they are written. Of what they are computed of it cannot
        be told then whether that fits together.
        """
        if not self._is_full(value):
            return False
        lookups = self.order if self.distinct else self.indices
        return self.shapes.length(value) == self.shapes.length(lookups) or same_number(
            length(value.fgraph, value), length(value.fgraph, lookups)
        )

    def _is_of_lookups(self, variable):
        """Tells whether a variable is elementwise work that nothing else needs.

        It is carried out where it is summed, instead of being written to memory for
        each lookup and read from there again.
        """
        if scope_of(variable) != "unit" or self._is_deep():
            return False
        return self._is_of_bags(variable) or (
            len(variable.clients) == 1
            and is_loop(variable.owner, self.dtypes)
            and not any(stretches(v) for v in variable.owner.inputs)
        )

    def _is_of_bags(self, variable):
        """Tells whether a variable is what lookups have of what their bags have."""
        return not self._on_gpu and is_of_bags(variable)

    def _of_lookup(self, variable):
        """Returns the scalar of a variable whose first axis is that of the lookups."""
        if is_number(variable) or all(variable.broadcastable):
            return self._value(variable).scalar
        if self._is_of_bags(variable) and not variable.broadcastable[0]:
            if variable not in self._lookup_values:
                of, bags = variable.owner.inputs
                self._operand("lookup", "row", [bags])
                operand = self._operand("of_bag", scope_of(variable), [of])
                self._lookup_values[variable] = operand.scalar
            return self._lookup_values[variable]
        if self._is_of_lookups(variable):
            self.interior.append(variable.owner)
            self._depth += 1
            values = [self._of_lookup(v) for v in variable.owner.inputs]
            self._depth -= 1
            return variable.owner.op.scalar_op(*values)
        if variable not in self._lookup_values:
            kind = "shared" if variable.broadcastable[0] else "lookup"
            operand = self._operand(kind, scope_of(variable), [variable])
            self._lookup_values[variable] = operand.scalar
        return self._lookup_values[variable]

    def _source(self, variable):
        node = variable.owner
        if node is None or variable in self.computed:
            return self._array(variable)
        if reads_rows(variable, self.indices):
            table = node.inputs[0]
            if table not in self._positions and not self._same_in_all:
                return self._array(variable)
            self.interior.append(node)
            self.tables_read[table] = None
            if table in self._positions:
                return self._table_values[self._positions[table]]
            return self._operand("gathered", scope_of(variable), [table])
        if (
            isinstance(node.op, SegmentSum)
            and self.distinct
            and node.inputs[:2] == [self.order, self.offsets]
        ):
            self.interior.append(node)
            # a RowUpdate refuses rows that are not as long as those of its tables
            values = [without_check(v) for v in node.inputs[2:]]
            if len(values) == 1:
                return self._summed(values[0])
            return self._operand("summed", scope_of(variable), values)
        if is_gather(node) and self._is_last_lookup(node.inputs[1]):
            self.interior.append(node)
            return self._operand("last", scope_of(variable), [node.inputs[0]])
        return None

    def _is_last_lookup(self, positions):
        """Tells whether positions are ``order[offsets[1:] - 1]``."""
        node = positions.owner
        if not self.distinct or node is None or not is_gather(node):
            return False
        order, ends = node.inputs
        return order is self.order and _is_one_before_end(ends, self.offsets)

    def _array(self, variable):
        if variable.broadcastable[0]:
            return self._operand("shared", scope_of(variable), [variable])
        kind = "aligned" if self.distinct else "last"
        return self._operand(kind, scope_of(variable), [variable])


def _scaled(value):
    """Returns ``g`` of ``c * g``, ``g / c`` or ``-g``, ``c`` one number, or None."""
    node = value.owner
    if node is None or not isinstance(node.op, Elemwise) or len(value.clients) > 1:
        return None
    scaled = [v for v in node.inputs if not all(v.broadcastable)]
    if len(scaled) != 1 or scaled[0].type != value.type:
        return None
    linear = isinstance(node.op.scalar_op, (scalar.Mul, scalar.Neg)) or (
        isinstance(node.op.scalar_op, scalar.TrueDiv) and scaled[0] is node.inputs[0]
    )
    return scaled[0] if linear else None


def _is_one_before_end(positions, offsets):
    """Tells whether positions are ``offsets[1:] - 1``, or the same with ``+ -1``."""
    node = positions.owner
    if node is None or not isinstance(node.op, Elemwise) or len(node.inputs) != 2:
        return False
    steps = [v.data.item() for v in node.inputs if is_number(v)]
    ends = [v.owner for v in node.inputs if not is_number(v)]
    if len(ends) != 1 or ends[0] is None or not isinstance(ends[0].op, Subtensor):
        return False
    adds = isinstance(node.op.scalar_op, scalar.Add) and steps == [-1]
    subtracts = isinstance(node.op.scalar_op, scalar.Sub) and (
        steps == [1] and is_number(node.inputs[1])
    )
    return (
        (adds or subtracts)
        and ends[0].inputs[0] is offsets
        and ends[0].op.get_constant_idx(ends[0].inputs, allow_partial=True)
        == [slice(1, None, None)]
    )
