/* Which index is out of range, and which rows do the others mean?
   The twin of bounds.py: the error has the same words. */
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>

#ifndef LASAGNE_SPARSE_BOUNDS
#define LASAGNE_SPARSE_BOUNDS

/* Is the index outside of [-num_rows, num_rows)? A number of the width of rows and
   no branch, so that the loop over all indices is vectorised. The sum is of unsigned
   numbers: no value overflows. */
template <typename index_t>
static inline uint64_t lasagne_sparse_outside(index_t index, int64_t num_rows)
{
    const bool is_signed = index_t(-1) < index_t(1);
    return is_signed
        ? uint64_t(int64_t(index)) + uint64_t(num_rows) >= 2 * uint64_t(num_rows)
        : uint64_t(index) >= uint64_t(num_rows);
}

/* The row that an index in range means. */
template <typename index_t>
static inline int64_t lasagne_sparse_row(index_t index, int64_t num_rows)
{
    return int64_t(index) + (int64_t(index) < 0 ? num_rows : 0);
}

/* Writes the rows that the indices mean, in [0, num_rows); `stride` is in bytes.
   Returns the position of the first index out of range, or -1. */
template <typename index_t>
static int64_t lasagne_sparse_wrap(const char *indices, ptrdiff_t stride, int64_t n,
                                   int64_t num_rows, int64_t *__restrict__ rows)
{
    uint64_t outside = 0;
    if (stride == ptrdiff_t(sizeof(index_t))) {
        const index_t *__restrict__ contiguous = (const index_t *)indices;
        for (int64_t i = 0; i < n; i++) {
            outside |= lasagne_sparse_outside(contiguous[i], num_rows);
            rows[i] = lasagne_sparse_row(contiguous[i], num_rows);
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            const index_t index = *(const index_t *)(indices + i * stride);
            outside |= lasagne_sparse_outside(index, num_rows);
            rows[i] = lasagne_sparse_row(index, num_rows);
        }
    }
    if (!outside) return -1;
    int64_t position = 0;
    while (!lasagne_sparse_outside(*(const index_t *)(indices + position * stride),
                                   num_rows))
        position++;
    return position;
}

/* Sets the IndexError about indices[position]; `table` is a str or None. */
template <typename index_t>
static void lasagne_sparse_raise(index_t index, int64_t position, int64_t num_rows,
                                 PyObject *table)
{
    /* One format for signed and unsigned: the number is made by Python. */
    const bool is_signed = index_t(-1) < index_t(1);
    PyObject *value = is_signed ? PyLong_FromLongLong((long long)index)
                                : PyLong_FromUnsignedLongLong((unsigned long long)index);
    PyObject *name = table == Py_None ? PyUnicode_FromString("a table")
                                      : PyUnicode_FromFormat("table '%S'", table);
    PyObject *expected =
        num_rows ? PyUnicode_FromFormat("expected %lld to %lld", (long long)-num_rows,
                                        (long long)num_rows - 1)
                 : PyUnicode_FromString("it has no row to look up");
    if (value != NULL && name != NULL && expected != NULL)
        PyErr_Format(PyExc_IndexError,
                     "index %S at position %lld is out of range for %U with %lld rows: "
                     "%U", value, (long long)position, name, (long long)num_rows,
                     expected);
    Py_XDECREF(value);
    Py_XDECREF(name);
    Py_XDECREF(expected);
}

/* The rows that a vector of indices means, in memory that the caller frees;
   NULL with the error set if an index is out of range or memory is short. */
template <typename index_t>
static int64_t *lasagne_sparse_rows(PyArrayObject *indices, int64_t num_rows,
                                    PyObject *table)
{
    const int64_t n = PyArray_DIM(indices, 0);
    const ptrdiff_t stride = PyArray_STRIDE(indices, 0);
    int64_t *rows = (int64_t *)malloc((n ? n : 1) * sizeof(int64_t));
    if (rows == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (num_rows < 0) num_rows = 0;
    const int64_t bad =
        lasagne_sparse_wrap<index_t>(PyArray_BYTES(indices), stride, n, num_rows, rows);
    if (bad < 0) return rows;
    free(rows);
    lasagne_sparse_raise<index_t>(
        *(const index_t *)(PyArray_BYTES(indices) + bad * stride), bad, num_rows, table);
    return NULL;
}
#endif
