// Numbers as Python writes them, and as a reader types and drags them.

/** ``f"{x or 0.0:.{precision}g}"``: so many significant digits, and no sign before 0. */
export function formatNumber(x, precision) {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  const [mantissa, exponent] = rounded(Math.abs(x), precision).toExponential(precision - 1).split("e");
  return (x < 0 ? "-" : "") + spelled(mantissa.replace(".", "").replace(/0+$/, "") || "0", Number(exponent), precision);
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

/** A number halfway between two of so many digits goes to the even one in Python; JavaScript takes the larger one. */
function rounded(x, precision) {
  if (!x.toExponential(precision).includes("5e")) return x; // one digit more, and it is no 5: no tie
  const [digits, exponent] = x.toExponential(Math.min(100, precision + 60)).split("e");
  const all = digits.replace(".", "");
  const rest = all.slice(precision);
  if (!/^50*$/.test(rest) || Number(all[precision - 1]) % 2 === 1) return x;
  return Number(`${all[0]}.${all.slice(1, precision)}e${exponent}`);
}

/** The number that a reader typed: as ``float(text)`` takes it, or a fraction such as 1/3; undefined where it is none. */
export function readNumber(text) {
  const plain = text.trim().toLowerCase().replaceAll("−", "-");
  const word = /^([+-]?)(inf|infinity|nan|∞)$/.exec(plain);
  if (word) return word[2] === "nan" ? NaN : word[1] === "-" ? -Infinity : Infinity;
  const parts = partsOf(plain);
  if (parts.length === 1) return Number.isNaN(parts[0]) ? undefined : parts[0];
  const number = parts[0] / parts[1];
  return parts.length === 2 && Number.isFinite(number) && Number.isFinite(parts[1]) ? number : undefined;
}

/** The numbers between slashes, NaN for what is none. */
const partsOf = (text) =>
  text.split("/").map((part) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part.trim()) ? Number(part) : NaN));

/** What is wrong with a text that was typed for a number; nothing where it is one. */
export function problemWith(text) {
  if (readNumber(text) !== undefined) return "";
  const withPoint = text.trim().replaceAll(/(\d),(\d)/g, "$1.$2");
  if (readNumber(withPoint) !== undefined) return `Write ${withPoint}, with a point.`;
  if (!text.trim()) return "A number is missing here, such as 0.5.";
  if (partsOf(text)[1] === 0) return "A fraction must have a denominator other than 0.";
  return `A number must be one such as 0.5, 1/3 or -1e-3, not "${text}".`;
}

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
