/* The Op SegmentSum: sums of groups of rows. Needs threads.h and arrays.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef LASAGNE_SPARSE_SEGMENT_SUM
#define LASAGNE_SPARSE_SEGMENT_SUM

/* Rows to fetch from memory ahead of the one at work. */
#define LASAGNE_SPARSE_SUM_AHEAD 8
#define LASAGNE_SPARSE_SUM_BYTES_PER_THREAD 262144

/* Some rows of the virtual concatenation of the values. */
struct lasagne_sparse_values {
    const char *data;
    npy_intp step;   /* bytes from one row to the next */
    npy_intp start;  /* its first row in the concatenation */
};

/* Row `position` of the concatenation. The last piece is looked at first. */
static inline const char *lasagne_sparse_value(const lasagne_sparse_values *pieces,
                                               int num_pieces, int64_t position)
{
    int piece = num_pieces - 1;
    while (position < pieces[piece].start) piece--;
    return pieces[piece].data + (position - pieces[piece].start) * pieces[piece].step;
}

/* sums[k] for begin <= k < end. The additions have one order, that of `order`. */
template <typename value_t>
static void lasagne_sparse_sum_rows(const int64_t *order, const int64_t *offsets,
                                    npy_intp begin, npy_intp end,
                                    const lasagne_sparse_values *pieces, int num_pieces,
                                    npy_intp row_size, value_t *sums)
{
    const int64_t last = offsets[end];
    for (npy_intp k = begin; k < end; k++) {
        value_t *__restrict__ sum = sums + k * row_size;
        if (offsets[k] == offsets[k + 1]) memset(sum, 0, row_size * sizeof(value_t));
        for (int64_t j = offsets[k]; j < offsets[k + 1]; j++) {
            if (j + LASAGNE_SPARSE_SUM_AHEAD < last) {
                const char *next = lasagne_sparse_value(
                    pieces, num_pieces, order[j + LASAGNE_SPARSE_SUM_AHEAD]);
                for (size_t line = 0; line < row_size * sizeof(value_t); line += 64)
                    __builtin_prefetch(next + line);
            }
            const value_t *__restrict__ value =
                (const value_t *)lasagne_sparse_value(pieces, num_pieces, order[j]);
            if (j == offsets[k])
                memcpy(sum, value, row_size * sizeof(value_t));
            else
                for (npy_intp d = 0; d < row_size; d++) sum[d] += value[d];
        }
    }
}

/* The first segment that begins at `position` of the order or later. */
static npy_intp lasagne_sparse_first_segment(const int64_t *offsets,
                                             npy_intp num_segments, int64_t position)
{
    npy_intp low = 0, high = num_segments;
    while (low < high) {
        const npy_intp middle = low + (high - low) / 2;
        if (offsets[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Shares the segments out so that threads have about as many rows to add. */
template <typename value_t>
static void lasagne_sparse_sum_all(const int64_t *order, const int64_t *offsets,
                                   npy_intp num_segments,
                                   const lasagne_sparse_values *pieces, int num_pieces,
                                   npy_intp row_size, value_t *sums)
{
    const int64_t first = offsets[0], num_values = offsets[num_segments] - first;
    const int threads = lasagne_sparse_threads(num_values * row_size * sizeof(value_t),
                                               LASAGNE_SPARSE_SUM_BYTES_PER_THREAD);
    lasagne_sparse_for(threads, threads, [&](npy_intp t) {
        const npy_intp begin = t == 0 ? 0
            : lasagne_sparse_first_segment(offsets, num_segments,
                                           first + num_values * t / threads);
        const npy_intp end = t == threads - 1 ? num_segments
            : lasagne_sparse_first_segment(offsets, num_segments,
                                           first + num_values * (t + 1) / threads);
        lasagne_sparse_sum_rows(order, offsets, begin, end, pieces, num_pieces,
                                row_size, sums);
    });
}

/* Returns 0 if the segments lie within the values, or -1 with the error set. */
static int lasagne_sparse_check_segments(const int64_t *order, npy_intp num_order,
                                         const int64_t *offsets, npy_intp num_offsets,
                                         npy_intp num_values)
{
    if (num_values != num_order) {
        PyErr_Format(PyExc_ValueError,
                     "values must have %lld rows together, one for each lookup; got "
                     "%lld", (long long)num_order, (long long)num_values);
        return -1;
    }
    if (num_offsets == 0 || offsets[0] < 0 || offsets[num_offsets - 1] > num_order) {
        PyErr_Format(PyExc_IndexError,
                     "offsets must be one or more numbers from 0 to %lld, the length "
                     "of order", (long long)num_order);
        return -1;
    }
    uint64_t descends = 0, outside = 0;
    for (npy_intp k = 1; k < num_offsets; k++)
        descends |= uint64_t(offsets[k - 1] > offsets[k]);
    if (descends) {
        PyErr_SetString(PyExc_IndexError, "offsets must ascend");
        return -1;
    }
    for (npy_intp j = 0; j < num_order; j++)
        outside |= uint64_t(uint64_t(order[j]) >= uint64_t(num_values));
    if (outside) {
        npy_intp j = 0;
        while (uint64_t(order[j]) < uint64_t(num_values)) j++;
        PyErr_Format(PyExc_IndexError,
                     "order points to row %lld of values that have %lld rows",
                     (long long)order[j], (long long)num_values);
        return -1;
    }
    return 0;
}

/* Returns `array` or a copy whose rows are contiguous, as a new reference; NULL with
   the error set. */
static PyArrayObject *lasagne_sparse_with_rows(PyArrayObject *array)
{
    if (!lasagne_sparse_rows_contiguous(array))
        return (PyArrayObject *)PyArray_NewCopy(array, NPY_CORDER);
    Py_INCREF(array);
    return array;
}

/* order and offsets are C-contiguous; the values have num_dims dimensions. */
template <typename value_t>
static int lasagne_sparse_sum_pieces(PyArrayObject *order, PyArrayObject *offsets,
                                     PyArrayObject **values, int num_values,
                                     int type_num, PyArrayObject **sums)
{
    const int num_dims = PyArray_NDIM(values[0]);
    lasagne_sparse_values *pieces =
        (lasagne_sparse_values *)malloc(num_values * sizeof(lasagne_sparse_values));
    if (pieces == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    npy_intp start = 0;
    for (int i = 0; i < num_values; i++) {
        if (!PyArray_CompareLists(PyArray_DIMS(values[0]) + 1,
                                  PyArray_DIMS(values[i]) + 1, num_dims - 1)) {
            PyErr_Format(PyExc_ValueError,
                         "values must agree in all dimensions but the first; numbers "
                         "0 and %d do not", i);
            free(pieces);
            return -1;
        }
        pieces[i].data = PyArray_BYTES(values[i]);
        pieces[i].step = PyArray_STRIDE(values[i], 0);
        pieces[i].start = start;
        start += PyArray_DIM(values[i], 0);
    }
    if (num_values == 1 && start == 1) {  /* one row for all of them */
        pieces[0].step = 0;
        start = PyArray_DIM(order, 0);
    }
    const int64_t *ordered = (const int64_t *)PyArray_DATA(order);
    const int64_t *bounds = (const int64_t *)PyArray_DATA(offsets);
    npy_intp dims[NPY_MAXDIMS];
    memcpy(dims, PyArray_DIMS(values[0]), num_dims * sizeof(npy_intp));
    dims[0] = PyArray_DIM(offsets, 0) - 1;
    int failed =
        lasagne_sparse_check_segments(ordered, PyArray_DIM(order, 0), bounds,
                                      PyArray_DIM(offsets, 0), start) ||
        lasagne_sparse_ensure(sums, num_dims, dims, type_num);
    if (!failed && dims[0] > 0)
        lasagne_sparse_sum_all<value_t>(ordered, bounds, dims[0], pieces, num_values,
                                        lasagne_sparse_row_size(values[0]),
                                        (value_t *)PyArray_DATA(*sums));
    free(pieces);
    return failed ? -1 : 0;
}

/* Replaces what has no contiguous rows by copies, and lets go of them at the end. */
template <typename value_t>
static int lasagne_sparse_segment_sum(PyArrayObject *order, PyArrayObject *offsets,
                                      PyArrayObject **values, int num_values,
                                      int type_num, PyArrayObject **sums)
{
    int failed = 0, num_held = 0;
    PyArrayObject *plain_order = PyArray_GETCONTIGUOUS(order);
    PyArrayObject *plain_offsets = PyArray_GETCONTIGUOUS(offsets);
    if (plain_order == NULL || plain_offsets == NULL) failed = -1;
    for (; !failed && num_held < num_values; num_held++) {
        PyArrayObject *held = lasagne_sparse_with_rows(values[num_held]);
        if (held == NULL) {
            failed = -1;
            break;
        }
        values[num_held] = held;
    }
    if (!failed)
        failed = lasagne_sparse_sum_pieces<value_t>(plain_order, plain_offsets, values,
                                                    num_values, type_num, sums);
    for (int i = 0; i < num_held; i++) Py_DECREF(values[i]);
    Py_XDECREF(plain_order);
    Py_XDECREF(plain_offsets);
    return failed;
}
#endif
