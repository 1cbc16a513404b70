/* The sum of all elements of an array.

   One sum that waits for itself takes one addition after the other; so many side by
   side fill the processor's vectors. Which element goes to which is fixed by its
   position, so the result has the same bits each time. Needs arrays.h. */

#ifndef LASAGNE_SPARSE_TOTAL
#define LASAGNE_SPARSE_TOTAL

#define TOTAL_LANES 32

template <typename T>
static double lasagne_sparse_total_of(const T *__restrict__ values, npy_intp size)
{
    double lanes[TOTAL_LANES] = {0}, total = 0;
    npy_intp i = 0;
    for (; i + TOTAL_LANES <= size; i += TOTAL_LANES) {
        #pragma GCC unroll 32
        for (int k = 0; k < TOTAL_LANES; k++) lanes[k] += values[i + k];
    }
    for (int k = 0; i < size; i++, k++) lanes[k] += values[i];
    for (int k = 0; k < TOTAL_LANES; k++) total += lanes[k];
    return total;
}

/* Returns 0, or -1 with the error set. */
template <typename T>
static int lasagne_sparse_total(PyArrayObject *array, double *total)
{
    /* Of a transposed array the order in memory will do as well. */
    if (PyArray_ISONESEGMENT(array) && PyArray_ISALIGNED(array)) {
        *total = lasagne_sparse_total_of((const T *)PyArray_DATA(array),
                                         PyArray_SIZE(array));
        return 0;
    }
    PyArrayObject *plain =
        (PyArrayObject *)PyArray_FromArray(array, NULL, NPY_ARRAY_CARRAY_RO);
    if (plain == NULL) return -1;
    *total = lasagne_sparse_total_of((const T *)PyArray_DATA(plain),
                                     PyArray_SIZE(plain));
    Py_DECREF(plain);
    return 0;
}

#endif
