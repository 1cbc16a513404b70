/* Ways to find the distinct rows among n rows; timed by unique_rows.py.
   Each has the contract of lasagne_sparse_unique in ops/indexing/unique_rows.h, except
   that the hash table gives the rows in the order of their first appearance. */
#include "unique_rows.h"
#include <algorithm>
#include <vector>

/* the numbers of the groups in a sorted sequence: rows, inverse, offsets */
template <typename row_of_t>
static int64_t group_sorted(const int64_t *order, int64_t n, row_of_t row_of,
                            int64_t *rows, int64_t *inverse, int64_t *offsets)
{
    int64_t num_distinct = 0;
    for (int64_t j = 0; j < n; j++) {
        const int64_t row = row_of(j);
        if (j == 0 || row != rows[num_distinct - 1]) {
            offsets[num_distinct] = j;
            rows[num_distinct++] = row;
        }
        inverse[order[j]] = num_distinct - 1;
    }
    offsets[num_distinct] = n;
    return num_distinct;
}

struct pair_t {
    int64_t row, position;
    bool operator<(const pair_t &other) const
    {
        return row < other.row || (row == other.row && position < other.position);
    }
};

extern "C" int64_t by_radix(const int64_t *wanted, int64_t n, int64_t num_rows,
                            int64_t *rows, int64_t *inverse, int64_t *order,
                            int64_t *offsets)
{
    return lasagne_sparse_unique(wanted, n, num_rows, rows, inverse, order, offsets);
}

/* A slot of the hash table: a row and its position among the distinct rows.
   Rows and positions below 2^32 - 1 need half the memory. */
template <typename number_t>
struct slot {
    number_t row;
    number_t place;
};

/* Fills the hash table; returns the number of distinct rows, or -1 without memory.
   `counts` holds n zeros and receives the number of lookups of each distinct row. */
template <typename number_t>
static int64_t hash(const int64_t *wanted, int64_t n, int64_t *rows,
                                   int64_t *inverse, int64_t *counts)
{
    typedef slot<number_t> slot_t;
    const number_t empty = number_t(-1);
    const int ahead = 16;  /* lookups between the prefetch of a slot and its use */
    int bits = 4;
    while ((int64_t(1) << bits) < 2 * n) bits++;  /* at most half full */
    const uint64_t mask = (uint64_t(1) << bits) - 1;
    const int shift = 64 - bits;
    slot_t *slots = (slot_t *)malloc((mask + 1) * sizeof(slot_t));
    if (slots == NULL) return -1;
    memset(slots, 0xff, (mask + 1) * sizeof(slot_t));

    int64_t num_distinct = 0;
    for (int64_t i = 0; i < n; i++) {
        /* Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4) */
        const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);
        if (i + ahead < n)
            __builtin_prefetch(&slots[(uint64_t(wanted[i + ahead]) * golden) >> shift], 1);
        const number_t row = number_t(wanted[i]);
        uint64_t at = (uint64_t(wanted[i]) * golden) >> shift;
        while (slots[at].row != row && slots[at].place != empty) at = (at + 1) & mask;
        /* Whether a row is new is anybody's guess: no branch depends on it. */
        const bool is_new = slots[at].place == empty;
        const int64_t place = is_new ? num_distinct : int64_t(slots[at].place);
        slots[at].row = row;
        slots[at].place = number_t(place);
        rows[place] = wanted[i];
        inverse[i] = place;
        counts[place]++;
        num_distinct += is_new;
    }
    free(slots);
    return num_distinct;
}

extern "C" int64_t by_hash(const int64_t *wanted, int64_t n, int64_t num_rows,
                           int64_t *rows, int64_t *inverse, int64_t *order,
                           int64_t *offsets)
{
    int64_t *next = (int64_t *)calloc(n + 1, sizeof(int64_t));
    if (next == NULL) return -1;
    const int64_t num_distinct = hash<uint32_t>(wanted, n, rows, inverse, next);
    if (num_distinct >= 0) {
        int64_t start = 0;
        for (int64_t k = 0; k < num_distinct; k++) {
            const int64_t count = next[k];
            offsets[k] = next[k] = start;
            start += count;
        }
        offsets[num_distinct] = n;
        for (int64_t i = 0; i < n; i++) order[next[inverse[i]]++] = i;
    }
    free(next);
    return num_distinct;
}

extern "C" int64_t by_sort(const int64_t *wanted, int64_t n, int64_t num_rows,
                           int64_t *rows, int64_t *inverse, int64_t *order,
                           int64_t *offsets)
{
    std::vector<pair_t> pairs(n);
    for (int64_t i = 0; i < n; i++) pairs[i] = {wanted[i], i};
    std::sort(pairs.begin(), pairs.end());
    for (int64_t j = 0; j < n; j++) order[j] = pairs[j].position;
    const pair_t *sorted = pairs.data();
    return group_sorted(order, n, [=](int64_t j) { return sorted[j].row; }, rows,
                        inverse, offsets);
}
