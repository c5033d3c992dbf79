/* A block has the numbers of as many examples as fit into a register; B blocks are computed side by side. */
#include <math.h>
#include <string.h>

typedef real V __attribute__((vector_size(64)));
typedef integer I __attribute__((vector_size(64)));
enum { W = sizeof(V) / sizeof(real) };

#define ALL(number) ((real)(number) - (V){0})
#define INLINE static inline __attribute__((always_inline))
#define KEPT(terms, there) ((V)((I)(terms) & (there)))

/* Functions that compute B blocks, or what is the same for all examples: with the numbers of blocks in t, those of all
 * examples in u, sums over examples in s, and lanes that are all ones where there is an example. */
typedef void part(V *restrict t, real *restrict u, V *restrict s, const I *there);

V v_tanh_and_sech2(V a, V *sech2);

/* A vector function from one of numbers, for a compiler that makes vectors of loops. */
#define EACH1(name) \
V v_##name(V a) \
{ \
    real x[W], y[W]; \
    memcpy(x, &a, sizeof a); \
    _Pragma("omp simd") for (int k = 0; k < W; k++) y[k] = name(x[k]); \
    memcpy(&a, y, sizeof a); \
    return a; \
}
#define EACH2(name) \
V v_##name(V a, V b) \
{ \
    real x[W], y[W], z[W]; \
    memcpy(x, &a, sizeof a); \
    memcpy(y, &b, sizeof b); \
    _Pragma("omp simd") for (int k = 0; k < W; k++) z[k] = name(x[k], y[k]); \
    memcpy(&a, z, sizeof a); \
    return a; \
}
