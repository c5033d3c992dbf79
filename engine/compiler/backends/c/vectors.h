/* Stretches of a program: their numbers in vectors of examples, as many as fit into a register. */
#include <math.h>
#include <string.h>

typedef real V __attribute__((vector_size(64)));
typedef integer I __attribute__((vector_size(64)));
enum { W = sizeof(V) / sizeof(real), B = BLOCKS };

/* A slot of a memory, and where its number is on the tape, or among the scalars. */
struct place { int memory, index; long slot; };

struct list { long n; const struct place *places; };

/* Functions that compute examples, or what is the same for all of them. */
typedef void part(V *restrict tape, const real *restrict scalars, V *restrict sums, const I *there);
typedef void scalar_part(real *scalars, V *sums);

struct stretch {
    long n_sums, n_tape, n_parts;
    struct list inputs, read, written, uniform_read, uniform_written;
    part *const *parts;
    scalar_part *const *before, *const *after;
};

V v_tanh_and_sech2(V x, V *sech2);

static inline V all(real number)
{
    return number - (V){0};
}

static inline V kept(V terms, I there)
{
    return (V)((I)terms & there);
}

static inline real total(V sums)
{
    real sum = sums[0];

    for (int k = 1; k < W; k++)
        sum += sums[k];
    return sum;
}

/* A function of vectors from one of numbers, for a compiler that makes vectors of loops. */
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
