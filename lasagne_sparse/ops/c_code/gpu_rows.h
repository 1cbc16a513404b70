/* The host's part of kernels that work row by row: checks, and the plan.

   The plan is one vector of 64-bit integers, and all that travels to the device for a
   call: the shape of a row, the layout of each array, then rows, order and offsets.
   Everything is checked before it is sent: a kernel cannot raise. */
#include <vector>

#ifndef LASAGNE_SPARSE_GPU_ROWS
#define LASAGNE_SPARSE_GPU_ROWS

#define GPU_ROWS_THREADS 128
#define GPU_ROWS_BLOCKS 65535

/* What an array is to the program: the kinds of row_program.Operand, or a table. */
enum gpu_rows_kind {
    GPU_TABLE, GPU_SUMMED, GPU_LAST, GPU_ALIGNED, GPU_GATHERED, GPU_SHARED, GPU_COUNT
};

struct gpu_rows_spec {
    gpu_rows_kind kind;
    bool has_units;  /* else one number per row */
    int count;       /* arrays that are concatenated along their first axis */
};

struct gpu_rows_groups {
    const npy_int64 *rows, *order, *offsets;
    npy_int64 num_rows, num_lookups, max_row, max_position;
};

struct gpu_rows_array {
    npy_int64 offset, step, num_rows;
    int num_dims;  /* of a row */
    npy_int64 dims[NPY_MAXDIMS], strides[NPY_MAXDIMS];
};

static PyArrayObject *gpu_rows_vector(PyArrayObject *vector)
{
    return (PyArrayObject *)PyArray_GETCONTIGUOUS(vector);
}

/* Reads rows, order and offsets; `rows` is NULL for 0, 1, 2, ... */
static int gpu_rows_groups_init(gpu_rows_groups *groups, PyArrayObject *rows,
                                PyArrayObject *order, PyArrayObject *offsets)
{
    groups->rows = rows == NULL ? NULL : (const npy_int64 *)PyArray_DATA(rows);
    groups->order = (const npy_int64 *)PyArray_DATA(order);
    groups->offsets = (const npy_int64 *)PyArray_DATA(offsets);
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
    npy_int64 max_row = rows == NULL ? groups->num_rows - 1 : -1, min_row = 0;
    bool ascends = groups->offsets[0] >= 0 &&
        groups->offsets[groups->num_rows] <= groups->num_lookups;
    for (npy_int64 u = 0; u < groups->num_rows; u++) {
        if (rows != NULL) {
            max_row = groups->rows[u] > max_row ? groups->rows[u] : max_row;
            min_row = groups->rows[u] < min_row ? groups->rows[u] : min_row;
        }
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

static void gpu_rows_array_init(gpu_rows_array *result, PyGpuArrayObject *array,
                                bool has_rows)
{
    const int skip = has_rows ? 1 : 0;
    result->offset = (npy_int64)array->ga.offset;
    result->num_rows = has_rows ? (npy_int64)PyGpuArray_DIM(array, 0) : 1;
    result->step = has_rows ? (npy_int64)PyGpuArray_STRIDE(array, 0) : 0;
    result->num_dims = (int)PyGpuArray_NDIM(array) - skip;
    for (int i = 0; i < result->num_dims; i++) {
        result->dims[i] = (npy_int64)PyGpuArray_DIM(array, i + skip);
        result->strides[i] = (npy_int64)PyGpuArray_STRIDE(array, i + skip);
    }
}

static npy_int64 gpu_rows_num_units(const gpu_rows_array *array)
{
    npy_int64 num_units = 1;
    for (int i = 0; i < array->num_dims; i++) num_units *= array->dims[i];
    return num_units;
}

static const char *gpu_rows_what(const gpu_rows_spec *spec)
{
    return spec->kind == GPU_TABLE ? "table" : "operand";
}

/* Have the arrays of a table or an operand the rows that the kernel will ask for? */
static int gpu_rows_check_rows(const gpu_rows_groups *groups,
                               const gpu_rows_spec *spec, gpu_rows_array *arrays,
                               int position)
{
    npy_int64 num_rows = 0, most = groups->max_row;
    for (int i = 0; i < spec->count; i++) num_rows += arrays[i].num_rows;
    if (spec->kind == GPU_SHARED || spec->kind == GPU_COUNT) return 0;
    if (spec->kind == GPU_ALIGNED) {
        if (num_rows == groups->num_rows) return 0;
        if (num_rows == 1) {  /* as NumPy broadcasts */
            arrays[0].step = 0;
            return 0;
        }
        PyErr_Format(PyExc_ValueError,
                     "operand %d has %lld rows: expected %lld, as many as are updated",
                     position, (long long)num_rows, (long long)groups->num_rows);
        return -1;
    }
    if (spec->kind == GPU_SUMMED || spec->kind == GPU_LAST) {
        most = groups->max_position;
        if (num_rows != groups->num_lookups) {
            PyErr_Format(PyExc_ValueError,
                         "operand %d has %lld rows: expected %lld, one for each lookup",
                         position, (long long)num_rows, (long long)groups->num_lookups);
            return -1;
        }
    }
    if (spec->kind == GPU_LAST) {
        for (npy_int64 u = 0; u < groups->num_rows; u++) {
            if (groups->offsets[u] < groups->offsets[u + 1]) continue;
            PyErr_Format(PyExc_ValueError, "row %lld has no lookup whose value it could "
                         "take", (long long)groups->rows[u]);
            return -1;
        }
    }
    if (most < num_rows) return 0;
    PyErr_Format(PyExc_IndexError, "row %lld is out of range for %s %d with %lld rows",
                 (long long)most, gpu_rows_what(spec), position, (long long)num_rows);
    return -1;
}

/* Have the rows the shape of those of the first one? A dimension of 1 stretches. */
static int gpu_rows_check_units(const gpu_rows_array *first, const gpu_rows_spec *spec,
                                gpu_rows_array *array, int position)
{
    const bool stretches = spec->kind != GPU_TABLE && spec->kind != GPU_SUMMED;
    while (spec->kind == GPU_SHARED && array->num_dims > first->num_dims &&
           array->dims[0] == 1) {  /* the axis of the rows may be there or not */
        array->num_dims--;
        memmove(array->dims, array->dims + 1, array->num_dims * sizeof(npy_int64));
        memmove(array->strides, array->strides + 1,
                array->num_dims * sizeof(npy_int64));
    }
    const int extra = first->num_dims - array->num_dims;
    bool good = stretches ? extra >= 0 : extra == 0;
    for (int i = first->num_dims - 1; good && i >= 0; i--) {
        const npy_int64 dim = i >= extra ? array->dims[i - extra] : 1;
        good = dim == first->dims[i] || (stretches && dim == 1);
    }
    if (!good) {
        PyErr_Format(PyExc_ValueError,
                     "the rows of %s %d have %lld elements in %d dimensions: they do "
                     "not fit rows of %lld elements in %d dimensions",
                     gpu_rows_what(spec), position,
                     (long long)gpu_rows_num_units(array), array->num_dims,
                     (long long)gpu_rows_num_units(first), first->num_dims);
        return -1;
    }
    /* read it as if it had the full shape: a stride of zero repeats an element */
    for (int i = first->num_dims - 1; i >= 0; i--) {
        const npy_int64 dim = i >= extra ? array->dims[i - extra] : 1;
        array->strides[i] = dim == 1 ? 0 : array->strides[i - extra];
        array->dims[i] = first->dims[i];
    }
    array->num_dims = first->num_dims;
    return 0;
}

/* Checks all arrays and writes the plan; an array of NULL is a number that is passed
   by value. `row_dims` is the rank of a row, as the kernel was written for it. */
static int gpu_rows_plan(const gpu_rows_groups *groups, int num_tables,
                         const gpu_rows_spec *specs, int num_specs,
                         PyGpuArrayObject **arrays, int row_dims,
                         std::vector<npy_int64> *plan)
{
    std::vector<gpu_rows_array> found;
    for (int i = 0, k = 0; i < num_specs; i++)
        for (int j = 0; j < specs[i].count; j++, k++) {
            gpu_rows_array array = {0};
            if (arrays[k] != NULL)
                gpu_rows_array_init(&array, arrays[k], specs[i].kind != GPU_SHARED);
            found.push_back(array);
        }
    const gpu_rows_array *first = NULL;
    for (int i = 0, k = 0; i < num_specs && first == NULL; k += specs[i++].count)
        if (specs[i].has_units && specs[i].kind != GPU_SHARED) first = &found[k];
    for (int i = 0, k = 0; i < num_specs; k += specs[i++].count) {
        const int position = i < num_tables ? i : i - num_tables;
        for (int j = k; j < k + specs[i].count; j++) {
            if (specs[i].has_units && first != NULL) {
                if (gpu_rows_check_units(first, specs + i, &found[j], position) < 0)
                    return -1;
            } else if (arrays[j] != NULL && gpu_rows_num_units(&found[j]) != 1) {
                PyErr_Format(PyExc_ValueError,
                             "the rows of %s %d have %lld elements: expected 1",
                             gpu_rows_what(specs + i), position,
                             (long long)gpu_rows_num_units(&found[j]));
                return -1;
            }
        }
        gpu_rows_array *here = specs[i].count ? &found[k] : NULL;
        if (gpu_rows_check_rows(groups, specs + i, here, position) < 0) return -1;
    }
    plan->push_back(first == NULL ? 1 : gpu_rows_num_units(first));
    for (int i = 0; i < row_dims; i++) plan->push_back(first->dims[i]);
    for (size_t k = 0; k < found.size(); k++) {
        plan->push_back(found[k].offset);
        plan->push_back(found[k].step);
        plan->push_back(found[k].num_rows);
        for (int i = 0; i < row_dims; i++)
            plan->push_back(i < found[k].num_dims ? found[k].strides[i] : 0);
    }
    for (npy_int64 u = 0; u < groups->num_rows; u++)
        plan->push_back(groups->rows == NULL ? u : groups->rows[u]);
    plan->insert(plan->end(), groups->order, groups->order + groups->num_lookups);
    plan->insert(plan->end(), groups->offsets, groups->offsets + groups->num_rows + 1);
    return 0;
}

static int gpu_rows_error(int error, gpucontext *context, const char *what)
{
    PyErr_Format(PyExc_RuntimeError, "%s failed: %s", what,
                 gpucontext_error(context, error));
    return -1;
}

static PyGpuArrayObject *gpu_rows_send(const std::vector<npy_int64> &plan,
                                       PyGpuContextObject *context)
{
    const size_t size = plan.size();
    PyGpuArrayObject *result = pygpu_empty(1, &size, GA_LONG, GA_C_ORDER, context,
                                           Py_None);
    if (result == NULL) return NULL;
    const int error = GpuArray_write(&result->ga, &plan[0], size * sizeof(npy_int64));
    if (error != GA_NO_ERROR) {
        Py_DECREF(result);
        gpu_rows_error(error, context->ctx, "sending the rows to the GPU");
        return NULL;
    }
    return result;
}

/* A block has several rows where rows are short: `block` becomes threads per row and
   rows, `grid` the number of blocks. Both follow from the shapes alone, and so does
   the order in which a sum over the units of a row is added up. */
static void gpu_rows_shape(npy_int64 num_rows, npy_int64 num_units, size_t *grid,
                           size_t *block)
{
    block[0] = 1;
    while (block[0] < GPU_ROWS_THREADS && (npy_int64)block[0] < num_units)
        block[0] *= 2;
    block[1] = GPU_ROWS_THREADS / block[0];
    const npy_int64 wanted = (num_rows + block[1] - 1) / block[1];
    grid[0] = wanted < GPU_ROWS_BLOCKS ? wanted : GPU_ROWS_BLOCKS;
    grid[1] = 1;
}

/* Makes an output the table itself, or a copy of it. */
static int gpu_rows_output(PyGpuArrayObject **output, PyGpuArrayObject *table,
                           bool in_place)
{
    if (in_place && *output == table) return 0;
    PyGpuArrayObject *result = table;
    if (in_place) Py_INCREF(table);
    else result = pygpu_copy(table, GA_C_ORDER);
    if (result == NULL) return -1;
    Py_XDECREF(*output);
    *output = result;
    return 0;
}

#endif
