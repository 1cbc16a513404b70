/* Adds to rows of an array, or sets them: a[index] += values, a[index] = values.

   `index` is a vector of integers, which may repeat and be negative; `values` is cast
   to the dtype of `a`, and repeated along axes as NumPy does. Repeated rows are added
   up, or hold the last value, in the order of `index`. Nothing is written if an index
   is out of range. Returns 0, or -1 with the error set. */

#include <complex>

template <typename T>
static void lasagne_sparse_write(char *to, const npy_intp *to_strides, const char *from,
                                 const npy_intp *from_strides, const npy_intp *dims,
                                 int ndim, int add)
{
    if (ndim == 0) {
        *(T *)to = add ? T(*(T *)to + *(const T *)from) : *(const T *)from;
        return;
    }
    for (npy_intp i = 0; i < dims[0]; i++) {
        lasagne_sparse_write<T>(to + i * to_strides[0], to_strides + 1,
                                from + i * from_strides[0], from_strides + 1, dims + 1,
                                ndim - 1, add);
    }
}

/* The same for what lies one after the other, which the compiler makes vectors of. */
template <typename T>
static void lasagne_sparse_write_rows(char *to, const npy_intp *to_strides,
                                      const char *from, const npy_intp *from_strides,
                                      const npy_intp *dims, int ndim, int add)
{
    if (add && ndim == 1 && to_strides[0] == sizeof(T) && from_strides[0] == sizeof(T)) {
        T *sum = (T *)to;
        const T *more = (const T *)from;
        for (npy_intp i = 0; i < dims[0]; i++) sum[i] = T(sum[i] + more[i]);
        return;
    }
    lasagne_sparse_write<T>(to, to_strides, from, from_strides, dims, ndim, add);
}

typedef void (*lasagne_sparse_writer)(char *, const npy_intp *, const char *,
                                      const npy_intp *, const npy_intp *, int, int);

static lasagne_sparse_writer lasagne_sparse_writer_of(int type)
{
    switch (type) {
    case NPY_BYTE: return lasagne_sparse_write_rows<npy_byte>;
    case NPY_UBYTE: return lasagne_sparse_write_rows<npy_ubyte>;
    case NPY_SHORT: return lasagne_sparse_write_rows<npy_short>;
    case NPY_USHORT: return lasagne_sparse_write_rows<npy_ushort>;
    case NPY_INT: return lasagne_sparse_write_rows<npy_int>;
    case NPY_UINT: return lasagne_sparse_write_rows<npy_uint>;
    case NPY_LONG: return lasagne_sparse_write_rows<npy_long>;
    case NPY_ULONG: return lasagne_sparse_write_rows<npy_ulong>;
    case NPY_LONGLONG: return lasagne_sparse_write_rows<npy_longlong>;
    case NPY_ULONGLONG: return lasagne_sparse_write_rows<npy_ulonglong>;
    case NPY_FLOAT: return lasagne_sparse_write_rows<npy_float>;
    case NPY_DOUBLE: return lasagne_sparse_write_rows<npy_double>;
    case NPY_CFLOAT: return lasagne_sparse_write_rows<std::complex<npy_float> >;
    case NPY_CDOUBLE: return lasagne_sparse_write_rows<std::complex<npy_double> >;
    }
    return NULL;
}

/* For float16, which C has no sums of. */
static int lasagne_sparse_write_by_numpy(PyArrayObject *a, PyObject *index,
                                         PyObject *values, int add)
{
    PyObject *numpy, *ufunc, *done;
    if (!add) return PyObject_SetItem((PyObject *)a, index, values);
    numpy = PyImport_ImportModule("numpy");
    ufunc = numpy == NULL ? NULL : PyObject_GetAttrString(numpy, "add");
    done = ufunc == NULL ? NULL
                         : PyObject_CallMethod(ufunc, "at", "OOO", a, index, values);
    Py_XDECREF(numpy);
    Py_XDECREF(ufunc);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Steps along the axes of a[index], 0 where values are repeated. */
static int lasagne_sparse_strides(PyArrayObject *values, PyArrayObject *a, npy_intp rows,
                                  npy_intp *strides)
{
    int missing = PyArray_NDIM(a) - PyArray_NDIM(values), fits = missing >= 0;
    for (int axis = 0; fits && axis < PyArray_NDIM(a); axis++) {
        npy_intp size = axis == 0 ? rows : PyArray_DIM(a, axis);
        strides[axis] = 0;
        if (axis < missing || PyArray_DIM(values, axis - missing) == 1) continue;
        fits = PyArray_DIM(values, axis - missing) == size;
        strides[axis] = PyArray_STRIDE(values, axis - missing);
    }
    if (fits) return 0;
    PyErr_SetString(PyExc_ValueError,
                    "shape mismatch: the values cannot be broadcast to the rows");
    return -1;
}

static int inplace_increment(PyArrayObject *a, PyObject *index, PyArrayObject *inc,
                             int inc_or_set)
{
    npy_intp strides[NPY_MAXDIMS];
    PyArrayObject *values = NULL, *rows = NULL;
    lasagne_sparse_writer writer;
    int failed = -1;

    if (PyArray_FailUnlessWriteable(a, "input/output array") < 0) return -1;
    if (PyArray_NDIM(a) == 0) {
        PyErr_SetString(PyExc_IndexError, "0-d arrays can't be indexed.");
        return -1;
    }
    writer = lasagne_sparse_writer_of(PyArray_TYPE(a));
    if (writer == NULL && PyArray_TYPE(a) != NPY_HALF) {
        PyErr_SetString(PyExc_TypeError, "unsupported type for a");
        return -1;
    }
    Py_INCREF(PyArray_DESCR(a));
    values = (PyArrayObject *)PyArray_FromAny((PyObject *)inc, PyArray_DESCR(a), 0, 0,
                                              NPY_ARRAY_FORCECAST | NPY_ARRAY_ALIGNED,
                                              NULL);
    rows = (PyArrayObject *)PyArray_FROMANY(index, NPY_INTP, 1, 1, NPY_ARRAY_CARRAY_RO);
    if (values == NULL || rows == NULL) goto done;
    if (writer == NULL || !PyArray_ISALIGNED(a)) {
        failed = lasagne_sparse_write_by_numpy(a, index, (PyObject *)values, inc_or_set);
        goto done;
    }
    {
        npy_intp size = PyArray_DIM(a, 0), count = PyArray_SIZE(rows);
        const npy_intp *row = (const npy_intp *)PyArray_DATA(rows);
        if (lasagne_sparse_strides(values, a, count, strides)) goto done;
        for (npy_intp k = 0; k < count; k++) {
            if (row[k] < -size || row[k] >= size) {
                PyErr_Format(PyExc_IndexError,
                             "index %zd is out of bounds for axis 0 with size %zd",
                             row[k], size);
                goto done;
            }
        }
        for (npy_intp k = 0; k < count; k++) {
            writer(PyArray_BYTES(a) + (row[k] < 0 ? row[k] + size : row[k]) *
                       PyArray_STRIDE(a, 0), PyArray_STRIDES(a) + 1,
                   PyArray_BYTES(values) + k * strides[0], strides + 1,
                   PyArray_DIMS(a) + 1, PyArray_NDIM(a) - 1, inc_or_set);
        }
        failed = 0;
    }
done:
    Py_XDECREF(values);
    Py_XDECREF(rows);
    return failed;
}
