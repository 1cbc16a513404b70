"""The pieces of C of which loops over rows are made.

They are written from a program: how the values of a row are declared, read and
written back, and the steps between. :mod:`lasagne_sparse.ops.programs.row_kernel` and
:mod:`lasagne_sparse.ops.programs.map_kernel` put them together.
"""

__all__ = [
    "Arrays",
    "Scratch",
    "c_bool",
    "c_name",
    "c_size",
    "evaluate",
    "part_name",
    "step_text",
]


def c_bool(value):
    """Returns a truth value as C has it."""
    return "true" if value else "false"


def c_name(dtype):
    """Returns the C type of a dtype."""
    return "npy_" + dtype


def c_size(dtype):
    """Returns the bytes of an element of a dtype."""
    return int(dtype.strip("abcdefghijklmnopqrstuvwxyz") or 8) // 8


class Scratch:
    """Hands out slots of the buffer of a thread."""

    def __init__(self):
        self.num_slots = 0

    def __call__(self, c_type):
        self.num_slots += 1
        return "(%s *)(buffers + %d * slot)" % (c_type, self.num_slots - 1)


class Arrays:
    """The declarations of the values of a row, and how they are read and written.

    A value of scope 'unit' is a pointer to the row's elements, one of scope 'row' is
    a number; both bear the name of their slot.
    """

    def __init__(self, program, tables, operands, scratch):
        self.program = program
        self.tables, self.operands = tables, operands
        self.scratch = scratch
        self.shared, self.prefetches, self.reads, self.writes = [], [], [], []
        self.bags = []  # the C type of the bags, and where the array is that has them
        self.lookups = {}  # position of an operand -> its prefetch, and how to read it
        for i, (scope, (c_type, _)) in enumerate(zip(program.tables, tables)):
            self._table(i, scope, c_type)
        start = 0
        for i, (operand, (c_type, _)) in enumerate(zip(program.operands, operands)):
            self._operand(i, operand, c_type, "operand_layouts + %d" % start)
            start += operand.count
        for i, dtype in enumerate(program.numbers):
            self.reads.append("%s number_%d;" % (c_name(dtype), i))
        for i, dtype in enumerate(program.buffers):
            c_type = c_name(dtype)
            self.reads.append(
                "%s *__restrict__ buffer_%d = %s;" % (c_type, i, scratch(c_type))
            )

    def row_of(self, i):
        """Returns the row that is read of a table, operand `i`"""
        return "row"

    def row_ahead(self, i):
        """Returns the one that is fetched from memory ahead of time"""
        return "ahead"

    def _table(self, i, scope, c_type):
        layout = "table_layouts + %d" % i
        self._prefetch(1, layout, scope, c_type)
        if scope == "row":
            self.reads.append(
                "const %s table_%d = row_number<%s>(%s, row);"
                % (c_type, i, c_type, layout)
            )
            return
        self.reads.append(
            "%s *__restrict__ table_%d = row_read<%s>(%s, row, %s);"
            % (c_type, i, c_type, layout, self.scratch(c_type))
        )
        self.writes.append(
            "if (!table_layouts[%d].direct) row_copy<true>(%s, row, (char *)table_%d);"
            % (i, layout, i)
        )

    def _operand(self, i, operand, c_type, layout):
        values = dict(i=i, type=c_type, layout=layout, count=operand.count)
        values["row"] = self.row_of(i)
        if operand.kind == "gathered":
            self._prefetch(0, layout, operand.scope, c_type, self.row_ahead(i))
        text = _READS[operand.kind, operand.scope]
        for name in ("slot_a", "slot_b"):
            if "%(" + name in text:
                values[name] = self.scratch(c_type)
        if operand.kind in ("lookup", "of_bag"):
            units = "num_units" if operand.scope == "unit" else "1"
            ahead = "ahead"
            if operand.kind == "of_bag":
                bag = self.operands[i - 1][0], layout
                self.bags.append(bag)
                values["bag"] = "row_bag<%s>(%s, position)" % bag
                ahead = "row_bag<%s>(%s, ahead)" % bag
            prefetch = "row_prefetch<0>(%s, %s, %s * sizeof(%s));"
            self.lookups[i] = prefetch % (layout, ahead, units, c_type), text % values
            return
        place = self.shared if operand.kind == "shared" else self.reads
        place.append(text % values)

    def _prefetch(self, for_write, layout, scope, c_type, row="ahead"):
        units = "num_units" if scope == "unit" else "1"
        self.prefetches.append(
            "row_prefetch<%d>(%s, %s, %s * sizeof(%s));"
            % (for_write, layout, row, units, c_type)
        )

    def c_type(self, slot):
        """Returns the C type of a slot's elements"""
        if slot.kind == "table":
            return self.tables[slot.position][0]
        if slot.kind == "operand":
            return self.operands[slot.position][0]
        if slot.kind == "sum":
            return c_name(self.program.sums[slot.position].composite.outputs[0].dtype)
        if slot.kind == "output":
            return c_name(self.program.outputs[slot.position].dtype)
        dtypes = self.program.numbers if slot.kind == "number" else self.program.buffers
        return c_name(dtypes[slot.position])

    def has_units(self, slot):
        """Tells whether a slot has one number per unit"""
        if slot.kind == "table":
            return self.program.tables[slot.position] == "unit"
        if slot.kind == "operand":
            return self.program.operands[slot.position].scope == "unit"
        if slot.kind == "sum":
            return self.program.sums[slot.position].scope == "unit"
        return slot.kind == "buffer"


_LAST = """npy_int64 last_%(i)d = order[offsets[u + 1] - 1];
const row_layout *found_%(i)d = row_find<%(count)d>(%(layout)s, &last_%(i)d);
"""
_UNITS = "const %(type)s *__restrict__ operand_%(i)d = "
_NUMBER = "const %(type)s operand_%(i)d = "
_READS = {
    ("summed", "unit"): _UNITS + "row_sum<%(type)s, %(count)d>(%(layout)s, order, "
    "offsets[u], offsets[u + 1], num_lookups, num_units, %(slot_a)s, %(slot_b)s);",
    ("summed", "row"): _NUMBER + "row_sum_number<%(type)s, %(count)d>(%(layout)s, "
    "order, offsets[u], offsets[u + 1]);",
    ("lookup", "unit"): _UNITS
    + "row_read<%(type)s>(%(layout)s, position, %(slot_a)s);",
    ("lookup", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, position);",
    ("of_bag", "unit"): _UNITS + "row_read<%(type)s>(%(layout)s, %(bag)s, %(slot_a)s);",
    ("of_bag", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, %(bag)s);",
    ("last", "unit"): _LAST
    + _UNITS
    + "row_read<%(type)s>(found_%(i)d, last_%(i)d, %(slot_a)s);",
    ("last", "row"): _LAST + _NUMBER + "row_number<%(type)s>(found_%(i)d, last_%(i)d);",
    ("aligned", "unit"): _UNITS + "row_read<%(type)s>(%(layout)s, u, %(slot_a)s);",
    ("aligned", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, u);",
    ("gathered", "unit"): _UNITS
    + "row_read<%(type)s>(%(layout)s, %(row)s, %(slot_a)s);",
    ("gathered", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, %(row)s);",
    ("count", "row"): _NUMBER + "offsets[u + 1] - offsets[u];",
    ("shared", "unit"): _UNITS + "row_read<%(type)s>(%(layout)s, 0, %(slot_a)s);",
    ("shared", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, 0);",
}

_LOOP = """{
    %(totals)s
    #pragma omp simd %(clause)s
    for (npy_intp d = 0; d < num_units; d++) {
        %(body)s
    }
    %(results)s
}"""


def evaluate(part, name, arrays):
    """Returns the lines that compute ``y0``, ``y1``, ...: what a composite gives."""
    inputs = ["x%d" % k for k in range(len(part.inputs))]
    outputs = ["y%d" % k for k in range(part.composite.nout)]
    lines = []
    for x, slot in zip(inputs, part.inputs):
        element = "[d]" if arrays.has_units(slot) else ""
        lines.append(
            "const %s %s = %s_%d%s;" % (arrays.c_type(slot), x, *slot, element)
        )
    for y, scalar in zip(outputs, part.composite.outputs):
        lines.append("%s %s;" % (scalar.type.dtype_specs()[1], y))
    lines.append(part.composite.c_code(None, name, inputs, outputs, dict(fail="")))
    return lines


def step_text(step, name, arrays):
    """Writes a step: a loop over the units, or one evaluation per row."""
    units = step.scope == "unit"
    totals = [store for store in step.stores if store.total is not None]
    lines = evaluate(step, name, arrays)
    lines += [_store(store, units, arrays) for store in step.stores]
    body = "\n".join(lines)
    if not units:
        return "{\n%s\n}" % body
    names = ["total_%d" % store.target.position for store in totals]
    return _LOOP % dict(
        totals=" ".join(
            "%s %s = 0;" % (c_name(store.total), total)
            for store, total in zip(totals, names)
        ),
        clause="reduction(+: %s)" % ", ".join(names) if names else "",
        body=body,
        results=" ".join(
            "number_%d = (%s)%s;"
            % (store.target.position, arrays.c_type(store.target), total)
            for store, total in zip(totals, names)
        ),
    )


def part_name(name, i):
    """Returns the name in the C text of a composite: see ``row_program.composites``"""
    return "%s_part_%d" % (name, i)


def _store(store, units, arrays):
    """Writes what becomes of one output of a composite."""
    target = store.target
    if store.total is not None:
        return "total_%d += (%s)y%d;" % (
            target.position,
            c_name(store.total),
            store.position,
        )
    if target.kind == "total":
        return "totals[%d] += (double)y%d;" % (target.position, store.position)
    value = "(%s)y%d" % (arrays.c_type(target), store.position)
    if target.kind == "table" and not units:
        return "row_number_write<%s>(table_layouts + %d, row, %s);" % (
            arrays.c_type(target),
            target.position,
            value,
        )
    if target.kind == "output" and not units:
        return "*output_%d = %s;" % (target.position, value)
    return "%s_%d%s = %s;" % (
        target.kind,
        target.position,
        "[d]" if units else "",
        value,
    )
