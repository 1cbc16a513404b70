/* Philox4x32-10 (Salmon et al., SC11): blocks of 128 random bits by their number.
   The twin of philox.py. Plain C++, no Python. */
#include <stdint.h>

#ifndef LASAGNE_SPARSE_PHILOX
#define LASAGNE_SPARSE_PHILOX

/* Writes the halves of blocks position, ..., position + N - 1. N is fixed, so that the
   loops inside are vectorised: no block waits for another. */
template <int N>
static inline void lasagne_sparse_philox(uint64_t seed, uint64_t stream,
                                         uint64_t position, uint64_t *__restrict__ first,
                                         uint64_t *__restrict__ second)
{
    /* Words of 32 bits, each in 64: the products need the room. */
    uint64_t c0[N], c1[N], c2[N], c3[N];
    const uint64_t low = UINT64_C(0xFFFFFFFF);
    for (int i = 0; i < N; i++) {
        c0[i] = (position + i) & low;
        c1[i] = (position + i) >> 32;
        c2[i] = stream & low;
        c3[i] = stream >> 32;
    }
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < N; i++) {
            const uint64_t one = UINT64_C(0xD2511F53) * c0[i];
            const uint64_t two = UINT64_C(0xCD9E8D57) * c2[i];
            c0[i] = (two >> 32) ^ c1[i] ^ k0;
            c1[i] = two & low;
            c2[i] = (one >> 32) ^ c3[i] ^ k1;
            c3[i] = one & low;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < N; i++) {
        first[i] = c0[i] | c1[i] << 32;
        second[i] = c2[i] | c3[i] << 32;
    }
}
#endif
