"""One pass over rows that are looked up, and what is computed of them."""

import numpy as np
import theano.tensor as T
from theano.gof import Apply, generic

from ..indexing.bounds import as_index_vector, check_bounds, wrap_negative
from ..c_support import c_files, openmp_flags
from ..programs import validation
from ..programs.map_kernel import map_kernel
from ..programs.row_loops import part_name
from ..programs.row_program import composites, run_map
from .compiled_only import CompiledOnly

__all__ = ["RowMap"]


class RowMap(CompiledOnly):
    """
    lasagne_sparse.ops.RowMap(program, tables, num_units=0)

    Looks rows of one or more tables up, and computes with them.

    The inputs are a vector of indices for each table, all of the same length, then the
    tables and arrays of the operands. For each lookup, the program computes a row of
    every output, and what is added to every total::

        for j in range(num_lookups):
            values = [{
                'gathered': lambda: operand[indices[j]],
                'lookup': lambda: operand[j],
                'shared': lambda: operand,
            }[operand.kind]() for operand in operands]
            rows, numbers = program(values)
            for output, row in zip(outputs, rows):
                output[j] = row
            for i, number in enumerate(numbers):
                totals[i] += number

    What Theano would compute array by array, each as large as all rows together and
    written to memory before the next is begun, is done here while a row is in the
    first cache. Totals are of float64 until the end; their additions are in an order
    that does not depend on the number of threads.

    Only the rewrite of :mod:`lasagne_sparse.rewrites.fusion.row_maps` makes it.

    Parameters
    ----------
    program : MapProgram
        What to compute for a lookup: see
        :mod:`lasagne_sparse.ops.programs.row_program`.
    tables : tuple of str or None
        The name of each table, for the messages of errors only.
    num_units : int
        Rows of so many elements are the fastest; it does not change the results. 0
        if it is not known.

    Raises
    ------
    TypeError
        If the number of inputs does not fit the program, or indices are no vector of
        integers (when the graph is built).
    IndexError
        If an index is not in ``[-num_rows, num_rows)`` (at run time).
    ValueError
        If shapes do not fit (at run time).
    """

    __props__ = ("program", "tables", "num_units")

    # The names go to the C code as a value, so one module serves all tables.
    params_type = generic

    def __init__(self, program, tables, num_units=0):
        validation.check(program)
        self.program = program
        self.tables = tuple(tables)
        self.num_units = num_units

    def get_params(self, node):
        return self.tables

    def __str__(self):
        return "RowMap{%s}" % ", ".join(str(name) for name in self.tables)

    def gathered(self):
        """Returns {position of a table: position of its indices} of a node's inputs"""
        positions = [
            len(self.tables) + i
            for i, operand in enumerate(self.program.operands)
            if operand.kind == "gathered"
        ]
        return {position: i for i, position in enumerate(positions)}

    def make_node(self, *inputs):
        inputs = [T.as_tensor_variable(v) for v in inputs]
        expected = len(self.tables) + len(self.program.operands)
        if len(inputs) != expected:
            raise TypeError(
                "expected %d vectors of indices and %d arrays of operands, got %d "
                "together" % (len(self.tables), len(self.program.operands), len(inputs))
            )
        for indices in inputs[: len(self.tables)]:
            as_index_vector(indices)
        outputs = [self._type(output, inputs)() for output in self.program.outputs]
        outputs += [T.scalar(dtype=dtype) for dtype in self.program.totals]
        return Apply(self, inputs, outputs)

    def _type(self, output, inputs):
        """Returns the type of an output; its axes are those of the first operand."""
        units = [True] * (output.num_dims - 1)
        if output.scope == "unit":
            units = list(self._first(inputs).broadcastable[1:])
        return T.TensorType(output.dtype, [False] + units)

    def _first(self, inputs):
        """Returns the operand whose rows have the shape of all."""
        operands = inputs[len(self.tables) :]
        return next(
            v
            for v, operand in zip(operands, self.program.operands)
            if operand.scope == "unit" and operand.kind != "shared"
        )

    def infer_shape(self, node, input_shapes):
        num_lookups = input_shapes[0][0]
        shapes = []
        for output in self.program.outputs:
            units = (1,) * (output.num_dims - 1)
            if output.scope == "unit":
                first = node.inputs.index(self._first(node.inputs))
                units = tuple(input_shapes[first][1:])
            shapes.append((num_lookups,) + units)
        return shapes + [()] * len(self.program.totals)

    def perform(self, node, inputs, output_storage, names):
        indices, operands = inputs[: len(self.tables)], inputs[len(self.tables) :]
        num_lookups = len(indices[0])
        if any(len(rows) != num_lookups for rows in indices):
            raise ValueError(
                "expected as many indices of each table, got %s"
                % ", ".join(str(len(rows)) for rows in indices)
            )
        values, waiting = [], list(zip(indices, names))
        for (kind, _, _), values_of in zip(self.program.operands, operands):
            if kind == "gathered":
                rows, name = waiting.pop(0)
                check_bounds(rows, len(values_of), name)
                values_of = values_of[wrap_negative(rows, len(values_of))]
            elif kind == "lookup" and len(values_of) != num_lookups:
                raise ValueError(
                    "an operand has %d rows: expected %d, one for each lookup"
                    % (len(values_of), num_lookups)
                )
            values.append(values_of)
        units = ()
        for operand, array in zip(self.program.operands, values):
            if operand.scope == "unit" and operand.kind != "shared":
                units = array.shape[1:]
                break
        values = [
            array
            if operand.scope == "unit"
            else np.reshape(array, (array.size,) + (1,) * len(units))
            for operand, array in zip(self.program.operands, values)
        ]
        results = run_map(self.program, values, num_lookups, units)
        for storage, result in zip(output_storage, results):
            storage[0] = result

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
                "c_code/bounds.h",
                "c_code/arrays.h",
                "rows/row_checks.h",
                "rows/row_update.h",
                "rows/row_map.h",
            )
        ]
        texts += [part.c_support_code() for part in composites(self.program)]
        return "\n".join(dict.fromkeys(texts))

    def c_support_code_apply(self, node, name):
        texts = [
            part.c_support_code_apply(node, part_name(name, i))
            for i, part in enumerate(composites(self.program))
        ]
        operands = [
            (v.type.dtype_specs()[1], np.dtype(v.dtype).itemsize)
            for v in node.inputs[len(self.tables) :]
        ]
        texts.append(map_kernel(name, self.program, operands, self.num_units))
        return "\n".join(texts)

    def c_code(self, node, name, inputs, outputs, sub):
        num_outputs = len(self.program.outputs)
        lookups = [
            "row_lookups_add<%s>(&lookups, %s, %s, %s) < 0"
            % (
                node.inputs[indices].type.dtype_specs()[1],
                inputs[table],
                inputs[indices],
                sub["params"],
            )
            for table, indices in self.gathered().items()
        ]
        return """
        {
            PyArrayObject *operands[] = {%(operands)s};
            PyArrayObject **outputs[] = {%(outputs)s};
            PyArrayObject **totals[] = {%(totals)s};
            npy_int64 *rows[%(num_tables)d];
            row_lookups lookups = {0, 0, rows};
            const bool failed =
                %(lookups)s ||
                row_map_%(name)s(operands, &lookups, outputs, totals) < 0;
            row_lookups_free(&lookups);
            if (failed) {
                %(fail)s
            }
        }
        """ % dict(
            name=name,
            operands=", ".join(inputs[len(self.tables) :]),
            outputs=", ".join("&" + v for v in outputs[:num_outputs]) or "NULL",
            totals=", ".join("&" + v for v in outputs[num_outputs:]) or "NULL",
            num_tables=len(lookups),
            lookups=" ||\n                ".join(lookups),
            fail=sub["fail"],
        )
