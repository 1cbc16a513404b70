/* The Op Gather: rows of a table by their indices. Bytes are copied, so one text
   serves every dtype. Needs threads.h, bounds.h and arrays.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef LASAGNE_SPARSE_GATHER
#define LASAGNE_SPARSE_GATHER

/* Bytes of rows to fetch from memory ahead of the one that is copied. With that,
   one thread comes near to what the memory gives: a second one must have much to do. */
#define LASAGNE_SPARSE_GATHER_AHEAD 8192
#define LASAGNE_SPARSE_GATHER_BYTES_PER_THREAD 1048576

/* Copies rows begin <= i < end, each of `bytes` side by side. */
static void lasagne_sparse_gather_rows(const char *table, npy_intp step, npy_intp bytes,
                                       const int64_t *rows, npy_intp begin, npy_intp end,
                                       char *gathered)
{
    npy_intp ahead = bytes ? LASAGNE_SPARSE_GATHER_AHEAD / bytes : 0;
    if (ahead < 2) ahead = 2;
    if (ahead > 32) ahead = 32;
    for (npy_intp i = begin; i < begin + ahead && i < end; i++)
        for (npy_intp line = 0; line < bytes; line += 64)
            __builtin_prefetch(table + rows[i] * step + line);
    for (npy_intp i = begin; i < end; i++) {
        if (i + ahead < end)
            for (npy_intp line = 0; line < bytes; line += 64)
                __builtin_prefetch(table + rows[i + ahead] * step + line);
        memcpy(gathered + i * bytes, table + rows[i] * step, bytes);
    }
}

/* The same by several threads, where there is enough to do. */
static void lasagne_sparse_gather_all(const char *table, npy_intp step, npy_intp bytes,
                                      const int64_t *rows, npy_intp n, char *gathered)
{
    const int threads =
        lasagne_sparse_threads(n * bytes, LASAGNE_SPARSE_GATHER_BYTES_PER_THREAD);
    lasagne_sparse_for(threads, threads, [&](npy_intp t) {
        lasagne_sparse_gather_rows(table, step, bytes, rows, n * t / threads,
                                   n * (t + 1) / threads, gathered);
    });
}

/* Any layout: for each element of a row, the whole batch. That reads a transposed
   table (columns of a matrix) along its rows. */
template <typename item_t>
static void lasagne_sparse_gather_items(PyArrayObject *table, const int64_t *rows,
                                        npy_intp n, char *gathered)
{
    const int num_dims = PyArray_NDIM(table);
    const npy_intp row_size = lasagne_sparse_row_size(table);
    const npy_intp step = PyArray_STRIDE(table, 0);
    npy_intp at[NPY_MAXDIMS] = {0};
    const char *item = PyArray_BYTES(table);
    for (npy_intp d = 0; d < row_size; d++) {
        item_t *to = (item_t *)gathered + d;
        for (npy_intp i = 0; i < n; i++)
            to[i * row_size] = *(const item_t *)(item + rows[i] * step);
        for (int k = num_dims - 1; k > 0; k--) {
            item += PyArray_STRIDE(table, k);
            if (++at[k] < PyArray_DIM(table, k)) break;
            item -= at[k] * PyArray_STRIDE(table, k);
            at[k] = 0;
        }
    }
}

/* `item_t` is a type as large as an element of the table. */
template <typename index_t, typename item_t>
static int lasagne_sparse_gather(PyArrayObject *table, PyArrayObject *indices,
                                 PyObject *name, PyArrayObject **gathered)
{
    const npy_intp n = PyArray_DIM(indices, 0);
    int64_t *rows = lasagne_sparse_rows<index_t>(indices, PyArray_DIM(table, 0), name);
    if (rows == NULL) return -1;
    npy_intp dims[NPY_MAXDIMS];
    memcpy(dims, PyArray_DIMS(table), PyArray_NDIM(table) * sizeof(npy_intp));
    dims[0] = n;
    const int failed = lasagne_sparse_ensure(gathered, PyArray_NDIM(table), dims,
                                             PyArray_TYPE(table));
    if (!failed && lasagne_sparse_rows_contiguous(table))
        lasagne_sparse_gather_all(
            PyArray_BYTES(table), PyArray_STRIDE(table, 0),
            lasagne_sparse_row_size(table) * PyArray_ITEMSIZE(table), rows, n,
            PyArray_BYTES(*gathered));
    else if (!failed)
        lasagne_sparse_gather_items<item_t>(table, rows, n, PyArray_BYTES(*gathered));
    free(rows);
    return failed;
}
#endif
