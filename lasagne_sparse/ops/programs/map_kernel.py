"""The C loop of a map over lookups, written from its program.

What is the same for every program is in ``rows/row_map.h``; what follows from the
program is the body of the loop.
"""

from .row_loops import Arrays, Scratch, c_bool, c_name, c_size, part_name, step_text

__all__ = ["map_kernel"]

_LOOP = """
template <npy_intp UNITS>
static __attribute__((noinline)) void row_map_rows_%(name)s(
    const row_layout *operand_layouts, npy_int64 *const *rows, char *const *outputs,
    double *__restrict__ totals, npy_intp units, char *buffers, npy_intp slot,
    npy_int64 begin, npy_int64 end, npy_int64 num_lookups)
{
    const npy_intp num_units = UNITS ? UNITS : units;
    const npy_int64 num_ahead = row_num_ahead(num_units * %(table_bytes)d);
    (void)rows; (void)outputs; (void)totals; (void)buffers; (void)slot;
    (void)num_ahead; (void)num_lookups;
%(shared)s
    for (npy_int64 position = begin; position < end; position++) {
        if (position + num_ahead < num_lookups) {
            const npy_int64 ahead = position + num_ahead;
            (void)ahead;
%(prefetches)s
        }
%(outputs)s
%(reads)s
%(steps)s
    }
}
"""

_FUNCTION = """
static int row_map_%(name)s(PyArrayObject **operands, row_lookups *lookups,
                            PyArrayObject ***outputs, PyArrayObject ***totals)
{
    static const row_spec operand_specs[] = {%(operand_specs)s};
    static const row_map_output output_specs[] = {%(output_specs)s};
    static const int total_types[] = {%(total_types)s};
    row_layout layouts[%(num_operands)d];
    char *data[%(num_outputs)d + 1], *memory;
    npy_intp num_units;
    row_layouts_init(layouts, operands, operand_specs, %(num_operands)d);
    if (row_map_check(lookups, operand_specs, %(num_operands)d, layouts, &num_units) < 0
        || row_map_outputs(lookups, layouts, operand_specs, %(num_operands)d,
                           output_specs, %(num_outputs)d, outputs, data) < 0)
        return -1;
    const npy_int64 num_lookups = lookups->num_lookups;
    const npy_int64 num_chunks =
        (num_lookups + ROW_UPDATE_CHUNK - 1) / ROW_UPDATE_CHUNK;
    const int num_threads = lasagne_sparse_threads(
        num_units * num_lookups * %(lookup_bytes)d, ROW_UPDATE_BYTES_PER_THREAD);
    const npy_intp slot = (num_units * %(max_item)d + 63) / 64 * 64;
    const npy_intp sums_size = num_chunks * %(num_totals)d * sizeof(double);
    char *scratch =
        row_scratch(slot * %(num_slots)d * num_threads + sums_size, &memory);
    if (scratch == NULL) return -1;
    double *sums = (double *)(scratch + slot * %(num_slots)d * num_threads);
    memset(sums, 0, sums_size);
    auto *const loop = num_units == %(units)d ? row_map_rows_%(name)s<%(units)d>
                                              : row_map_rows_%(name)s<0>;
    /* A chunk has a sum of its own: the same bits for any number of threads. */
    lasagne_sparse_for(num_threads, num_threads, [&](npy_int64 t) {
        char *own = scratch + slot * %(num_slots)d * t;
        const npy_int64 last = num_chunks * (t + 1) / num_threads;
        for (npy_int64 chunk = num_chunks * t / num_threads; chunk < last; chunk++) {
            const npy_int64 begin = chunk * ROW_UPDATE_CHUNK;
            const npy_int64 end = begin + ROW_UPDATE_CHUNK;
            loop(layouts, lookups->rows, data, sums + chunk * %(num_totals)d, num_units,
                 own, slot, begin, end < num_lookups ? end : num_lookups, num_lookups);
        }
    });
    const int failed =
        row_map_totals(sums, num_chunks, total_types, %(num_totals)d, totals);
    free(memory);
    return failed;
}
"""


class _MapArrays(Arrays):
    """As for an update, but each table is read at indices of its own."""

    def __init__(self, program, operands, scratch):
        self.tables_before = [
            sum(operand.kind == "gathered" for operand in program.operands[:i])
            for i in range(len(program.operands))
        ]
        super().__init__(program, [], operands, scratch)
        # There is nothing but lookups here.
        for prefetch, read in self.lookups.values():
            self.prefetches.append(prefetch)
            self.reads.append(read)

    def row_of(self, i):
        return "rows[%d][position]" % self.tables_before[i]

    def row_ahead(self, i):
        return "rows[%d][ahead]" % self.tables_before[i]


def map_kernel(name, program, operands, num_units):
    """Writes the C function of a map

    Parameters
    ----------
    name : str
        The function is ``row_map_<name>``.
    program : MapProgram
    operands : list of (str, int)
        The C type and the bytes of an element of each operand.
    num_units : int
        The loop is specialised for rows of so many elements; 0 for none.

    Returns
    -------
    str
    """
    scratch = Scratch()
    arrays = _MapArrays(program, operands, scratch)
    steps = [
        step_text(step, part_name(name, i), arrays)
        for i, step in enumerate(program.steps)
    ]
    with_units = [
        (operand.kind, size)
        for operand, (_, size) in zip(program.operands, operands)
        if operand.scope == "unit"
    ]
    written = [c_size(o.dtype) for o in program.outputs if o.scope == "unit"]
    sizes = [size for _, size in operands]
    sizes += [c_size(dtype) for dtype in program.buffers]
    return (_LOOP + _FUNCTION) % dict(
        name=name,
        units=num_units,
        operand_specs=", ".join(
            "{ROW_%s, %s, 1}" % (o.kind.upper(), c_bool(o.scope == "unit"))
            for o in program.operands
        ),
        output_specs=", ".join(
            "{%s, %d, NPY_%s}" % (c_bool(scope == "unit"), num_dims, dtype.upper())
            for scope, dtype, num_dims in program.outputs
        )
        or "{false, 0, 0}",
        total_types=", ".join("NPY_" + dtype.upper() for dtype in program.totals)
        or "0",
        num_operands=len(operands),
        num_outputs=len(program.outputs),
        num_totals=len(program.totals),
        table_bytes=sum(size for kind, size in with_units if kind == "gathered"),
        lookup_bytes=sum(size for _, size in with_units) + sum(written),
        max_item=max(sizes),
        num_slots=scratch.num_slots,
        shared="\n".join(arrays.shared),
        prefetches="\n".join(arrays.prefetches),
        outputs="\n".join(
            "%(type)s *__restrict__ output_%(i)d = (%(type)s *)outputs[%(i)d] + "
            "position%(units)s;"
            % dict(
                type=c_name(output.dtype),
                i=i,
                units=" * num_units" if output.scope == "unit" else "",
            )
            for i, output in enumerate(program.outputs)
        ),
        reads="\n".join(arrays.reads),
        steps="\n".join(steps),
    )
