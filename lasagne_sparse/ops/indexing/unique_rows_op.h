/* The Op UniqueRows: checks the indices, sorts them, fills the outputs. */

#ifndef LASAGNE_SPARSE_UNIQUE_ROWS_OP
#define LASAGNE_SPARSE_UNIQUE_ROWS_OP

/* Copies numbers into *array, made for them. Returns 0, or -1 with the error set. */
static int lasagne_sparse_fill(PyArrayObject **array, const int64_t *numbers, npy_intp n)
{
    if (lasagne_sparse_ensure(array, 1, &n, NPY_INT64)) return -1;
    memcpy(PyArray_DATA(*array), numbers, n * sizeof(int64_t));
    return 0;
}

template <typename index_t>
static int lasagne_sparse_unique_rows(PyArrayObject *indices, int64_t num_rows,
                                      PyObject *table, PyArrayObject **rows,
                                      PyArrayObject **inverse, PyArrayObject **order,
                                      PyArrayObject **offsets)
{
    const npy_intp n = PyArray_DIM(indices, 0);
    int64_t *wanted = lasagne_sparse_rows<index_t>(indices, num_rows, table);
    if (wanted == NULL) return -1;
    int failed = lasagne_sparse_ensure(inverse, 1, &n, NPY_INT64) ||
                 lasagne_sparse_ensure(order, 1, &n, NPY_INT64);
    if (!failed) {
        int64_t *distinct = (int64_t *)malloc((2 * n + 1) * sizeof(int64_t));
        int64_t num_distinct = -1;
        if (distinct != NULL)
            num_distinct = lasagne_sparse_unique(
                wanted, n, num_rows, distinct, (int64_t *)PyArray_DATA(*inverse),
                (int64_t *)PyArray_DATA(*order), distinct + n);
        if (num_distinct < 0) {
            PyErr_NoMemory();
            failed = 1;
        } else {
            failed = lasagne_sparse_fill(rows, distinct, num_distinct) ||
                     lasagne_sparse_fill(offsets, distinct + n, num_distinct + 1);
        }
        free(distinct);
    }
    free(wanted);
    return failed ? -1 : 0;
}
#endif
