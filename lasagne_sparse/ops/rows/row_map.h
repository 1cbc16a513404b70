/* The Op RowMap: the rows of the lookups, and where the results go.

   Needs threads.h, arrays.h, bounds.h, row_checks.h and row_update.h. */

#ifndef LASAGNE_SPARSE_ROW_MAP
#define LASAGNE_SPARSE_ROW_MAP

/* The rows to read of each table. */
struct row_lookups {
    npy_int64 num_lookups;
    int num_tables;
    npy_int64 **rows;
};

struct row_map_output {
    bool has_units;  /* else one number per lookup */
    int num_dims;
    int type_num;
};

static void row_lookups_free(row_lookups *lookups)
{
    for (int i = 0; i < lookups->num_tables; i++) free(lookups->rows[i]);
}

/* Adds the indices of a table; `names` are those of all tables, a str or None each. */
template <typename index_t>
static int row_lookups_add(row_lookups *lookups, PyArrayObject *table,
                           PyArrayObject *indices, PyObject *names)
{
    const int i = lookups->num_tables;
    const npy_int64 num_lookups = PyArray_DIM(indices, 0);
    if (i > 0 && num_lookups != lookups->num_lookups) {
        PyErr_Format(PyExc_ValueError,
                     "%lld rows of one table meet %lld of another: expected as many "
                     "indices of both", (long long)lookups->num_lookups,
                     (long long)num_lookups);
        return -1;
    }
    lookups->num_lookups = num_lookups;
    npy_int64 *rows = (npy_int64 *)lasagne_sparse_rows<index_t>(
        indices, PyArray_DIM(table, 0), PyTuple_GET_ITEM(names, i));
    if (rows == NULL) return -1;
    lookups->rows[lookups->num_tables++] = rows;
    return 0;
}

/* The operand whose rows have the shape of all; NULL if all have a number per row. */
static const row_layout *row_map_first(const row_layout *layouts,
                                       const row_spec *specs, int num_specs)
{
    for (int i = 0; i < num_specs; i++)
        if (specs[i].has_units && specs[i].kind != ROW_SHARED) return layouts + i;
    return NULL;
}

/* Have all operands the rows and units that the program will ask for? */
static int row_map_check(const row_lookups *lookups, const row_spec *specs,
                         int num_specs, row_layout *layouts, npy_intp *num_units)
{
    row_groups groups;
    const row_layout *first = row_map_first(layouts, specs, num_specs);
    memset(&groups, 0, sizeof(groups));
    groups.num_rows = groups.num_lookups = lookups->num_lookups;
    groups.max_row = groups.max_position = -1;
    if (row_check(&groups, specs, num_specs, layouts, &first) < 0) return -1;
    *num_units = first == NULL ? 1 : first->num_units;
    return 0;
}

/* Makes the arrays of the results. */
static int row_map_outputs(const row_lookups *lookups, const row_layout *layouts,
                           const row_spec *specs, int num_specs,
                           const row_map_output *outputs, int num_outputs,
                           PyArrayObject ***arrays, char **data)
{
    const row_layout *first = row_map_first(layouts, specs, num_specs);
    for (int i = 0; i < num_outputs; i++) {
        npy_intp dims[NPY_MAXDIMS];
        dims[0] = lookups->num_lookups;
        for (int d = 1; d < outputs[i].num_dims; d++)
            dims[d] = outputs[i].has_units ? first->dims[d - 1] : 1;
        if (lasagne_sparse_ensure(arrays[i], outputs[i].num_dims, dims,
                                  outputs[i].type_num) < 0)
            return -1;
        data[i] = PyArray_BYTES(*arrays[i]);
    }
    return 0;
}

/* Adds up the sums of all chunks, in their order. */
static int row_map_totals(const double *sums, npy_int64 num_chunks, const int *types,
                          int num_totals, PyArrayObject ***totals)
{
    for (int i = 0; i < num_totals; i++) {
        double total = 0;
        for (npy_int64 chunk = 0; chunk < num_chunks; chunk++)
            total += sums[chunk * num_totals + i];
        if (lasagne_sparse_ensure(totals[i], 0, NULL, types[i]) < 0) return -1;
        if (types[i] == NPY_FLOAT64) *(npy_float64 *)PyArray_DATA(*totals[i]) = total;
        else *(npy_float32 *)PyArray_DATA(*totals[i]) = (npy_float32)total;
    }
    return 0;
}

#endif
