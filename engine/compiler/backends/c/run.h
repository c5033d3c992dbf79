/* A memory as Python sees it: the number of an example in a slot is numbers[slot * across + example * down]. */
struct memory { long long numbers, across, down; };

/* A slot of a memory, and where its number is in t or u. */
struct place { long long memory, slot, index; };

/* The parts and the places of each kind follow one another; so many there are. */
struct stretch { long long first, before, each, after, n_tape, n_sums, uniform_read, read, written, uniform_written; };

static real *at(const struct memory *memories, const struct place *place, long long example)
{
    const struct memory *memory = memories + place->memory;

    return (real *)(size_t)memory->numbers + place->slot * memory->across + example * memory->down;
}

/* Numbers of W slots side by side, of W examples: transposed, by dealing the rows out as cards again and again. */
static int load_block(const struct memory *memories, const struct place *places, V *t, long long i, long long w)
{
#ifndef __clang__ /* which has no such shuffle */
    V block[W], dealt[W];
    I first, second;

    if (memories[places->memory].across == 1 && places[W - 1].slot == places->slot + W - 1) {
#pragma GCC unroll 16
        for (int k = 0; k < W; k++) {
            first[k] = k / 2 + k % 2 * W;
            second[k] = first[k] + W / 2;
            memcpy(block + k, at(memories, places, k < w ? i + k : 0), sizeof(V));
            __builtin_prefetch(at(memories, places, i + k + B * W)); /* of the next blocks, while these are computed */
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
            t[places[k].index * B] = block[k];
        return 1;
    }
#endif
    return 0;
}

/* Read w examples from example i on, which may be none; the others are that with which the batch begins. */
static void load(const struct memory *memories, const struct place *places, const struct place *end, V *t,
                 long long i, long long w)
{
    for (const struct place *p = places; p < end; p++)
        if (end - p >= W && p[W - 1].memory == p->memory && load_block(memories, p, t, i, w))
            p += W - 1;
        else if (w == W && memories[p->memory].down == 1)
            memcpy(t + p->index * B, at(memories, p, i), sizeof *t);
        else
            for (int k = 0; k < W; k++)
                t[p->index * B][k] = *at(memories, p, k < w ? i + k : 0);
}

/* Sums of a few blocks are added to those of all, so that rounding errors do not grow with the batch. */
static void add(V *s, real *u, long long n)
{
    for (long long k = 0; k < n; k++) {
        real sum = 0.0;

        for (int lane = 0; lane < W; lane++)
            sum += s[k][lane];
        u[~k] += sum;
        s[k] = (V){0};
    }
}

/* Run a stretch on n examples, with work as memory. Returns whether an operation forward gave infinity or NaN. */
int run(const struct stretch *stretch, const struct place *places, const struct memory *memories, long long n, V *work)
{
    const struct place *read = places + stretch->uniform_read, *written = read + stretch->read;
    const struct place *uniform_written = written + stretch->written, *end = uniform_written + stretch->uniform_written;
    part *const *before = parts + stretch->first, *const *each = before + stretch->before;
    part *const *after = each + stretch->each, *const *last = after + stretch->after;
    V *t = work, *s = t + B * stretch->n_tape;
    real *u = (real *)(s + stretch->n_sums) + stretch->n_sums;
    I there[B];

    memset(s, 0, (char *)u - (char *)s);
    for (const struct place *p = places; p < read; p++)
        u[p->index] = *at(memories, p, 0);
    for (part *const *p = before; p < each; p++)
        (*p)(t, u, s, there);
    for (long long i = 0, count = 1; i < n; i += B * W, count++) {
        long long w[B];

        for (int b = 0; b < B; b++) {
            w[b] = n - i < b * W ? 0 : n - i < b * W + W ? n - i - b * W : W;
            for (int k = 0; k < W; k++)
                there[b][k] = -(k < w[b]);
            load(memories, read, written, t + b, i + b * W, w[b]);
        }
        for (part *const *p = each; p < after; p++)
            (*p)(t, u, s, there);
        for (const struct place *p = written; p < uniform_written; p++)
            for (int b = 0; b < B; b++)
                memcpy(at(memories, p, i + b * W), t + p->index * B + b, w[b] * sizeof(real));
        if (count % 64 == 0)
            add(s, u, stretch->n_sums);
    }
    add(s, u, stretch->n_sums);
    for (part *const *p = after; p < last; p++)
        (*p)(t, u, s, there);
    for (const struct place *p = uniform_written; p < end; p++)
        *at(memories, p, 0) = u[p->index];
    return isnan(u[-1]);
}
