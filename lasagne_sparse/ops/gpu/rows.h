/* The host's part of kernels that work row by row: the plan.

   The plan is one vector of 64-bit integers, and all that travels to the device for a
   call: the shape of a row, the layout of each array, then rows, order and offsets.
   Everything is checked before it is sent. Needs row_checks.h. */
#include <vector>

#ifndef LASAGNE_SPARSE_GPU_ROWS
#define LASAGNE_SPARSE_GPU_ROWS

#define GPU_ROWS_THREADS 128
#define GPU_ROWS_BLOCKS 65535

struct gpu_rows_array : row_array {
    npy_int64 offset;
};

/* An array of NULL is a number. */
static void gpu_rows_array_init(gpu_rows_array *result, PyGpuArrayObject *array,
                                bool has_rows)
{
    const int skip = has_rows ? 1 : 0;
    memset(result, 0, sizeof(*result));
    result->num_rows = result->num_units = 1;
    if (array == NULL) return;
    result->offset = (npy_int64)array->ga.offset;
    if (has_rows) {
        result->num_rows = (npy_intp)PyGpuArray_DIM(array, 0);
        result->step = (npy_intp)PyGpuArray_STRIDE(array, 0);
    }
    result->num_dims = (int)PyGpuArray_NDIM(array) - skip;
    for (int i = 0; i < result->num_dims; i++) {
        result->dims[i] = (npy_intp)PyGpuArray_DIM(array, i + skip);
        result->strides[i] = (npy_intp)PyGpuArray_STRIDE(array, i + skip);
        result->num_units *= result->dims[i];
    }
}

/* Checks all arrays and writes the plan; an array of NULL is a number that is passed
   by value. `row_dims` is the rank of a row, as the kernel was written for it. */
static int gpu_rows_plan(const row_groups *groups, int num_tables,
                         const row_spec *specs, int num_specs,
                         PyGpuArrayObject **arrays, int row_dims,
                         std::vector<npy_int64> *plan)
{
    std::vector<gpu_rows_array> found;
    for (int i = 0; i < num_specs; i++)
        for (int j = 0; j < specs[i].count; j++) {
            gpu_rows_array array;
            gpu_rows_array_init(&array, *arrays++, specs[i].kind != ROW_SHARED);
            found.push_back(array);
        }
    const gpu_rows_array *first = NULL;
    if (row_check(groups, specs, num_tables, found.data(), &first) < 0 ||
        row_check(groups, specs + num_tables, num_specs - num_tables,
                  found.data() + num_tables, &first) < 0)
        return -1;
    plan->push_back(first == NULL ? 1 : first->num_units);
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
