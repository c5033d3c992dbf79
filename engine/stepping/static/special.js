// Functions of floats, as Python's math has them; none raises an error, as in IEEE arithmetic. Those of
// engine/expressions/special.c follow, in JavaScript; engine/expressions/javascript.py writes the derivatives of all.

export const pi = Math.PI;
export const { exp, expm1, log, log10, log1p, sqrt, sin, cos, tan } = Math;
export const { asin, acos, atan, atan2, sinh, cosh, tanh, abs } = Math;
export const log_or_limit = Math.log;

const SQRT_PI = Math.sqrt(Math.PI);

/** sqrt(a² + b²), scaled by a power of two where a square would be too large or too small. */
export function hypot(a, b) {
  const larger = Math.max(Math.abs(a), Math.abs(b));
  if (Math.abs(a) === Infinity || Math.abs(b) === Infinity) return Infinity;
  if (!(larger > 0)) return larger;
  const scale = larger > 1e150 ? 2 ** -600 : larger < 1e-140 ? 2 ** 600 : 1;
  const [x, y] = [a * scale, b * scale];
  return Math.sqrt(x * x + y * y) / scale;
}

/** x ** n as C has it: 1 for a base of 1 or an exponent of 0, beside NaN and infinity too. */
export const power_or_limit = (x, n) => (x === 1 || (x === -1 && Math.abs(n) === Infinity) ? 1 : x ** n);

/** By its series (Abramowitz and Stegun 7.1.6), whose terms have one sign, where |x| is small. */
function erfSeries(x) {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / SQRT_PI) * exp_of_minus_square(x, 1) * sum;
}

/** By its continued fraction (7.1.14), where x is large. */
function erfcFraction(x) {
  if (x > 28) return 0;
  let rest = 0;
  for (let k = 120; k > 0; k -= 1) rest = k / 2 / (x + rest);
  return exp_of_minus_square(x, 1) / SQRT_PI / (x + rest);
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
