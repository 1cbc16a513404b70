/* What rows, and arrays of rows, must be, for the kernels of row_update and of the
   GPU: all is checked before the first row is written, since a kernel cannot raise. */
#include <string.h>

#ifndef LASAGNE_SPARSE_ROW_CHECKS
#define LASAGNE_SPARSE_ROW_CHECKS

/* Which rows to visit, and the lookups of each; `rows` is NULL for 0, 1, 2, ... */
struct row_groups {
    PyArrayObject *vectors[3];
    const npy_int64 *rows, *order, *offsets;
    npy_int64 num_rows, num_lookups, max_row, max_position;
};

/* An array of rows, as it lies in memory. */
struct row_array {
    npy_intp num_rows;
    npy_intp step;       /* bytes from one row to the next */
    npy_intp num_units;  /* elements of a row */
    bool direct;         /* they lie side by side, aligned */
    int num_dims;        /* of a row */
    npy_intp dims[NPY_MAXDIMS], strides[NPY_MAXDIMS];
};

static void row_groups_free(row_groups *groups)
{
    for (int i = 0; i < 3; i++) Py_XDECREF(groups->vectors[i]);
}

/* Reads rows, order and offsets; to be freed also after an error. */
static int row_groups_init(row_groups *groups, PyArrayObject *rows,
                           PyArrayObject *order, PyArrayObject *offsets)
{
    PyArrayObject *vectors[3] = {rows, order, offsets};
    const npy_int64 *data[3] = {NULL, NULL, NULL};
    memset(groups, 0, sizeof(*groups));
    for (int i = 0; i < 3; i++) {
        if (vectors[i] == NULL) continue;
        groups->vectors[i] = PyArray_GETCONTIGUOUS(vectors[i]);
        if (groups->vectors[i] == NULL) return -1;
        data[i] = (const npy_int64 *)PyArray_DATA(groups->vectors[i]);
    }
    groups->rows = data[0];
    groups->order = data[1];
    groups->offsets = data[2];
    groups->num_lookups = PyArray_DIM(order, 0);
    const npy_int64 num_offsets = PyArray_DIM(offsets, 0);
    groups->num_rows = rows == NULL ? num_offsets - 1 : PyArray_DIM(rows, 0);
    if (num_offsets == 0 || num_offsets != groups->num_rows + 1) {
        PyErr_Format(PyExc_ValueError,
                     "offsets must have one entry more than there are rows: "
                     "expected %lld, got %lld", (long long)groups->num_rows + 1,
                     (long long)num_offsets);
        return -1;
    }
    npy_int64 max_row = -1, min_row = 0;
    bool ascends = groups->offsets[0] >= 0 &&
        groups->offsets[groups->num_rows] <= groups->num_lookups;
    for (npy_int64 u = 0; u < groups->num_rows; u++) {
        const npy_int64 row = rows == NULL ? u : groups->rows[u];
        max_row = row > max_row ? row : max_row;
        min_row = row < min_row ? row : min_row;
        ascends &= groups->offsets[u] <= groups->offsets[u + 1];
    }
    if (!ascends) {
        PyErr_Format(PyExc_IndexError,
                     "offsets must ascend from 0 to at most %lld, the length of order",
                     (long long)groups->num_lookups);
        return -1;
    }
    npy_int64 max_position = -1, min_position = 0;
    for (npy_int64 j = 0; j < groups->num_lookups; j++) {
        const npy_int64 position = groups->order[j];
        max_position = position > max_position ? position : max_position;
        min_position = position < min_position ? position : min_position;
    }
    groups->max_row = min_row < 0 ? NPY_MAX_INT64 : max_row;
    groups->max_position = min_position < 0 ? NPY_MAX_INT64 : max_position;
    return 0;
}

/* What an array is to the program: the kinds of row_program.Operand, or a table. */
enum row_kind {
    ROW_TABLE, ROW_SUMMED, ROW_LOOKUP, ROW_OF_BAG, ROW_LAST, ROW_ALIGNED, ROW_GATHERED,
    ROW_SHARED, ROW_COUNT
};

struct row_spec {
    row_kind kind;
    bool has_units;  /* else one number per row */
    int count;       /* arrays that are concatenated along their first axis */
};

static const char *row_what(const row_spec *spec)
{
    return spec->kind == ROW_TABLE ? "table" : "operand";
}

/* Lets an array of one row serve as all of them, as NumPy broadcasts. */
template <typename Array>
static int row_repeat(Array *array)
{
    array->step = 0;
    return 0;
}

/* Have the arrays the rows that the program will ask for? */
template <typename Array>
static int row_check_rows(const row_groups *groups, const row_spec *spec,
                          Array *arrays, int position)
{
    npy_int64 num_rows = 0, most = groups->max_row;
    for (int i = 0; i < spec->count; i++) num_rows += arrays[i].num_rows;
    if (spec->kind == ROW_SHARED || spec->kind == ROW_COUNT) return 0;
    if (spec->kind == ROW_OF_BAG) return 0;  /* see row_check_bags */
    if (spec->kind == ROW_ALIGNED) {
        if (num_rows == groups->num_rows) return 0;
        if (num_rows == 1) return row_repeat(arrays);
        PyErr_Format(PyExc_ValueError,
                     "operand %d has %lld rows: expected %lld, as many as are updated",
                     position, (long long)num_rows, (long long)groups->num_rows);
        return -1;
    }
    if (spec->kind == ROW_SUMMED || spec->kind == ROW_LOOKUP ||
        spec->kind == ROW_LAST) {
        most = groups->max_position;
        if (num_rows == 1 && spec->count == 1 && spec->kind != ROW_LOOKUP) {
            row_repeat(arrays);
            num_rows = groups->num_lookups;
        }
        if (num_rows != groups->num_lookups) {
            PyErr_Format(PyExc_ValueError,
                         "operand %d has %lld rows: expected %lld, one for each lookup",
                         position, (long long)num_rows, (long long)groups->num_lookups);
            return -1;
        }
    }
    if (spec->kind == ROW_LAST) {
        for (npy_int64 u = 0; u < groups->num_rows; u++) {
            if (groups->offsets[u] < groups->offsets[u + 1]) continue;
            PyErr_Format(PyExc_ValueError, "row %lld has no lookup whose value it could "
                         "take", (long long)groups->rows[u]);
            return -1;
        }
    }
    if (most < num_rows) return 0;
    PyErr_Format(PyExc_IndexError, "row %lld is out of range for %s %d with %lld rows",
                 (long long)most, row_what(spec), position, (long long)num_rows);
    return -1;
}

/* The array whose rows have the shape of all: where there is no table, one that need
   not stretch. */
template <typename Array>
static const Array *row_first(const row_spec *specs, int num_specs, const Array *arrays)
{
    const Array *first = NULL;
    int most = -1;
    for (int i = 0; i < num_specs; arrays += specs[i++].count) {
        if (!specs[i].has_units) continue;
        int dims = specs[i].kind == ROW_SHARED ? 0 : NPY_MAXDIMS;
        for (int d = 0; d < arrays->num_dims; d++) dims += arrays->dims[d] != 1;
        if (dims > most) {
            first = arrays;
            most = dims;
        }
    }
    return first;
}

/* Have the rows the shape of those of the first one? A dimension of 1 stretches. */
static int row_check_units(const row_array *first, const row_spec *spec,
                           row_array *array, int position)
{
    const bool stretches = spec->kind != ROW_TABLE && spec->kind != ROW_LOOKUP &&
        spec->kind != ROW_OF_BAG;
    while (spec->kind == ROW_SHARED && array->num_dims > first->num_dims &&
           array->dims[0] == 1) {  /* the axis of the rows may be there or not */
        array->num_dims--;
        memmove(array->dims, array->dims + 1, array->num_dims * sizeof(npy_intp));
        memmove(array->strides, array->strides + 1,
                array->num_dims * sizeof(npy_intp));
    }
    const int extra = first->num_dims - array->num_dims;
    bool good = stretches ? extra >= 0 : extra == 0;
    bool same = extra == 0;
    for (int i = first->num_dims - 1; good && i >= 0; i--) {
        const npy_intp dim = i >= extra ? array->dims[i - extra] : 1;
        good = dim == first->dims[i] || (stretches && dim == 1);
        same &= dim == first->dims[i];
    }
    if (!good) {
        PyErr_Format(PyExc_ValueError,
                     "the rows of %s %d have %lld elements in %d dimensions: they do "
                     "not fit rows of %lld elements in %d dimensions",
                     row_what(spec), position, (long long)array->num_units,
                     array->num_dims, (long long)first->num_units, first->num_dims);
        return -1;
    }
    if (same) return 0;
    /* read it as if it had the full shape: a stride of zero repeats an element */
    for (int i = first->num_dims - 1; i >= 0; i--) {
        const npy_intp dim = i >= extra ? array->dims[i - extra] : 1;
        array->strides[i] = dim == 1 ? 0 : array->strides[i - extra];
        array->dims[i] = first->dims[i];
    }
    array->num_dims = first->num_dims;
    array->num_units = first->num_units;
    array->direct = false;
    return 0;
}

/* Checks the arrays of tables or operands, `arrays` being those of all of them, one
   after the other; `first` becomes the one with units that the rows of all must fit. */
template <typename Array>
static int row_check(const row_groups *groups, const row_spec *specs, int num_specs,
                     Array *arrays, const Array **first)
{
    if (*first == NULL) *first = row_first(specs, num_specs, arrays);
    for (int i = 0; i < num_specs; arrays += specs[i++].count) {
        for (int j = 0; j < specs[i].count; j++) {
            if (specs[i].has_units) {
                if (row_check_units(*first, specs + i, arrays + j, i) < 0) return -1;
            } else if (arrays[j].num_units != 1) {
                PyErr_Format(PyExc_ValueError,
                             "the rows of %s %d have %lld elements: expected 1",
                             row_what(specs + i), i, (long long)arrays[j].num_units);
                return -1;
            }
        }
        if (row_check_rows(groups, specs + i, arrays, i) < 0) return -1;
    }
    return 0;
}

#endif
