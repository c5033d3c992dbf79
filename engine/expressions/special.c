/* The product of the chain rule: 0 where one is exactly 0 and the other infinite or NaN. */
static double times(double a, double b)
{
    double product = a * b;

    return isnan(product) && (a == 0.0 || b == 0.0) ? 0.0 : product;
}

/* A difference that is 0 for equal infinities. */
static double minus(double a, double b)
{
    return a == b ? 0.0 : a - b;
}

static double over(double a, double b)
{
    return a / b;
}

/* Whether y = a to the power b divides by 0, is not real, or is too large. */
static int power_refuses(double y, double a, double b)
{
    if (a < 0.0 && isfinite(a) && isfinite(b) && b != floor(b))
        return 1;
    return (a == 0.0 && b < 0.0) || (!isfinite(y) && isfinite(a) && isfinite(b));
}

/* NaN if one is. Not by a >= b: beside NaN, GCC 16.2 would then take a == b for true. */
static double maximum(double a, double b)
{
    return a < b || b != b ? b : a;
}

static double minimum(double a, double b)
{
    return b < a || b != b ? b : a;
}

static double relu(double x)
{
    return x <= 0.0 ? 0.0 : x;
}

static double leaky_relu(double x, double slope)
{
    return x > 0.0 ? x : slope * x;
}

static double step(double x)
{
    return x <= 0.0 ? 0.0 : 1.0;
}

static double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
}

static double larger(double a, double b)
{
    return a == b ? 0.5 : a < b ? 0.0 : 1.0;
}

static double leaky_slope(double a, double slope)
{
    return a > 0.0 ? 1.0 : slope;
}

static double unless_positive(double a, double b)
{
    return a > 0.0 ? 0.0 : b;
}

static double sigmoid(double x)
{
    double e = exp(-fabs(x));

    return x < 0.0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
}

static double softplus(double x)
{
    double tail = log1p(exp(-fabs(x)));

    return x < 0.0 ? tail : x + tail;
}

static double sech2(double x)
{
    double e = exp(-2.0 * fabs(x));

    return 4.0 * e / ((1.0 + e) * (1.0 + e));
}

static double sigmoid_slope(double x)
{
    double e = exp(-fabs(x));

    return e / ((1.0 + e) * (1.0 + e));
}

static double asin_slope(double x)
{
    return 1.0 / sqrt((1.0 - x) * (1.0 + x));
}

static double over_hypot(double a, double b)
{
    double h = hypot(a, b);

    return h == 0.0 ? NAN : a / h;
}

static double over_square_sum(double a, double b)
{
    double h = hypot(a, b);

    return h == 0.0 ? 0.0 : a / h / h;
}

/* x to the power n where a rounded exponent would cost digits of x to the power n - shift; else NaN. */
static double unrounded(double x, double n, double shift)
{
    double y;

    if (n - shift + shift == n || !(x > 0.0))
        return NAN;
    y = pow(x, n);
    return y > 1e-290 && y < 1e290 ? y : NAN;
}

static double power_by_base(double x, double n)
{
    double y = unrounded(x, n, 1.0);

    if (n == 0.0)
        return 0.0;
    if (isnan(y))
        return n * pow(x, n - 1.0);
    return x > 1.0 ? n * (y / x) : n * y / x;
}

static double power_by_exponent(double x, double n)
{
    return x == 0.0 && n >= 0.0 ? 0.0 : pow(x, n) * log(x);
}

static double power_curvature(double x, double n)
{
    double factor = n * (n - 1.0), y = unrounded(x, n, 2.0);

    if (isnan(y))
        return times(pow(x, n - 2.0), factor);
    return x > 1.0 ? factor * (y / x / x) : factor * y / x / x;
}

static double power_mixed(double x, double n)
{
    double growth = 1.0 + n * log(x), y = unrounded(x, n, 1.0);

    if (x < 0.0)
        return NAN;
    if (isnan(y))
        return times(growth, pow(x, n - 1.0));
    return x > 1.0 ? growth * (y / x) : growth * y / x;
}

/* x with its leading 26 bits alone, so that its square is exact; 0 for 100 and more. */
static double leading_bits(double x)
{
    double scaled = 134217729.0 * x;

    return fabs(x) < 100.0 ? scaled - (scaled - x) : 0.0;
}

/* exp(-factor x x) to the last digits. */
static double exp_of_minus_square(double x, double factor)
{
    double head = leading_bits(x);

    return exp(-factor * head * head) * exp(-factor * ((x - head) * (x + head)));
}

/* The derivative of order n of g = exp(-factor x x), by g' = -2 factor x g differentiated n - 1 times. */
static double bell(double x, int n, double factor)
{
    double g = exp_of_minus_square(x, factor), twice = 2.0 * factor, head = leading_bits(x);
    double before = -twice * x * g, now, next;
    int order;

    if (n == 0 || g == 0.0)
        return g;
    if (n == 1)
        return before;
    now = twice * g * ((twice * head * head - 1.0) + twice * (x - head) * (x + head));
    for (order = 2; order < n; order++) {
        next = -twice * (x * now + order * before);
        before = now;
        now = next;
    }
    return now;
}

static double gaussian(double x, double n)
{
    return bell(x, (int)n, 1.0);
}

static double normal_pdf(double x, double n)
{
    return bell(x, (int)n, 0.5) * 0.3989422804014327;
}

/* The standard normal distribution function; in its left tail the density gives back what rounding costs. */
static double normal_cdf(double x)
{
    double z = x * -0.7071067811865476, p = 0.5 * erfc(z), x0 = leading_bits(x), z0 = leading_bits(z);
    double off = (0.5 * x0 * x0 - z0 * z0) + (0.5 * (x - x0) * (x + x0) - (z - z0) * (z + z0));

    return x > -40.0 && x < -1.0 ? p + off / x * normal_pdf(x, 0.0) : p;
}

static double gelu(double x)
{
    double p = normal_cdf(x);

    return p != 0.0 ? x * p : -0.0;
}

static double gelu_slope(double x)
{
    return normal_cdf(x) + times(x, normal_pdf(x, 0.0));
}
