// Numbers as Python writes them, and as a reader types and drags them.

/** ``f"{x or 0.0:.{precision}g}"``: so many significant digits, and no sign before 0. */
export function formatNumber(x, precision) {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  const [digits, exponent] = rounded(Math.abs(x), precision);
  return (x < 0 ? "-" : "") + spelled(digits.replace(/0+$/, "") || "0", exponent, precision);
}

/** ``repr(x)``: the fewest digits that are this float. */
export function repr(x) {
  if (Object.is(x, -0)) return "-0.0";
  if (!Number.isFinite(x)) return formatNumber(x, 1);
  const [mantissa, exponent] = Math.abs(x).toExponential().split("e");
  const shown = spelled(mantissa.replace(".", ""), Number(exponent), 16);
  return (x < 0 ? "-" : "") + (/[.e]/.test(shown) ? shown : `${shown}.0`);
}

/** Digits d.ddd times ten to the exponent, with that exponent only where it is below -4 or too large. */
function spelled(digits, exponent, most) {
  if (exponent < -4 || exponent >= most) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return digits.length > exponent + 1 ? `${whole}.${digits.slice(exponent + 1)}` : whole;
}

/** So many digits, and the exponent; halfway between two Python takes the even one, and JavaScript the larger one. */
function rounded(x, precision) {
  const nearest = digitsOf(x, precision);
  if (!digitsOf(x, precision + 1)[0].endsWith("5")) return nearest;
  const [digits, exponent] = digitsOf(x, Math.min(101, precision + 61));
  if (!/^50*$/.test(digits.slice(precision)) || Number(digits[precision - 1]) % 2 === 1) return nearest;
  return [digits.slice(0, precision), exponent];
}

/** The first digits of a number above 0, and the exponent of the first of them. */
function digitsOf(x, count) {
  const [mantissa, exponent] = x.toExponential(count - 1).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

/** The float that Python wrote, such as "0.1", "-0.0", "inf" and "nan"; undefined where a text is none. */
export function readFloat(text) {
  if (NAMED.has(text)) return NAMED.get(text);
  return DECIMAL.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

const NAMED = new Map([["inf", Infinity], ["-inf", -Infinity], ["nan", NaN]]);
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/;
const THOUSANDS = /(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d.,])/; // 1,000 and 12,345, but not 0,125 or 1234,567

/**
 * The number that a reader typed, as ``{ number }``: -1.5, 1/3, 2e-3 or 0,5; or ``{ problem }`` in words where the text
 * is no finite number. A comma is the decimal point, unless it may part thousands.
 */
export function readNumber(text) {
  const said = text.trim();
  if (!said) return { problem: "Type a number, such as 0.5, 1/3 or -1e-3." };
  if (THOUSANDS.test(said)) {
    return { problem: `The comma in "${said}" may part thousands or be a decimal point: write a point, or none.` };
  }
  const plain = said.toLowerCase().replaceAll("−", "-").replace(/^([+-])\s+/, "$1");
  const parts = plain.split("/").map((part) => withPoint(part.trim()));
  const infinite = { problem: `A number must be finite, not "${said}".` };
  if (/^[+-]?(inf|infinity|nan|∞)$/.test(plain)) return infinite;
  if (parts.length > 2 || !parts.every((part) => DECIMAL.test(part))) {
    return { problem: `A number must be one such as 0.5, 1/3 or -1e-3, not "${said}".` };
  }
  const [top, below = 1] = parts.map(Number);
  const number = top / below;
  if (below === 0) return { problem: "A fraction must have a denominator other than 0." };
  if (!Number.isFinite(number) || !Number.isFinite(below)) return infinite;
  if (number === 0 && /[1-9]/.test(parts[0].split("e")[0])) return { problem: `The number "${said}" is too close to 0.` };
  return { number };
}

/** A single comma is the decimal point; with a point beside it the text stays as it is, which is no number. */
const withPoint = (text) => (/[.,].*[.,]/.test(text) ? text : text.replace(",", "."));

/** All digits of a number, as a reader would type them. */
export const typed = (x) => repr(x).replace(/\.0$/, "");

/** A range to drag a number in, about twice its size to both sides, in steps of a round size. */
export function rangeAround(x) {
  const size = Math.min(Math.max(2 * Math.abs(x), 2), 1e300);
  const step = 10 ** (Math.floor(Math.log10(size)) - 2);
  const within = (amount) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, amount));
  const unit = (amount) => within(Number((Math.round(within(amount) / step) * step).toPrecision(12)));
  return { min: unit(x - size), max: unit(x + size), step: Number(step.toPrecision(12)) };
}
