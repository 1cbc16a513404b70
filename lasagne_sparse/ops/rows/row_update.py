"""One pass over the touched rows of a table and its accumulators."""

import numpy as np
import theano.tensor as T
from theano.gof import Apply

from ..c_support import c_files, openmp_flags
from ..programs import validation
from ..programs.row_kernel import row_kernel
from ..programs.row_loops import part_name
from ..programs.row_program import composites, run_program, run_sum
from ..indexing.bounds import check_bounds, wrap_negative
from ..indexing.segment_sum import check_segments
from .compiled_only import CompiledOnly

__all__ = ["RowUpdate"]


class RowUpdate(CompiledOnly):
    """
    lasagne_sparse.ops.RowUpdate(program, inplace=(), num_units=0)

    Updates the touched rows of one or more tables, whatever the rule.

    The inputs are ``rows``, ``order`` and ``offsets`` of :class:`UniqueRows`, then
    the tables, each of shape ``(num_rows, ...)``, then the arrays of the operands.
    For each touched row, the program computes the new row of every table from the
    old ones and from the operands::

        results = [table.copy() for table in tables]
        for k, row in enumerate(rows):
            lookups = order[offsets[k]:offsets[k + 1]]
            values = [{
                'summed': lambda: sum(operand[j] for j in lookups),
                'last': lambda: operand[lookups[-1]],
                'of_bag': lambda: operand[bags],
                'aligned': lambda: operand[k],
                'gathered': lambda: operand[row],
                'shared': lambda: operand,
                'count': lambda: len(lookups),
            }[operand.kind]() for operand in operands]
            values += [
                sum(part(table[row] for table in tables, operands, j) for j in lookups)
                for part in sums
            ]
            new = program([table[row] for table in tables], values)
            for result, new_row in zip(results, new):
                result[row] = new_row

    The rows must be distinct, as :class:`UniqueRows` gives them: each is visited
    once, by one thread, so the result does not depend on the number of threads.
    Where an operand consists of several arrays, they are taken for their
    concatenation along the first axis.

    Only the rewrites of :mod:`lasagne_sparse.rewrites.fusion.row_updates` make it.

    Parameters
    ----------
    program : RowProgram
        What to compute for a row: see :mod:`lasagne_sparse.ops.programs.row_program`.
    inplace : tuple of int
        The positions of the tables whose storage the results take over.
    num_units : int
        Rows of so many elements are the fastest; it does not change the results. 0
        if it is not known.

    Raises
    ------
    TypeError
        If the number of inputs does not fit the program, or ``rows``, ``order`` or
        ``offsets`` is no vector of int64 (when the graph is built).
    ValueError
        If shapes do not fit, or a table to be updated in place is read-only (at run
        time, before anything is written).
    IndexError
        If a table has no such row, or ``order`` points outside of an operand (at run
        time, before anything is written).
    MemoryError
        If there is no memory for a copy of a table or for buffers (at run time,
        before anything is written).
    """

    # num_units is among them because the C text depends on it
    __props__ = ("program", "inplace", "num_units")

    def __init__(self, program, inplace=(), num_units=0):
        validation.check(program)
        self.program = program
        self.num_units = num_units
        self.inplace = tuple(inplace)
        if self.inplace:
            self.destroy_map = {i: [self.table_input(i)] for i in self.inplace}

    def clone_inplace(self, inplace=None):
        """Returns the same Op, in place for these tables, or for all of them"""
        if inplace is None:
            inplace = range(len(self.program.tables))
        return type(self)(self.program, tuple(inplace), self.num_units)

    # Inputs of a node: rows, order and offsets, then the tables, then the operands.

    @staticmethod
    def table_input(i):
        """Returns at which input of a node table `i` is"""
        return 3 + i

    def lookups_of(self, node):
        """Returns rows, order and offsets"""
        return node.inputs[: self.table_input(0)]

    def arrays_of(self, node):
        """Returns the tables and the arrays of the operands"""
        return node.inputs[self.table_input(0) :]

    def tables_of(self, node):
        """Returns the tables, one for each output"""
        return self.split(node.inputs)[1]

    def split(self, inputs):
        """Splits what stands for the inputs of a node

        Parameters
        ----------
        inputs : list
            Variables, arrays, shapes or names, one for each input.

        Returns
        -------
        tuple of three lists
            Those of rows, order and offsets; of the tables; of the operands' arrays.
        """
        first, last = self.table_input(0), self.table_input(len(self.program.tables))
        return inputs[:first], inputs[first:last], inputs[last:]

    def gathered(self):
        """Returns at which inputs of a node the tables are that are only read"""
        positions, start = [], self.table_input(len(self.program.tables))
        for kind, _, count in self.program.operands:
            if kind == "gathered":
                positions.append(start)
            start += count
        return positions

    def __str__(self):
        where = "inplace" if self.inplace else "no_inplace"
        return "RowUpdate{%d tables, %s}" % (len(self.program.tables), where)

    def make_node(self, rows, order, offsets, *arrays):
        vectors = [T.as_tensor_variable(v) for v in (rows, order, offsets)]
        arrays = [T.as_tensor_variable(v) for v in arrays]
        for name, vector in zip(("rows", "order", "offsets"), vectors):
            if vector.dtype != "int64" or vector.ndim != 1:
                raise TypeError(
                    "%s must be a vector of int64, as UniqueRows gives it; got %s"
                    % (name, vector.type)
                )
        num_tables = len(self.program.tables)
        expected = num_tables + sum(o.count for o in self.program.operands)
        if len(arrays) != expected:
            raise TypeError(
                "expected %d tables and %d arrays of operands, got %d together"
                % (num_tables, expected - num_tables, len(arrays))
            )
        outputs = [table.type() for table in arrays[:num_tables]]
        return Apply(self, vectors + arrays, outputs)

    def infer_shape(self, node, input_shapes):
        return self.split(input_shapes)[1]

    def perform(self, node, inputs, output_storage):
        (rows, order, offsets), tables, arrays = self.split(inputs)
        for i, table in enumerate(tables):
            if i in self.inplace and not table.flags.writeable:
                raise ValueError("table %d is read-only, nothing was written" % i)
        operands = self._operands(rows, order, offsets, arrays)
        old = [table[rows] for table in tables]
        counts = np.diff(offsets)
        arrays, units = self._in_full_rank(old + operands)
        old_rows, operands = arrays[: len(old)], arrays[len(old) :]
        sums = [
            run_sum(
                part, self._at_lookups(part, old_rows, operands, order, offsets), counts
            )
            for part in self.program.sums
        ]
        new = run_program(self.program, old_rows, operands, units, sums)
        for i, (table, values) in enumerate(zip(tables, new)):
            result = table if i in self.inplace else table.copy()
            result[rows] = values.reshape(old[i].shape)
            output_storage[i][0] = result

    def _operands(self, rows, order, offsets, arrays):
        """Returns each operand as an array with a row for each touched row, or one."""
        arrays = list(arrays)
        operands = []
        for kind, _, count in self.program.operands:
            values = arrays[0] if count == 1 else None
            if count > 1:
                values = np.concatenate(arrays[:count])
            del arrays[:count]
            if kind == "count":
                values = np.diff(offsets)
            elif kind in ("summed", "lookup", "last"):
                if kind != "lookup" and count == 1 and len(values) == 1:
                    # as an increment, or a set, broadcasts what it is given
                    values = np.broadcast_to(values, order.shape + values.shape[1:])
                check_segments(order, offsets, len(values))
            if kind == "summed":
                values = _segment_sums(order, offsets, values)
            elif kind == "last":
                values = values[order[offsets[1:] - 1]]
            elif kind == "gathered":
                values = values[rows]
            elif kind == "of_bag":
                check_bounds(operands[-1], len(values), "bags")
                values = values[wrap_negative(operands[-1], len(values))]
            elif kind == "aligned" and len(values) not in (1, len(rows)):
                raise ValueError(
                    "an operand has %d rows: expected %d, as many as are updated"
                    % (len(values), len(rows))
                )
            operands.append(values)
        return operands

    def _at_lookups(self, part, tables, operands, order, offsets):
        """Returns the inputs of a sum, with a row for each lookup, or one for all."""
        arrays, counts = [], np.diff(offsets)
        for slot in part.inputs:
            values = (tables if slot.kind == "table" else operands)[slot.position]
            kind = "table"
            if slot.kind == "operand":
                kind = self.program.operands[slot.position].kind
            if kind in ("lookup", "of_bag"):
                values = values[order[offsets[0] : offsets[-1]]]
            elif len(values) > 1:
                values = np.repeat(values, counts, axis=0)
            arrays.append(values)
        return arrays

    def _in_full_rank(self, arrays):
        """Lets all arrays broadcast; returns them and the shape of a row."""
        program = self.program
        kinds = ["table" for _ in program.tables] + [o.kind for o in program.operands]
        scopes = program.tables + tuple(o.scope for o in program.operands)
        shapes = [
            (kind == "table", kind != "shared", array.shape[1:])
            for kind, scope, array in zip(kinds, scopes, arrays)
            if scope == "unit"
        ]
        # that of a table or, where there is none, one that need not stretch
        shapes.sort(key=lambda s: s[:2] + (sum(n != 1 for n in s[2]),))
        units = shapes[-1][2] if shapes else ()
        return [
            array if scope == "unit" else array.reshape(array.size, *[1 for _ in units])
            for scope, array in zip(scopes, arrays)
        ], units

    def c_parts(self):
        return composites(self.program)

    def c_headers(self):
        return ["<math.h>"]

    def c_compile_args(self):
        # Comparisons need not raise floating point flags: they vectorise then.
        return openmp_flags() + ["-fno-trapping-math"]

    def c_support_code(self):
        texts = [
            c_files(
                "c_code/threads.h",
                "c_code/arrays.h",
                "rows/row_checks.h",
                "rows/row_update.h",
            )
        ]
        texts += [part.c_support_code() for part in composites(self.program)]
        return "\n".join(dict.fromkeys(texts))

    def c_support_code_apply(self, node, name):
        texts = [
            part.c_support_code_apply(node, part_name(name, i))
            for i, part in enumerate(composites(self.program))
        ]
        num_tables = len(self.program.tables)
        arrays = [
            (v.type.dtype_specs()[1], np.dtype(v.dtype).itemsize)
            for v in self.arrays_of(node)
        ]
        operands, start = [], num_tables
        for operand in self.program.operands:
            operands.append(arrays[start] if operand.count else ("npy_int64", 8))
            start += operand.count
        texts.append(
            row_kernel(
                name,
                self.program,
                arrays[:num_tables],
                operands,
                self.inplace,
                self.num_units,
            )
        )
        return "\n".join(texts)

    def c_code(self, node, name, inputs, outputs, sub):
        (rows, order, offsets), tables, operands = self.split(inputs)
        return """
        {
            PyArrayObject *tables[] = {%(tables)s};
            PyArrayObject *operands[] = {%(operands)s};
            PyArrayObject **outputs[] = {%(outputs)s};
            row_groups groups;
            const bool failed =
                row_groups_init(&groups, %(rows)s, %(order)s, %(offsets)s) < 0 ||
                row_update_%(name)s(&groups, tables, operands, outputs) < 0;
            row_groups_free(&groups);
            if (failed) {
                %(fail)s
            }
        }
        """ % dict(
            name=name,
            rows=rows,
            order=order,
            offsets=offsets,
            tables=", ".join(tables),
            operands=", ".join(operands) or "NULL",
            outputs=", ".join("&" + output for output in outputs),
            fail=sub["fail"],
        )


def _as_matrix(values):
    """Returns values with one row per row, also where there are none."""
    # reshape(0, -1) is an error: the number of units would be anybody's guess.
    return np.reshape(values, (len(values), int(np.prod(values.shape[1:]))))


def _segment_sums(order, offsets, values):
    """Sums the values of each segment of `order`, one after the other."""
    sums = np.zeros((len(offsets) - 1,) + values.shape[1:], values.dtype)
    for k in range(len(sums)):
        for j in range(offsets[k], offsets[k + 1]):
            sums[k] += values[order[j]]
    return sums
