/* Reads and writes rows of arrays of any layout, for row_update.

   A row is "direct" if its elements lie side by side and aligned: the loops then
   work on it where it is. Any other row is packed into a buffer first, and a
   table's row is unpacked afterwards: one loop serves every layout.

   Needs threads.h, arrays.h and row_checks.h. */
#include <stdlib.h>
#include <string.h>

#ifndef LASAGNE_SPARSE_ROW_UPDATE
#define LASAGNE_SPARSE_ROW_UPDATE

/* Loops over the units are specialised where the compiler knows how many there are. */
#define ROW_INLINE __attribute__((always_inline))
/* Lookups whose values are fetched from memory ahead of the one at work. */
#define ROW_UPDATE_AHEAD 4
/* Bytes of tables to fetch ahead: 16 rows of 128 floats of one table. Much less waits
   for memory; much more pushes itself out of the first cache. */
#define ROW_UPDATE_AHEAD_BYTES 8192
/* Rows that a thread takes at a time: few rows have most of the repeats. */
#define ROW_UPDATE_CHUNK 32
/* A parallel region costs some microseconds: what a thread must have to do, in
   bytes read or written, before it is worth waking. */
#define ROW_UPDATE_BYTES_PER_THREAD 262144

struct row_layout : row_array {
    char *data;
    npy_intp item;  /* bytes of an element */
};

/* How many rows are that many bytes? */
static inline npy_int64 row_num_ahead(npy_int64 bytes_per_row)
{
    const npy_int64 ahead = ROW_UPDATE_AHEAD_BYTES / (bytes_per_row + 1);
    return ahead < 3 ? 3 : ahead < 16 ? ahead : 16;
}

static void row_layout_init(row_layout *layout, PyArrayObject *array, bool has_rows)
{
    const int skip = has_rows ? 1 : 0;
    layout->data = PyArray_BYTES(array);
    layout->num_rows = has_rows ? PyArray_DIM(array, 0) : 1;
    layout->step = has_rows ? PyArray_STRIDE(array, 0) : 0;
    layout->item = PyArray_ITEMSIZE(array);
    layout->num_dims = PyArray_NDIM(array) - skip;
    layout->num_units = 1;
    layout->direct = PyArray_ISALIGNED(array);
    for (int i = layout->num_dims - 1; i >= 0; i--) {
        layout->dims[i] = PyArray_DIM(array, i + skip);
        layout->strides[i] = PyArray_STRIDE(array, i + skip);
        if (layout->dims[i] != 1 &&
            layout->strides[i] != layout->num_units * layout->item)
            layout->direct = false;
        layout->num_units *= layout->dims[i];
    }
}

static void row_layouts_init(row_layout *layouts, PyArrayObject **arrays,
                             const row_spec *specs, int num_specs)
{
    for (int i = 0; i < num_specs; i++)
        for (int j = 0; j < specs[i].count; j++)
            row_layout_init(layouts++, *arrays++, specs[i].kind != ROW_SHARED);
}

/* Copies a row from the array to the buffer, or back. */
template <bool to_array>
static void row_copy(const row_layout *layout, npy_int64 row, char *buffer)
{
    npy_intp at[NPY_MAXDIMS] = {0};
    const npy_intp item = layout->item;
    char *element = layout->data + row * layout->step;
    for (npy_intp unit = 0; unit < layout->num_units; unit++, buffer += item) {
        if (to_array) memcpy(element, buffer, item);
        else memcpy(buffer, element, item);
        for (int i = layout->num_dims - 1; i >= 0; i--) {
            element += layout->strides[i];
            if (++at[i] < layout->dims[i]) break;
            element -= layout->strides[i] * layout->dims[i];
            at[i] = 0;
        }
    }
}

template <typename T>
static inline T *row_read(const row_layout *layout, npy_int64 row, T *buffer)
{
    if (layout->direct) return (T *)(layout->data + row * layout->step);
    row_copy<false>(layout, row, (char *)buffer);
    return buffer;
}

template <typename T>
static inline T row_number(const row_layout *layout, npy_int64 row)
{
    T number;
    memcpy(&number, layout->data + row * layout->step, sizeof(T));
    return number;
}

template <typename T>
static inline void row_number_write(const row_layout *layout, npy_int64 row, T number)
{
    memcpy(layout->data + row * layout->step, &number, sizeof(T));
}

/* The row, of an array with a row for each bag, that belongs to a lookup: the array
   before it has the bags of the lookups. */
template <typename T>
static inline npy_int64 row_bag(const row_layout *layout, npy_int64 position)
{
    const npy_int64 bag = (npy_int64)row_number<T>(layout - 1, position);
    return bag + (bag < 0 ? layout->num_rows : 0);
}

/* Are all bags there? */
template <typename T>
static int row_check_bags(const row_layout *layout)
{
    npy_int64 most = -1;
    for (npy_int64 i = 0; i < layout[-1].num_rows; i++) {
        const npy_int64 bag = row_bag<T>(layout, i);
        if (bag < 0) most = NPY_MAX_INT64;
        most = bag > most ? bag : most;
    }
    if (most < layout->num_rows) return 0;
    PyErr_Format(PyExc_IndexError, "a lookup is of a bag that is not there: expected "
                 "%lld to %lld", (long long)-layout->num_rows,
                 (long long)layout->num_rows - 1);
    return -1;
}

/* Fetches a row of so many bytes; its last one may be on a further cache line. */
template <int for_write>
static inline ROW_INLINE void row_prefetch(const row_layout *layout, npy_int64 row,
                                           npy_intp bytes)
{
    const char *start = layout->data + row * layout->step;
    #pragma GCC unroll 32
    for (npy_intp byte = 0; byte < bytes; byte += 64)
        __builtin_prefetch(start + byte, for_write);
    __builtin_prefetch(start + bytes - 1, for_write);
}

/* Finds row `position` of the concatenation of several arrays. */
template <int count>
static inline const row_layout *row_find(const row_layout *values, npy_int64 *position)
{
    for (int i = 0; i < count - 1; i++) {
        if (*position < values->num_rows) break;
        *position -= values->num_rows;
        values++;
    }
    return values;
}

/* The sum of the rows order[begin..end), added up in this order. A single row is
   not copied: the pointer may lead into the array itself. */
template <typename T, int count>
static inline ROW_INLINE const T *row_sum(const row_layout *values, const npy_int64 *order,
                        npy_int64 begin, npy_int64 end, npy_int64 last,
                        npy_intp num_units, T *__restrict__ sum, T *packed)
{
    if (begin == end) {
        memset(sum, 0, num_units * sizeof(T));
        return sum;
    }
    const T *first = NULL;
    for (npy_int64 j = begin; j < end; j++) {
        if (j + ROW_UPDATE_AHEAD < last) {
            npy_int64 ahead = order[j + ROW_UPDATE_AHEAD];
            const row_layout *layout = row_find<count>(values, &ahead);
            row_prefetch<0>(layout, ahead, num_units * sizeof(T));
        }
        npy_int64 position = order[j];
        const row_layout *layout = row_find<count>(values, &position);
        if (j == begin) {
            first = row_read(layout, position, sum);
            continue;
        }
        const T *__restrict__ next = row_read(layout, position, packed);
        if (j == begin + 1) {
            #pragma omp simd
            for (npy_intp d = 0; d < num_units; d++) sum[d] = first[d] + next[d];
        } else {
            #pragma omp simd
            for (npy_intp d = 0; d < num_units; d++) sum[d] += next[d];
        }
    }
    return end - begin == 1 ? first : sum;
}

/* The same for one number per lookup. */
template <typename T, int count>
static T row_sum_number(const row_layout *values, const npy_int64 *order,
                        npy_int64 begin, npy_int64 end)
{
    T sum = 0;
    for (npy_int64 j = begin; j < end; j++) {
        npy_int64 position = order[j];
        const row_layout *layout = row_find<count>(values, &position);
        const T number = row_number<T>(layout, position);
        sum = j == begin ? number : sum + number;
    }
    return sum;
}

static int row_check_writeable(PyArrayObject *table, int position)
{
    if (PyArray_ISWRITEABLE(table)) return 0;
    PyErr_Format(PyExc_ValueError,
                 "table %d is read-only, nothing was written: pass an array that can "
                 "be updated in place", position);
    return -1;
}

/* Memory for the packed rows of one thread or more, each on its cache line. */
static char *row_scratch(npy_intp bytes, char **memory)
{
    *memory = (char *)malloc(bytes + 64);
    if (*memory == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    return (char *)(((uintptr_t)*memory + 63) & ~(uintptr_t)63);
}

/* Gives the output its own copy of the table; storage that fits is used again.
   NumPy's own copies let other Python threads run, which may write to the table: a row
   would be half of the one and half of the other. */
static int row_copy_table(PyArrayObject **output, PyArrayObject *table)
{
    row_layout layout;
    if (lasagne_sparse_ensure(output, PyArray_NDIM(table), PyArray_DIMS(table),
                              PyArray_TYPE(table)) < 0)
        return -1;
    row_layout_init(&layout, table, true);
    const npy_intp bytes = layout.num_units * layout.item;
    char *row = PyArray_BYTES(*output);
    if (PyArray_IS_C_CONTIGUOUS(table)) {
        memcpy(row, layout.data, layout.num_rows * bytes);
        return 0;
    }
    for (npy_int64 u = 0; u < layout.num_rows; u++, row += bytes)
        row_copy<false>(&layout, u, row);
    return 0;
}

/* Makes each output the table itself or a copy, and `layouts` those of the outputs.
   Copies come first: an allocation may fail. */
static int row_outputs(int num_tables, PyArrayObject **tables, PyArrayObject ***outputs,
                       const bool *in_place, row_layout *layouts)
{
    for (int i = 0; i < num_tables; i++) {
        if (in_place[i] && row_check_writeable(tables[i], i) < 0) return -1;
        if (!in_place[i] && row_copy_table(outputs[i], tables[i]) < 0) return -1;
    }
    for (int i = 0; i < num_tables; i++) {
        if (in_place[i] && *outputs[i] != tables[i]) {
            Py_XDECREF(*outputs[i]);
            Py_INCREF(tables[i]);
            *outputs[i] = tables[i];
        }
        row_layout_init(layouts + i, *outputs[i], true);
    }
    return 0;
}

#endif
