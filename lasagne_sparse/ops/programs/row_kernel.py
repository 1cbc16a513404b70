"""The C loop of a row update, written from its program.

What is the same for every program, all of the checks among it, is in
``rows/row_update.h``; what follows from the program is the body of the loop.
"""

from .row_loops import Arrays, Scratch, c_bool, c_size, evaluate, part_name, step_text
from .row_program import Slot

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
%(sums)s
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
    const npy_int64 chunk = num_threads == 1 ? num_rows + 1 : ROW_UPDATE_CHUNK;
    lasagne_sparse_for(num_threads, (num_rows + chunk - 1) / chunk, [&](npy_int64 i) {
        const npy_int64 begin = i * chunk, end = begin + chunk;
        char *own = scratch + slot * %(num_slots)d * lasagne_sparse_thread();
        row_update_rows_%(name)s<UNITS>(groups, table_layouts, operand_layouts, units,
                                        own, slot, begin,
                                        end < num_rows ? end : num_rows);
    });
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
        row_check(groups, operand_specs, %(num_operands)d, operand_layouts, &first) < 0
        %(bags)s)
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
    scratch = Scratch()
    arrays = Arrays(program, tables, operands, scratch)
    num_units_tables = [
        size for scope, (_, size) in zip(program.tables, tables) if scope == "unit"
    ]
    lookups = [
        size
        for operand, (_, size) in zip(program.operands, operands)
        if operand.kind in ("summed", "lookup", "of_bag") and operand.scope == "unit"
    ]
    sums = [_sum(part, i, name, arrays) for i, part in enumerate(program.sums)]
    steps = [
        step_text(step, part_name(name, i), arrays)
        for i, step in enumerate(program.steps, len(sums))
    ]
    sizes = [size for _, size in tables + operands]
    sizes += [c_size(dtype) for dtype in program.buffers]
    sizes += [c_size(part.composite.outputs[0].dtype) for part in program.sums]
    return (_LOOP_OVER_ROWS + _FUNCTION) % dict(
        name=name,
        units=num_units,
        table_specs=", ".join(
            "{ROW_TABLE, %s, 1}" % c_bool(scope == "unit") for scope in program.tables
        ),
        operand_specs=", ".join(
            "{ROW_%s, %s, %d}" % (o.kind.upper(), c_bool(o.scope == "unit"), o.count)
            for o in program.operands
        )
        or "{ROW_SHARED, false, 0}",
        bags="\n".join("|| row_check_bags<%s>(%s) < 0" % bag for bag in arrays.bags),
        in_place=", ".join(c_bool(i in inplace) for i in range(len(tables))),
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
        sums="\n".join(sums),
        steps="\n".join(steps),
        writes="\n".join(arrays.writes),
    )


_SUM = """%(declaration)s
for (npy_int64 j = offsets[u]; j < offsets[u + 1]; j++) {
    const bool is_first = j == offsets[u];
    if (j + ROW_UPDATE_AHEAD < num_lookups) {
        const npy_int64 ahead = order[j + ROW_UPDATE_AHEAD];
        %(prefetches)s
    }
    const npy_int64 position = order[j];
    %(reads)s
    %(add)s
}
"""
_ADD = """if (is_first) {
    #pragma omp simd
    for (npy_intp d = 0; d < num_units; d++) {
        %(body)s
        sum_%(i)d[d] = y0;
    }
} else {
    #pragma omp simd
    for (npy_intp d = 0; d < num_units; d++) {
        %(body)s
        sum_%(i)d[d] += y0;
    }
}"""
_ADD_NUMBER = """%(body)s
sum_%(i)d = is_first ? y0 : sum_%(i)d + y0;"""


def _sum(part, i, name, arrays):
    """Writes a sum over the lookups of a row."""
    c_type = arrays.c_type(Slot("sum", i))
    lookups = [
        arrays.lookups[slot.position]
        for slot in part.inputs
        if slot.kind == "operand" and slot.position in arrays.lookups
    ]
    declaration, add = "%s sum_%d = 0;" % (c_type, i), _ADD_NUMBER
    if part.scope == "unit":
        declaration = (
            "%(type)s *__restrict__ sum_%(i)d = %(slot)s;\n"
            "if (offsets[u] == offsets[u + 1])\n"
            "    memset(sum_%(i)d, 0, num_units * sizeof(%(type)s));"
        ) % dict(type=c_type, i=i, slot=arrays.scratch(c_type))
        add = _ADD
    body = "\n".join(evaluate(part, part_name(name, i), arrays))
    return _SUM % dict(
        declaration=declaration,
        prefetches="\n".join(prefetch for prefetch, _ in lookups),
        reads="\n".join(read for _, read in lookups),
        add=add % dict(body=body, i=i),
    )
