/* Vector functions from those of one number, which the compiler takes from a vector library where there is one. */
#if defined __x86_64__ && defined __GLIBC_PREREQ && __has_attribute(simd)
#if __GLIBC_PREREQ(2, 35)
#define VECTOR(name) double name(double) __attribute__((simd("notinbranch")));
#define VECTOR2(name) double name(double, double) __attribute__((simd("notinbranch")));
VECTOR(exp) VECTOR(expm1) VECTOR(log) VECTOR(log10) VECTOR(log1p) VECTOR(sin) VECTOR(cos) VECTOR(tan)
VECTOR(asin) VECTOR(acos) VECTOR(atan) VECTOR(sinh) VECTOR(cosh) VECTOR(tanh) VECTOR(erf) VECTOR(erfc)
VECTOR2(pow) VECTOR2(atan2) VECTOR2(hypot)
#endif
#endif
/* For block b of those that start with example i: w examples, which may be none; the others are made of the first. */
static void load(const struct list *list, V *tape, real *const *memories, long n, long i, long b, long w)
{
    for (const struct place *p = list->places; p < list->places + list->n; p++) {
        const real *from = memories[p->memory] + p->slot * n + i;
        V *to = tape + p->index * B + b;

        if (w == W)
            memcpy(to, from + b * W, sizeof *to);
        else
            for (long lane = 0; lane < W; lane++)
                (*to)[lane] = from[lane < w ? b * W + lane : 0];
    }
}

#ifndef __clang__ /* which has no such shuffle */
/* Numbers of W columns side by side, of W rows: transposed, by dealing the rows out as cards again and again. */
static void load_block(V *to, const real *const *rows, long column)
{
    V block[W], dealt[W];
    I first, second;

#pragma GCC unroll 16
    for (int k = 0; k < W; k++) {
        first[k] = k / 2 + k % 2 * W;
        second[k] = first[k] + W / 2;
        memcpy(block + k, rows[k] + column, sizeof(V));
    }
#pragma GCC unroll 8
    for (int size = 1; size < W; size *= 2) {
#pragma GCC unroll 8
        for (int k = 0; k < W / 2; k++) {
            dealt[2 * k] = __builtin_shuffle(block[k], block[k + W / 2], first);
            dealt[2 * k + 1] = __builtin_shuffle(block[k], block[k + W / 2], second);
        }
        memcpy(block, dealt, sizeof block);
    }
#pragma GCC unroll 16
    for (int k = 0; k < W; k++)
        to[k * B] = block[k];
}
#endif

/* The inputs lie on the tape in the order of their slots. */
static void load_inputs(const struct list *list, V *tape, const real *const *rows, long across)
{
    const struct place *places = list->places;

    for (long k = 0; k < list->n; k++) {
        real *to = (real *)(tape + places[k].index * B);

#ifndef __clang__
        if (across == 1 && k + W <= list->n && places[k + W - 1].slot == places[k].slot + W - 1) {
            load_block(tape + places[k].index * B, rows, places[k].slot);
            k += W - 1;
            continue;
        }
#endif
        for (long lane = 0; lane < W; lane++)
            to[lane] = rows[lane][places[k].slot * across];
    }
}

static void store(const struct list *list, const V *tape, real *const *memories, long n, long i, long b, long w)
{
    for (const struct place *p = list->places; p < list->places + list->n; p++)
        memcpy(memories[p->memory] + p->slot * n + i + b * W, tape + p->index * B + b, w * sizeof(real));
}

/* The inputs of n examples: number[row * down + column * across], the rows all of them or those that are chosen. */
struct batch { const real *numbers; long across, down; const long long *chosen; long n; };

static const real *row(const struct batch *batch, long example)
{
    return batch->numbers + (batch->chosen ? batch->chosen[example] : example) * batch->down;
}

/* Have those rows of the next block in the cache that are read while a part computes. */
static void fetch(const struct batch *batch, const struct stretch *stretch, long i, long part)
{
    long share = (B * W + stretch->n_parts - 1) / stretch->n_parts, n = stretch->inputs.n, next = i + B * W;
    const struct place *places = stretch->inputs.places;

    if (n && batch->across == 1)
        for (long k = next + part * share; k < next + (part + 1) * share && k < batch->n; k++)
            for (long slot = places[0].slot; slot <= places[n - 1].slot; slot += W)
                __builtin_prefetch(row(batch, k) + slot);
}

static void run_block(const struct batch *batch, const struct stretch *stretch, real *const *memories, long i,
                      V *tape, const real *scalars, V *sums)
{
    I there[B];

    for (long b = 0; b < B; b++) {
        long left = batch->n - i - b * W, w = left < 0 ? 0 : left < W ? left : W;
        const real *rows[W];

        for (long lane = 0; lane < W; lane++) {
            rows[lane] = row(batch, i + (lane < w ? b * W + lane : 0));
            there[b][lane] = -(lane < w);
        }
        load_inputs(&stretch->inputs, tape + b, rows, batch->across);
        load(&stretch->read, tape, memories, batch->n, i, b, w);
    }
    for (long k = 0; k < stretch->n_parts; k++) {
        fetch(batch, stretch, i, k);
        stretch->parts[k](tape, scalars, sums, there);
    }
    for (long b = 0; b < B; b++) {
        long left = batch->n - i - b * W;
        store(&stretch->written, tape, memories, batch->n, i, b, left < 0 ? 0 : left < W ? left : W);
    }
}

/* Sums of a few blocks are added to those of all, so that rounding errors do not grow with the batch. */
static void add(V *totals, V *sums, long n)
{
    for (long k = 0; k < n; k++) {
        totals[k] += sums[k];
        sums[k] = (V){0};
    }
}

/* Run a stretch; work is memory for vectors. Returns whether an operation forward gave infinity or NaN. */
int run(const struct stretch *stretch, const real *numbers, long across, long down, const long long *chosen,
        real *const *memories, long n, V *work)
{
    const struct batch batch = {numbers, across, down, chosen, n};
    const struct list *uniform = &stretch->uniform_read, *written = &stretch->uniform_written;
    V *tape = work, *sums = tape + stretch->n_tape * B, *totals = sums + stretch->n_sums;
    real *scalars = (real *)(totals + stretch->n_sums);

    memset(sums, 0, 2 * stretch->n_sums * sizeof *sums);
    for (const struct place *p = uniform->places; p < uniform->places + uniform->n; p++)
        scalars[p->index] = memories[p->memory][p->slot];
    for (scalar_part *const *part = stretch->before; *part; part++)
        (*part)(scalars, sums);
    for (long i = 0, k = 1; (stretch->n_parts || stretch->written.n) && i < n; i += B * W, k++) {
        run_block(&batch, stretch, memories, i, tape, scalars, sums);
        if (k % 64 == 0)
            add(totals, sums, stretch->n_sums);
    }
    add(totals, sums, stretch->n_sums);
    for (scalar_part *const *part = stretch->after; *part; part++)
        (*part)(scalars, totals);
    for (const struct place *p = written->places; p < written->places + written->n; p++)
        memories[p->memory][p->slot] = p->index < 0 ? total(totals[-p->index]) : scalars[p->index];
    return isnan(total(totals[0]));
}
