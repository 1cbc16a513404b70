"""The C loop of a row update, written from its program.

What is the same for every program, all of the checks among it, is in
``c_code/row_update.h``; what follows from the program is the body of the loop.
"""

__all__ = ["row_kernel"]

_LOOP_OVER_ROWS = """
template <npy_intp UNITS>
static __attribute__((noinline)) void row_update_rows_%(name)s(
    const row_groups *groups, const row_layout *table_layouts,
    const row_layout *operand_layouts, npy_intp units, char *buffers, npy_intp slot,
    npy_int64 begin, npy_int64 end)
{
    const npy_intp num_units = UNITS ? UNITS : units;
    const npy_int64 num_ahead = row_num_ahead(num_units * %(table_bytes)d);
    const npy_int64 num_rows = groups->num_rows, num_lookups = groups->num_lookups;
    const npy_int64 *rows = groups->rows, *order = groups->order;
    const npy_int64 *offsets = groups->offsets;
    (void)order; (void)offsets; (void)num_lookups; (void)operand_layouts;
    (void)buffers; (void)slot;
%(shared)s
    for (npy_int64 u = begin; u < end; u++) {
        const npy_int64 row = rows[u];
        if (u + num_ahead < num_rows) {
            const npy_int64 ahead = rows[u + num_ahead];
%(prefetches)s
        }
%(reads)s
%(steps)s
%(writes)s
    }
}

template <npy_intp UNITS>
static void row_update_loop_%(name)s(
    const row_groups *groups, const row_layout *table_layouts,
    const row_layout *operand_layouts, npy_intp units, int num_threads, char *scratch,
    npy_intp slot)
{
    const npy_int64 num_rows = groups->num_rows;
    if (num_threads == 1) {
        row_update_rows_%(name)s<UNITS>(groups, table_layouts, operand_layouts, units,
                                        scratch, slot, 0, num_rows);
        return;
    }
    #pragma omp parallel for num_threads(num_threads) schedule(dynamic)
    for (npy_int64 begin = 0; begin < num_rows; begin += ROW_UPDATE_CHUNK) {
        const npy_int64 end = begin + ROW_UPDATE_CHUNK;
        row_update_rows_%(name)s<UNITS>(groups, table_layouts, operand_layouts, units,
                                        scratch + slot * %(num_slots)d * row_thread(),
                                        slot, begin, end < num_rows ? end : num_rows);
    }
}
"""

_FUNCTION = """
static int row_update_%(name)s(const row_groups *groups, PyArrayObject **tables,
                               PyArrayObject **operands, PyArrayObject ***outputs)
{
    static const row_spec table_specs[] = {%(table_specs)s};
    static const row_spec operand_specs[] = {%(operand_specs)s};
    static const bool in_place[] = {%(in_place)s};
    row_layout table_layouts[%(num_tables)d], operand_layouts[%(num_arrays)d + 1];
    const row_layout *first = NULL;
    row_layouts_init(table_layouts, tables, table_specs, %(num_tables)d);
    row_layouts_init(operand_layouts, operands, operand_specs, %(num_operands)d);
    if (row_check(groups, table_specs, %(num_tables)d, table_layouts, &first) < 0 ||
        row_check(groups, operand_specs, %(num_operands)d, operand_layouts, &first) < 0)
        return -1;
    const npy_intp num_units = first == NULL ? 1 : first->num_units;
    const int num_threads = lasagne_sparse_threads(
        num_units * (groups->num_rows * %(row_bytes)d
                     + groups->num_lookups * %(lookup_bytes)d),
        ROW_UPDATE_BYTES_PER_THREAD);
    const npy_intp slot = (num_units * %(max_item)d + 63) / 64 * 64;
    char *memory, *scratch = row_scratch(slot * %(num_slots)d * num_threads, &memory);
    if (scratch == NULL) return -1;
    if (row_outputs(%(num_tables)d, tables, outputs, in_place, table_layouts) < 0) {
        free(memory);
        return -1;
    }
    /* from here on nothing fails */
    (num_units == %(units)d ? row_update_loop_%(name)s<%(units)d>
                            : row_update_loop_%(name)s<0>)(
        groups, table_layouts, operand_layouts, num_units, num_threads, scratch, slot);
    free(memory);
    return 0;
}
"""


def row_kernel(name, program, tables, operands, inplace, num_units):
    """Writes the C function of a row update

    Parameters
    ----------
    name : str
        The function is ``row_update_<name>``.
    program : RowProgram
    tables : list of (str, int)
        The C type and the bytes of an element of each table.
    operands : list of (str, int)
        The same of each operand.
    inplace : tuple of int
        The positions of the tables that are written where they are.
    num_units : int
        The loop is specialised for rows of so many elements; 0 for none.

    Returns
    -------
    str
    """
    scratch = _Scratch()
    arrays = _Arrays(program, tables, operands, scratch)
    num_units_tables = [
        size for scope, (_, size) in zip(program.tables, tables) if scope == "unit"
    ]
    lookups = [
        size
        for operand, (_, size) in zip(program.operands, operands)
        if operand.kind == "summed" and operand.scope == "unit"
    ]
    steps = [_step(step, name, i, arrays) for i, step in enumerate(program.steps)]
    sizes = [size for _, size in tables + operands]
    sizes += [_c_size(dtype) for dtype in program.buffers]
    return (_LOOP_OVER_ROWS + _FUNCTION) % dict(
        name=name,
        units=num_units,
        table_specs=", ".join(
            "{ROW_TABLE, %s, 1}" % _c_bool(scope == "unit") for scope in program.tables
        ),
        operand_specs=", ".join(
            "{ROW_%s, %s, %d}" % (o.kind.upper(), _c_bool(o.scope == "unit"), o.count)
            for o in program.operands
        )
        or "{ROW_SHARED, false, 0}",
        in_place=", ".join(_c_bool(i in inplace) for i in range(len(tables))),
        num_tables=len(tables),
        num_operands=len(operands),
        num_arrays=sum(operand.count for operand in program.operands),
        table_bytes=sum(num_units_tables),
        row_bytes=2 * sum(num_units_tables),
        lookup_bytes=sum(lookups),
        max_item=max(sizes),
        num_slots=scratch.num_slots,
        shared="\n".join(arrays.shared),
        prefetches="\n".join(arrays.prefetches),
        reads="\n".join(arrays.reads),
        steps="\n".join(steps),
        writes="\n".join(arrays.writes),
    )


def _c_bool(value):
    return "true" if value else "false"


def _c_type(dtype):
    return "npy_" + dtype


def _c_size(dtype):
    return int(dtype.strip("abcdefghijklmnopqrstuvwxyz") or 8) // 8


class _Scratch:
    """Hands out slots of the buffer of a thread."""

    def __init__(self):
        self.num_slots = 0

    def __call__(self, c_type):
        self.num_slots += 1
        return "(%s *)(buffers + %d * slot)" % (c_type, self.num_slots - 1)


class _Arrays:
    """The declarations of the values of a row, and how they are read and written.

    A value of scope 'unit' is a pointer to the row's elements, one of scope 'row' is
    a number; both bear the name of their slot.
    """

    def __init__(self, program, tables, operands, scratch):
        self.program = program
        self.tables, self.operands = tables, operands
        self.scratch = scratch
        self.shared, self.prefetches, self.reads, self.writes = [], [], [], []
        for i, (scope, (c_type, _)) in enumerate(zip(program.tables, tables)):
            self._table(i, scope, c_type)
        start = 0
        for i, (operand, (c_type, _)) in enumerate(zip(program.operands, operands)):
            self._operand(i, operand, c_type, "operand_layouts + %d" % start)
            start += operand.count
        for i, dtype in enumerate(program.numbers):
            self.reads.append("%s number_%d;" % (_c_type(dtype), i))
        for i, dtype in enumerate(program.buffers):
            c_type = _c_type(dtype)
            self.reads.append(
                "%s *__restrict__ buffer_%d = %s;" % (c_type, i, scratch(c_type))
            )

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
        if operand.kind == "gathered":
            self._prefetch(0, layout, operand.scope, c_type)
        text = _READS[operand.kind, operand.scope]
        for name in ("slot_a", "slot_b"):
            if "%(" + name in text:
                values[name] = self.scratch(c_type)
        place = self.shared if operand.kind == "shared" else self.reads
        place.append(text % values)

    def _prefetch(self, for_write, layout, scope, c_type):
        units = "num_units" if scope == "unit" else "1"
        self.prefetches.append(
            "row_prefetch<%d>(%s, ahead, %s * sizeof(%s));"
            % (for_write, layout, units, c_type)
        )

    def c_type(self, slot):
        """Returns the C type of a slot's elements"""
        if slot.kind == "table":
            return self.tables[slot.position][0]
        if slot.kind == "operand":
            return self.operands[slot.position][0]
        dtypes = self.program.numbers if slot.kind == "number" else self.program.buffers
        return _c_type(dtypes[slot.position])

    def has_units(self, slot):
        """Tells whether a slot has one number per unit"""
        if slot.kind == "table":
            return self.program.tables[slot.position] == "unit"
        if slot.kind == "operand":
            return self.program.operands[slot.position].scope == "unit"
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
    ("last", "unit"): _LAST
    + _UNITS
    + "row_read<%(type)s>(found_%(i)d, last_%(i)d, %(slot_a)s);",
    ("last", "row"): _LAST + _NUMBER + "row_number<%(type)s>(found_%(i)d, last_%(i)d);",
    ("aligned", "unit"): _UNITS + "row_read<%(type)s>(%(layout)s, u, %(slot_a)s);",
    ("aligned", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, u);",
    ("gathered", "unit"): _UNITS + "row_read<%(type)s>(%(layout)s, row, %(slot_a)s);",
    ("gathered", "row"): _NUMBER + "row_number<%(type)s>(%(layout)s, row);",
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


def _step(step, name, i, arrays):
    """Writes a step: a loop over the units, or one evaluation per row."""
    units = step.scope == "unit"
    inputs = ["x%d" % k for k in range(len(step.inputs))]
    outputs = ["y%d" % k for k in range(step.composite.nout)]
    lines = []
    for x, slot in zip(inputs, step.inputs):
        element = "[d]" if arrays.has_units(slot) else ""
        lines.append(
            "const %s %s = %s_%d%s;" % (arrays.c_type(slot), x, *slot, element)
        )
    for y, scalar in zip(outputs, step.composite.outputs):
        lines.append("%s %s;" % (scalar.type.dtype_specs()[1], y))
    lines.append(
        step.composite.c_code(None, step_name(name, i), inputs, outputs, dict(fail=""))
    )
    totals = [store for store in step.stores if store.total is not None]
    lines += [_store(store, units, arrays) for store in step.stores]
    body = "\n".join(lines)
    if not units:
        return "{\n%s\n}" % body
    names = ["total_%d" % store.target.position for store in totals]
    return _LOOP % dict(
        totals=" ".join(
            "%s %s = 0;" % (_c_type(store.total), total)
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


def step_name(name, i):
    """Returns the name of a step's composite in the C text"""
    return "%s_step_%d" % (name, i)


def _store(store, units, arrays):
    """Writes what becomes of one output of a composite."""
    target = store.target
    if store.total is not None:
        return "total_%d += (%s)y%d;" % (
            target.position,
            _c_type(store.total),
            store.position,
        )
    value = "(%s)y%d" % (arrays.c_type(target), store.position)
    if target.kind == "table" and not units:
        return "row_number_write<%s>(table_layouts + %d, row, %s);" % (
            arrays.c_type(target),
            target.position,
            value,
        )
    return "%s_%d%s = %s;" % (
        target.kind,
        target.position,
        "[d]" if units else "",
        value,
    )
