/* Functions of double that the compiler takes from a vector library where there is one. */
#if defined __x86_64__ && defined __GLIBC_PREREQ && __has_attribute(simd)
#if __GLIBC_PREREQ(2, 35)
#define VECTOR(name) double name(double) __attribute__((simd("notinbranch")));
#define VECTOR2(name) double name(double, double) __attribute__((simd("notinbranch")));
VECTOR(expm1) VECTOR(log) VECTOR(log10) VECTOR(log1p) VECTOR(sin) VECTOR(cos) VECTOR(tan) VECTOR(exp)
VECTOR(asin) VECTOR(acos) VECTOR(atan) VECTOR(sinh) VECTOR(cosh) VECTOR(tanh) VECTOR(erf) VECTOR(erfc)
VECTOR2(pow) VECTOR2(atan2) VECTOR2(hypot)
#endif
#endif

/* Functions that take less time than those of the platform, in units of the last place of a double: exp within two,
 * tanh within three, its derivative within five. A product and the sum after it may round once: that is no less exact,
 * and takes a fifth less time. */
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
INLINE double power_of_two(long long k)
{
    double power;

    k = (k + 1023) << 52;
    memcpy(&power, &k, sizeof k);
    return power;
}

/* exp(x) - 1 for the remainder r of x after k log(2): Taylor's series to the 13th power. Cody and Waite (1980). */
INLINE double remainder_exp(double x, long long *k)
{
    double shift = 0x1.8p52, shifted = x * 0x1.71547652b82fep0 + shift, n = shifted - shift, r, s, t;
    long long zero;

    memcpy(k, &shifted, sizeof shifted);
    memcpy(&zero, &shift, sizeof shift);
    *k -= zero;
    r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    s = r * r;
    t = s * s;
    return r + s * (((1.0 / 2 + r * (1.0 / 6)) + s * (1.0 / 24 + r * (1.0 / 120))) +
                    t * (((1.0 / 720 + r * (1.0 / 5040)) + s * (1.0 / 40320 + r * (1.0 / 362880))) +
                         t * ((1.0 / 3628800 + r * (1.0 / 39916800)) + s * (1.0 / 479001600 + r * (1.0 / 6227020800)))));
}

V v_exp(V a)
{
    real x[W], y[W];

    memcpy(x, &a, sizeof a);
    _Pragma("omp simd") for (int i = 0; i < W; i++) {
        long long k, half;
        double above = x[i] < -746.0 ? -746.0 : x[i], p = remainder_exp(above > 710.0 ? 710.0 : above, &k);

        half = k >> 1;
        y[i] = (1.0 + p) * power_of_two(half) * power_of_two(k - half);
    }
    memcpy(&a, y, sizeof a);
    return a;
}

/* With e = exp(-2 abs(x)): (1 - e) / (1 + e), with the sign of x; and its derivative 4 e / (1 + e)**2. All is computed
 * 2**64 times as large, so that e does not underflow. */
V v_tanh_and_sech2(V a, V *sech2)
{
    real x[W], y[W], z[W];

    memcpy(x, &a, sizeof a);
    _Pragma("omp simd") for (int i = 0; i < W; i++) {
        long long k;
        double twice = -2.0 * fabs(x[i]), p = remainder_exp(twice < -750.0 ? -750.0 : twice, &k);
        double scale = power_of_two(k + 64), scaled = scale * p, less = scaled + (scale - 0x1p64), sum = 0x1p65 + less;

        y[i] = copysign(less / sum, x[i]);
        z[i] = 0x1p66 * (scale + scaled) / (sum * sum);
    }
    memcpy(&a, y, sizeof a);
    memcpy(sech2, z, sizeof a);
    return a;
}
#pragma GCC pop_options
