/* The Op BagSum: sums of rows of a table by bag. Needs threads.h, bounds.h and arrays.h.

   Whatever the order of the bags, each is summed by one thread, in the order of its
   lookups. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef LASAGNE_SPARSE_BAG_SUM
#define LASAGNE_SPARSE_BAG_SUM

/* Bytes of rows to fetch from memory ahead of the one at work. */
#define LASAGNE_SPARSE_BAG_AHEAD 4096
#define LASAGNE_SPARSE_BAG_BYTES_PER_THREAD 524288

/* The lookups of bag b are order[offsets[b]..offsets[b + 1]), or these numbers
   themselves where there is no order: the bags ascend then. */
struct lasagne_sparse_bags {
    npy_intp num_bags, num_lookups;
    int64_t *rows, *offsets, *order;
    const char *weights;
    npy_intp weight_step;

    int64_t lookup(int64_t place) const { return order == NULL ? place : order[place]; }
};

static void lasagne_sparse_bags_free(lasagne_sparse_bags *bags)
{
    free(bags->rows);
    free(bags->offsets);
    free(bags->order);
}

/* Groups lookups by bag, each group in the order of the lookups. */
static int lasagne_sparse_bags_group(lasagne_sparse_bags *bags, const int64_t *bag_of)
{
    const npy_intp n = bags->num_lookups;
    uint64_t descends = 0;
    int64_t *offsets = (int64_t *)calloc(bags->num_bags + 2, sizeof(int64_t));
    bags->offsets = offsets;
    if (offsets == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (npy_intp i = 1; i < n; i++) descends |= uint64_t(bag_of[i - 1] > bag_of[i]);
    for (npy_intp i = 0; i < n; i++) offsets[bag_of[i] + 2]++;
    for (npy_intp b = 2; b <= bags->num_bags; b++) offsets[b] += offsets[b - 1];
    /* Now offsets[b + 1] is where bag b begins, and moves on to where it ends. */
    if (!descends) {
        for (npy_intp i = 0; i < n; i++) offsets[bag_of[i] + 1]++;
        return 0;
    }
    bags->order = (int64_t *)malloc(n * sizeof(int64_t));
    if (bags->order == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (npy_intp i = 0; i < n; i++) bags->order[offsets[bag_of[i] + 1]++] = i;
    return 0;
}

/* sums[b] for begin <= b < end, of rows whose elements lie side by side. */
template <typename value_t, bool weighted, int UNITS>
static void lasagne_sparse_bag_rows(const lasagne_sparse_bags *bags, const char *table,
                                    npy_intp step, npy_intp row_size, npy_intp begin,
                                    npy_intp end, value_t *sums)
{
    const npy_intp num_units = UNITS ? UNITS : row_size;
    const npy_intp bytes = num_units * sizeof(value_t);
    npy_intp ahead = bytes ? LASAGNE_SPARSE_BAG_AHEAD / bytes : 0;
    if (ahead < 2) ahead = 2;
    if (ahead > 32) ahead = 32;
    const int64_t last = bags->offsets[end];
    for (npy_intp b = begin; b < end; b++) {
        value_t *__restrict__ sum = sums + b * num_units;
        memset(sum, 0, bytes);
        for (int64_t place = bags->offsets[b]; place < bags->offsets[b + 1]; place++) {
            if (place + ahead < last) {
                const char *next =
                    table + bags->rows[bags->lookup(place + ahead)] * step;
                for (npy_intp line = 0; line < bytes; line += 64)
                    __builtin_prefetch(next + line);
                __builtin_prefetch(next + bytes - 1);
            }
            const int64_t i = bags->lookup(place);
            const value_t *__restrict__ row =
                (const value_t *)(table + bags->rows[i] * step);
            if (weighted) {
                const value_t weight =
                    *(const value_t *)(bags->weights + i * bags->weight_step);
                for (npy_intp d = 0; d < num_units; d++) sum[d] += weight * row[d];
            } else {
                for (npy_intp d = 0; d < num_units; d++) sum[d] += row[d];
            }
        }
    }
}

/* Any layout: for each element of a row, all bags. */
template <typename value_t>
static void lasagne_sparse_bag_items(const lasagne_sparse_bags *bags,
                                     PyArrayObject *table, value_t *sums)
{
    const npy_intp num_units = lasagne_sparse_row_size(table);
    const npy_intp step = PyArray_STRIDE(table, 0);
    npy_intp at[NPY_MAXDIMS] = {0};
    const char *item = PyArray_BYTES(table);
    for (npy_intp d = 0; d < num_units; d++) {
        for (npy_intp b = 0; b < bags->num_bags; b++) {
            value_t sum = 0;
            for (int64_t k = bags->offsets[b]; k < bags->offsets[b + 1]; k++) {
                const int64_t i = bags->lookup(k);
                const value_t element = *(const value_t *)(item + bags->rows[i] * step);
                sum += bags->weights == NULL
                    ? element
                    : *(const value_t *)(bags->weights + i * bags->weight_step)
                          * element;
            }
            sums[b * num_units + d] = sum;
        }
        for (int k = PyArray_NDIM(table) - 1; k > 0; k--) {
            item += PyArray_STRIDE(table, k);
            if (++at[k] < PyArray_DIM(table, k)) break;
            item -= at[k] * PyArray_STRIDE(table, k);
            at[k] = 0;
        }
    }
}

/* The first bag that begins at `place` or later. */
static npy_intp lasagne_sparse_bag_at(const lasagne_sparse_bags *bags, int64_t place)
{
    npy_intp low = 0, high = bags->num_bags;
    while (low < high) {
        const npy_intp middle = low + (high - low) / 2;
        if (bags->offsets[middle] < place) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Shares the bags out so that threads have about as many rows to add. */
template <typename value_t, bool weighted>
static void lasagne_sparse_bag_sums(const lasagne_sparse_bags *bags,
                                    PyArrayObject *table, value_t *sums)
{
    const npy_intp num_units = lasagne_sparse_row_size(table);
    const npy_intp n = bags->num_lookups, step = PyArray_STRIDE(table, 0);
    const int threads = lasagne_sparse_threads(
        (n + bags->num_bags) * num_units * sizeof(value_t),
        LASAGNE_SPARSE_BAG_BYTES_PER_THREAD);
    /* rows of these sizes stay in registers while a bag is summed */
    auto *const loop = num_units == 16 ? lasagne_sparse_bag_rows<value_t, weighted, 16>
        : num_units == 32 ? lasagne_sparse_bag_rows<value_t, weighted, 32>
        : num_units == 64 ? lasagne_sparse_bag_rows<value_t, weighted, 64>
        : lasagne_sparse_bag_rows<value_t, weighted, 0>;
    lasagne_sparse_for(threads, threads, [&](npy_intp t) {
        const npy_intp begin =
            t == 0 ? 0 : lasagne_sparse_bag_at(bags, n * t / threads);
        const npy_intp end = t == threads - 1
            ? bags->num_bags : lasagne_sparse_bag_at(bags, n * (t + 1) / threads);
        loop(bags, PyArray_BYTES(table), step, num_units, begin, end, sums);
    });
}

/* Is there one element for each index? */
static int lasagne_sparse_bag_check(PyArrayObject *vector, npy_intp num_lookups)
{
    if (vector == NULL || PyArray_DIM(vector, 0) == num_lookups) return 0;
    PyErr_Format(PyExc_ValueError,
                 "expected a bag, and a weight if there are any, for each of %lld "
                 "indices; got %lld", (long long)num_lookups,
                 (long long)PyArray_DIM(vector, 0));
    return -1;
}

/* Makes the groups; to be freed also after an error. */
template <typename index_t>
static int lasagne_sparse_bags_init(lasagne_sparse_bags *bags, PyArrayObject *table,
                                    PyArrayObject *indices, PyArrayObject *bag_of,
                                    int64_t num_bags, PyArrayObject *weights,
                                    PyObject *name)
{
    memset(bags, 0, sizeof(*bags));
    bags->num_lookups = PyArray_DIM(indices, 0);
    bags->num_bags = num_bags < 0 ? 0 : num_bags;
    if (weights != NULL) {
        bags->weights = PyArray_BYTES(weights);
        bags->weight_step = PyArray_STRIDE(weights, 0);
    }
    if (lasagne_sparse_bag_check(bag_of, bags->num_lookups) < 0 ||
        lasagne_sparse_bag_check(weights, bags->num_lookups) < 0)
        return -1;
    bags->rows = lasagne_sparse_rows<index_t>(indices, PyArray_DIM(table, 0), name);
    if (bags->rows == NULL) return -1;
    PyObject *what = PyUnicode_FromString("bags");
    if (what == NULL) return -1;
    int64_t *numbers = lasagne_sparse_rows<npy_int64>(bag_of, bags->num_bags, what);
    Py_DECREF(what);
    if (numbers == NULL) return -1;
    const int failed = lasagne_sparse_bags_group(bags, numbers);
    free(numbers);
    return failed;
}

template <typename index_t, typename value_t>
static int lasagne_sparse_bag_sum(PyArrayObject *table, PyArrayObject *indices,
                                  PyArrayObject *bag_of, int64_t num_bags,
                                  PyArrayObject *weights, PyObject *name,
                                  PyArrayObject **sums)
{
    lasagne_sparse_bags bags;
    int failed = lasagne_sparse_bags_init<index_t>(&bags, table, indices, bag_of,
                                                   num_bags, weights, name);
    if (!failed) {
        npy_intp dims[NPY_MAXDIMS];
        memcpy(dims, PyArray_DIMS(table), PyArray_NDIM(table) * sizeof(npy_intp));
        dims[0] = bags.num_bags;
        failed = lasagne_sparse_ensure(sums, PyArray_NDIM(table), dims,
                                       PyArray_TYPE(table));
    }
    if (!failed) {
        value_t *data = (value_t *)PyArray_DATA(*sums);
        if (!lasagne_sparse_rows_contiguous(table))
            lasagne_sparse_bag_items<value_t>(&bags, table, data);
        else if (weights != NULL)
            lasagne_sparse_bag_sums<value_t, true>(&bags, table, data);
        else
            lasagne_sparse_bag_sums<value_t, false>(&bags, table, data);
    }
    lasagne_sparse_bags_free(&bags);
    return failed;
}
#endif
