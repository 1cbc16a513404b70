/* Which class does a block of random bits mean? The twin of candidates.py, bit for
   bit: integers and single multiplications, which no compiler rounds in another way.
   Plain C++, no Python. Needs philox.h. */

#ifndef LASAGNE_SPARSE_CANDIDATES
#define LASAGNE_SPARSE_CANDIDATES

/* The order of DISTRIBUTIONS in candidates.py. */
enum { LASAGNE_SPARSE_UNIFORM, LASAGNE_SPARSE_LOG_UNIFORM, LASAGNE_SPARSE_ALIAS };

/* So many at a time: enough to fetch columns of a big alias table long before they
   are read, few enough to stay in the first cache. */
#define CANDIDATES 128

struct lasagne_sparse_distribution {
    int64_t num_classes;
    const double *alias;  /* (num_classes, 2), of LASAGNE_SPARSE_ALIAS */
};

static inline double lasagne_sparse_fraction(uint64_t bits)
{
    return double(bits >> 11) * (1.0 / 9007199254740992.0);
}

/* A number in [0, n), or -1; `uneven` is 2^64 mod n. */
static inline int64_t lasagne_sparse_column(uint64_t bits, uint64_t n, uint64_t uneven)
{
    const unsigned __int128 product = (unsigned __int128)bits * n;
    return uint64_t(product) >= uneven ? int64_t(product >> 64) : -1;
}

static inline int64_t lasagne_sparse_log_uniform(uint64_t first, uint64_t second,
                                                 int octaves, int64_t num_classes)
{
    const uint64_t product = (first >> 6) * uint64_t(octaves);  /* below 2^64 */
    const int octave = int(product >> 58);
    const double chance = lasagne_sparse_fraction(product << 6);
    const bool taken = chance * (1.0 + lasagne_sparse_fraction(second)) < 1.0;
    const int64_t found =
        int64_t((UINT64_C(1) << octave) + (second >> 1 >> (63 - octave)) - 1);
    return taken & (found < num_classes) ? found : -1;
}

/* Writes the candidates of blocks position, ..., position + CANDIDATES - 1. */
template <int distribution>
static void lasagne_sparse_candidates(const lasagne_sparse_distribution &d,
                                      uint64_t seed, uint64_t stream,
                                      uint64_t position, int64_t *__restrict__ found)
{
    uint64_t first[CANDIDATES], second[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i += 16)
        lasagne_sparse_philox<16>(seed, stream, position + i, first + i, second + i);
    const uint64_t n = d.num_classes;
    if (distribution == LASAGNE_SPARSE_LOG_UNIFORM) {
        int octaves = 0;
        while (octaves < 63 && d.num_classes >> octaves) octaves++;
        for (int i = 0; i < CANDIDATES; i++)
            found[i] = lasagne_sparse_log_uniform(first[i], second[i], octaves,
                                                  d.num_classes);
        return;
    }
    const uint64_t uneven = (0 - n) % n;
    for (int i = 0; i < CANDIDATES; i++)
        found[i] = lasagne_sparse_column(first[i], n, uneven);
    if (distribution == LASAGNE_SPARSE_UNIFORM) return;
    for (int i = 0; i < CANDIDATES; i++)
        __builtin_prefetch(d.alias + 2 * (found[i] < 0 ? 0 : found[i]));
    for (int i = 0; i < CANDIDATES; i++) {  /* no branch: which way is anybody's guess */
        const double *column = d.alias + 2 * (found[i] < 0 ? 0 : found[i]);
        const int64_t is_other = lasagne_sparse_fraction(second[i]) >= column[0];
        const int64_t other = int64_t(column[1]) ^ found[i];
        found[i] ^= other & -(is_other & (found[i] >= 0));
    }
}
#endif
