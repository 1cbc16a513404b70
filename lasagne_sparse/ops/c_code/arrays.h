/* Arrays as results of an Op, and their rows as pieces of memory. */
#ifndef LASAGNE_SPARSE_ARRAYS
#define LASAGNE_SPARSE_ARRAYS

/* Makes *array a C-contiguous array of that shape and type, and keeps the one
   that is there if it will do. Returns 0, or -1 with the error set. */
static int lasagne_sparse_ensure(PyArrayObject **array, int num_dims,
                                 const npy_intp *dims, int type_num)
{
    if (*array != NULL && PyArray_NDIM(*array) == num_dims &&
        PyArray_TYPE(*array) == type_num &&
        PyArray_CompareLists(PyArray_DIMS(*array), dims, num_dims) &&
        PyArray_CHKFLAGS(*array, NPY_ARRAY_CARRAY))
        return 0;
    Py_XDECREF(*array);
    *array = (PyArrayObject *)PyArray_EMPTY(num_dims, (npy_intp *)dims, type_num, 0);
    return *array == NULL ? -1 : 0;
}

/* Do the elements of each row (along axis 0) lie side by side? */
static bool lasagne_sparse_rows_contiguous(PyArrayObject *array)
{
    npy_intp step = PyArray_ITEMSIZE(array);
    for (int i = PyArray_NDIM(array) - 1; i > 0; i--) {
        if (PyArray_DIM(array, i) != 1 && PyArray_STRIDE(array, i) != step)
            return false;
        step *= PyArray_DIM(array, i);
    }
    return true;
}

/* The number of elements of a row. */
static npy_intp lasagne_sparse_row_size(PyArrayObject *array)
{
    return PyArray_MultiplyList(PyArray_DIMS(array) + 1, PyArray_NDIM(array) - 1);
}
#endif
