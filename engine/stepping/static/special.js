// Functions of floats, as engine/special.py and Python's math have them; none raises an error, as in IEEE arithmetic.
// engine/expressions/javascript.py writes their derivatives from the table.

export const pi = Math.PI;
export const { exp, expm1, log, log10, log1p, sqrt, sin, cos, tan } = Math;
export const { asin, acos, atan, atan2, sinh, cosh, tanh, abs } = Math;

const SQRT_HALF = Math.sqrt(0.5);
const SQRT_PI = Math.sqrt(Math.PI);
const ONE_OVER_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);

/** sqrt(a² + b²), scaled by a power of two where a square would be too large or too small. */
export function hypot(a, b) {
  const larger = Math.max(Math.abs(a), Math.abs(b));
  if (Math.abs(a) === Infinity || Math.abs(b) === Infinity) return Infinity;
  if (!(larger > 0)) return larger;
  const scale = larger > 1e150 ? 2 ** -600 : larger < 1e-140 ? 2 ** 600 : 1;
  const [x, y] = [a * scale, b * scale];
  return Math.sqrt(x * x + y * y) / scale;
}

/** The product of the chain rule: 0 where one of two is exactly 0, beside infinity too. */
export const times = (a, b) => (a === 0 || b === 0 ? 0 : a * b);
/** A difference that is 0 for equal infinities. */
export const minus = (a, b) => (a === b ? 0 : a - b);
export const over = (a, b) => a / b;
export const log_or_limit = Math.log;

export const maximum = (a, b) => (a < b ? b : a >= b ? a : NaN);
export const minimum = (a, b) => (b < a ? b : a <= b ? a : NaN);
export const relu = (x) => (x <= 0 ? 0 : x);
export const leaky_relu = (x, slope) => (x > 0 ? x : slope * x);
export const step = (x) => (x <= 0 ? 0 : 1);
export const sign = (x) => (x > 0 ? 1 : x < 0 ? -1 : 0);
export const larger = (a, b) => (a === b ? 0.5 : a < b ? 0 : 1);
export const leaky_slope = (a, slope) => (a > 0 ? 1 : slope);
export const unless_positive = (a, b) => (a > 0 ? 0 : b);

export function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

export function softplus(x) {
  const tail = Math.log1p(Math.exp(-Math.abs(x)));
  return x < 0 ? tail : x + tail;
}

export function sech2(x) {
  const e = Math.exp(-2 * Math.abs(x));
  return (4 * e) / ((1 + e) * (1 + e));
}

export function sigmoid_slope(x) {
  const e = Math.exp(-Math.abs(x));
  return e / ((1 + e) * (1 + e));
}

export function asin_slope(x) {
  const square = (1 - x) * (1 + x);
  return square > 0 ? 1 / Math.sqrt(square) : square === 0 ? Infinity : NaN;
}

export function over_hypot(a, b) {
  const h = hypot(a, b);
  return h === 0 ? NaN : a / h;
}

export function over_square_sum(a, b) {
  const h = hypot(a, b);
  return h === 0 ? 0 : a / h / h;
}

// -------------------------------------------------------------------------------------------------------------- powers

/** x ** n as C has it: 1 for a base of 1 or an exponent of 0, beside NaN and infinity too. */
export const power_or_limit = (x, n) => (x === 1 || (x === -1 && Math.abs(n) === Infinity) ? 1 : x ** n);

/** x**n where a rounded exponent would cost digits of x**(n - shift), else NaN. */
function unrounded(x, n, shift) {
  if (n - shift + shift === n || !(x > 0)) return NaN;
  const y = power_or_limit(x, n);
  return y > 1e-290 && y < 1e290 ? y : NaN;
}

export function power_by_base(x, n) {
  if (n === 0) return 0;
  const y = unrounded(x, n, 1);
  if (Number.isNaN(y)) return n * power_or_limit(x, n - 1);
  return x > 1 ? n * (y / x) : (n * y) / x;
}

export const power_by_exponent = (x, n) => (x === 0 && n >= 0 ? 0 : power_or_limit(x, n) * Math.log(x));

export function power_curvature(x, n) {
  const factor = n * (n - 1);
  const y = unrounded(x, n, 2);
  if (Number.isNaN(y)) return times(power_or_limit(x, n - 2), factor);
  return x > 1 ? factor * (y / x / x) : (factor * y) / x / x;
}

export function power_mixed(x, n) {
  if (x < 0) return NaN;
  const growth = 1 + n * Math.log(x);
  const y = unrounded(x, n, 1);
  if (Number.isNaN(y)) return times(growth, power_or_limit(x, n - 1));
  return x > 1 ? growth * (y / x) : (growth * y) / x;
}

// ----------------------------------------------------------------------------------------------------------- Gaussians

/** x with its leading 26 bits alone, so that its square is a float; 0 for 100 and more, and for NaN. */
function leadingBits(x) {
  if (!(Math.abs(x) < 100)) return 0;
  const scaled = 134217729 * x;
  return scaled - (scaled - x);
}

/** exp(-factor x²) to the last digits: the square of the leading bits is exact. */
function expOfMinusSquare(x, factor) {
  const head = leadingBits(x);
  return Math.exp(-factor * head * head) * Math.exp(-factor * ((x - head) * (x + head)));
}

/** The derivative of order n of g = exp(-factor x²), by g' = -2 factor x g differentiated n - 1 times. */
function bell(x, n, factor) {
  const g = expOfMinusSquare(x, factor);
  if (n === 0 || g === 0) return g;
  const twice = 2 * factor;
  let before = -twice * x * g;
  if (n === 1) return before;
  const head = leadingBits(x);
  let now = twice * g * (twice * head * head - 1 + twice * (x - head) * (x + head));
  for (let order = 2; order < n; order += 1) [before, now] = [now, -twice * (x * now + order * before)];
  return now;
}

export const gaussian = (x, n) => bell(x, n, 1);
export const normal_pdf = (x, n) => bell(x, n, 0.5) * ONE_OVER_SQRT_2PI;

/** By its series (Abramowitz and Stegun 7.1.6), whose terms have one sign, where |x| is small. */
function erfSeries(x) {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / SQRT_PI) * expOfMinusSquare(x, 1) * sum;
}

/** By its continued fraction (7.1.14), where x is large. */
function erfcFraction(x) {
  if (x > 28) return 0;
  let rest = 0;
  for (let k = 120; k > 0; k -= 1) rest = k / 2 / (x + rest);
  return expOfMinusSquare(x, 1) / SQRT_PI / (x + rest);
}

export function erf(x) {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) < 1.5) return erfSeries(x);
  return x > 0 ? 1 - erfcFraction(x) : erfcFraction(-x) - 1;
}

export function erfc(x) {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) < 1.5) return 1 - erfSeries(x);
  return x > 0 ? erfcFraction(x) : 2 - erfcFraction(-x);
}

/** The standard normal distribution function; in its left tail the density gives back what rounding x / √2 costs. */
function normalCdf(x) {
  const z = x * -SQRT_HALF;
  const p = 0.5 * erfc(z);
  if (!(x > -40 && x < -1)) return p;
  const [x0, z0] = [leadingBits(x), leadingBits(z)];
  const off = 0.5 * x0 * x0 - z0 * z0 + (0.5 * (x - x0) * (x + x0) - (z - z0) * (z + z0));
  return p + (off / x) * normal_pdf(x, 0);
}

export function gelu(x) {
  const p = normalCdf(x);
  return p !== 0 ? x * p : -0;
}

export const gelu_slope = (x) => normalCdf(x) + times(x, normal_pdf(x, 0));
