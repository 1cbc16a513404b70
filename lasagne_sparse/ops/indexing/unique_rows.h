/* The distinct rows among some rows, and the rows grouped: by a radix sort.
   Plain C++, no Python: benchmarks/unique_rows.py times it against other ways.
   It has no branch that depends on the rows, which is why it beats a hash table:
   there, whether a row is new is anybody's guess, and every wrong one costs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef LASAGNE_SPARSE_UNIQUE_ROWS
#define LASAGNE_SPARSE_UNIQUE_ROWS

/* A row and its position among the lookups. Where both are below 2^32 they
   need half the memory. */
template <typename number_t>
struct lasagne_sparse_lookup {
    number_t row;
    number_t position;
};

/* How many bits has the largest row, and how many of them does one pass sort by? */
static inline void lasagne_sparse_digits(int64_t n, int64_t num_rows, int *passes,
                                         int *bits)
{
    /* A digit costs a counter for each of its values: short digits for few lookups. */
    const int longest = n < 2048 ? 8 : 12;
    int total = 1;
    while (total < 63 && (num_rows - 1) >> total) total++;
    *passes = (total + longest - 1) / longest;
    *bits = (total + *passes - 1) / *passes;
}

/* Sorts by digits, the least significant first, then numbers the groups.
   Returns the number of distinct rows, or -1 if memory is short. */
template <typename number_t>
static int64_t lasagne_sparse_radix(const int64_t *wanted, int64_t n, int64_t num_rows,
                                    int64_t *rows, int64_t *inverse, int64_t *order,
                                    int64_t *offsets)
{
    typedef lasagne_sparse_lookup<number_t> lookup_t;
    int passes, bits;
    lasagne_sparse_digits(n, num_rows, &passes, &bits);
    const size_t size = size_t(1) << bits;
    const uint64_t mask = size - 1;
    lookup_t *from = (lookup_t *)malloc(n * sizeof(lookup_t));
    lookup_t *to = (lookup_t *)malloc(n * sizeof(lookup_t));
    number_t *starts = (number_t *)calloc(passes * size, sizeof(number_t));
    if (from == NULL || to == NULL || starts == NULL) {
        free(from);
        free(to);
        free(starts);
        return -1;
    }

    for (int64_t i = 0; i < n; i++)
        for (int p = 0; p < passes; p++)
            starts[p * size + ((uint64_t(wanted[i]) >> (p * bits)) & mask)]++;
    for (int p = 0; p < passes; p++) {
        number_t start = 0;
        for (size_t digit = 0; digit < size; digit++) {
            const number_t count = starts[p * size + digit];
            starts[p * size + digit] = start;
            start += count;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        const lookup_t lookup = {number_t(wanted[i]), number_t(i)};
        from[starts[uint64_t(wanted[i]) & mask]++] = lookup;
    }
    for (int p = 1; p < passes; p++) {
        number_t *start = starts + p * size;
        for (int64_t i = 0; i < n; i++) {
            const lookup_t lookup = from[i];
            to[start[(uint64_t(lookup.row) >> (p * bits)) & mask]++] = lookup;
        }
        lookup_t *other = from;
        from = to;
        to = other;
    }

    int64_t group = -1, previous = -1;
    offsets[0] = 0;
    for (int64_t j = 0; j < n; j++) {
        const int64_t row = from[j].row, position = from[j].position;
        group += row != previous;
        previous = row;
        rows[group] = row;
        offsets[group + 1] = j + 1;
        order[j] = position;
        inverse[position] = group;
    }
    free(from);
    free(to);
    free(starts);
    return group + 1;
}

/* wanted[n] in [0, num_rows) -> rows, inverse, order, offsets as UniqueRows says.
   `rows` has room for n and `offsets` for n + 1 numbers.
   Returns the number of distinct rows, or -1 if memory is short. */
static int64_t lasagne_sparse_unique(const int64_t *wanted, int64_t n, int64_t num_rows,
                                     int64_t *rows, int64_t *inverse, int64_t *order,
                                     int64_t *offsets)
{
    if (n == 0) {  /* malloc(0) may give NULL */
        offsets[0] = 0;
        return 0;
    }
    const bool small = num_rows < INT64_C(0xffffffff) && n < INT64_C(0xffffffff);
    return small ? lasagne_sparse_radix<uint32_t>(wanted, n, num_rows, rows, inverse,
                                                  order, offsets)
                 : lasagne_sparse_radix<uint64_t>(wanted, n, num_rows, rows, inverse,
                                                  order, offsets);
}
#endif
