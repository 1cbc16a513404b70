/* The Op Draw: as many classes as are wanted, each once if they are to be distinct.
   Needs arrays.h, philox.h, candidates.h. */
#include <stdlib.h>
#include <string.h>

#ifndef LASAGNE_SPARSE_DRAW
#define LASAGNE_SPARSE_DRAW

/* The classes that were drawn: open addressing, at most half full. */
struct lasagne_sparse_class_set {
    int64_t *slots;
    uint64_t mask;
};

/* Where a class is looked for first: spread, as neighbours often come together. */
static inline uint64_t lasagne_sparse_slot(const lasagne_sparse_class_set &set,
                                           int64_t value)
{
    return (uint64_t(value) * UINT64_C(0x9E3779B97F4A7C15)) >> 20 & set.mask;
}

/* Puts a class in; false if it is there. */
static inline bool lasagne_sparse_insert(const lasagne_sparse_class_set &set,
                                         int64_t value)
{
    uint64_t slot = lasagne_sparse_slot(set, value);
    while (set.slots[slot] >= 0) {
        if (set.slots[slot] == value) return false;
        slot = (slot + 1) & set.mask;
    }
    set.slots[slot] = value;
    return true;
}

/* Fills classes[wanted]. Moves state[2] on by the blocks that were read. Returns the
   number of draws, repeats among them, -1 if these would be more than max_tries, or -2
   if memory is short. */
template <int distribution, bool unique>
static int64_t lasagne_sparse_fill_classes(const lasagne_sparse_distribution &d,
                                           int64_t *state, int64_t wanted,
                                           int64_t max_tries, int64_t *classes)
{
    lasagne_sparse_class_set set = {NULL, 0};
    if (unique) {
        uint64_t size = 16;
        while (size < 2 * uint64_t(wanted)) size *= 2;
        set.mask = size - 1;
        set.slots = (int64_t *)malloc(size * sizeof(int64_t));
        if (set.slots == NULL) return -2;
        memset(set.slots, 0xff, size * sizeof(int64_t));
    }
    int64_t found[CANDIDATES], taken = 0, tries = 0;
    uint64_t position = state[2];
    while (taken < wanted && tries <= max_tries) {
        lasagne_sparse_candidates<distribution>(d, state[0], state[1], position, found);
        int i = 0;
        if (!unique && wanted - taken >= CANDIDATES) {
            const int64_t before = taken;
            for (; i < CANDIDATES; i++) {  /* no branch: see candidates.h */
                classes[taken] = found[i];
                taken += found[i] >= 0;
            }
            tries += taken - before;
        }
        if (unique)
            for (int j = 0; j < CANDIDATES; j++)
                __builtin_prefetch(set.slots + lasagne_sparse_slot(set, found[j]));
        for (; i < CANDIDATES && taken < wanted; i++) {
            if (found[i] < 0) continue;
            tries++;
            if (!unique || lasagne_sparse_insert(set, found[i]))
                classes[taken++] = found[i];
        }
        position += i;
    }
    free(set.slots);
    state[2] = position;
    return tries <= max_tries ? tries : -1;
}

/* Checks the numbers. Returns 0, or -1 with the error set; see check_draw in draw.py. */
static int lasagne_sparse_check_draw(int64_t num_samples, int64_t num_classes,
                                     int64_t num_possible, bool unique)
{
    if (num_samples < 0)
        PyErr_Format(PyExc_ValueError, "num_samples must not be negative, got %lld",
                     (long long)num_samples);
    else if (num_samples > 0 && num_possible < 1)
        PyErr_Format(PyExc_ValueError,
                     "cannot draw a sample of %lld of %lld classes, of which none has a "
                     "positive probability", (long long)num_samples,
                     (long long)num_classes);
    else if (unique && num_samples > num_possible)
        PyErr_Format(PyExc_ValueError,
                     "cannot draw %lld distinct classes of %lld, of which %lld have a "
                     "positive probability: draw fewer, or with replacement "
                     "(unique=False)", (long long)num_samples, (long long)num_classes,
                     (long long)num_possible);
    else
        return 0;
    return -1;
}

/* Everything is checked and drawn before an output is changed: they may lie where
   those of an earlier call are still in use. */
template <int distribution, bool unique>
static int lasagne_sparse_draw(PyArrayObject *old_state, int64_t num_samples,
                               const lasagne_sparse_distribution &d,
                               int64_t num_possible, int64_t tries_per_sample,
                               PyArrayObject **classes, PyArrayObject **tries,
                               PyArrayObject **new_state)
{
    if (PyArray_DIM(old_state, 0) != 3) {
        PyErr_Format(PyExc_ValueError, "the state of a sampler has 3 numbers, seed, "
                     "stream and position; got %lld",
                     (long long)PyArray_DIM(old_state, 0));
        return -1;
    }
    if (lasagne_sparse_check_draw(num_samples, d.num_classes, num_possible, unique))
        return -1;
    int64_t state[3];
    for (int i = 0; i < 3; i++)
        state[i] = *(const int64_t *)PyArray_GETPTR1(old_state, i);
    const npy_intp size = num_samples, three = 3;
    const int64_t most = unique ? tries_per_sample * (num_samples + 100) : INT64_MAX;
    if (lasagne_sparse_ensure(classes, 1, &size, NPY_INT64)) return -1;
    const int64_t count = lasagne_sparse_fill_classes<distribution, unique>(
        d, state, num_samples, most, (int64_t *)PyArray_DATA(*classes));
    if (count == -2) PyErr_NoMemory();
    if (count == -1)
        PyErr_Format(PyExc_ValueError, "%lld draws gave less than %lld distinct classes "
                     "of %lld: a few are much more probable than the others. Draw "
                     "fewer, or with replacement (unique=False)", (long long)most,
                     (long long)num_samples, (long long)d.num_classes);
    if (count < 0) return -1;
    if (lasagne_sparse_ensure(tries, 0, NULL, NPY_INT64) ||
        lasagne_sparse_ensure(new_state, 1, &three, NPY_INT64))
        return -1;
    *(int64_t *)PyArray_DATA(*tries) = count;
    memcpy(PyArray_DATA(*new_state), state, sizeof(state));
    return 0;
}
#endif
