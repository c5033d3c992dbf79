// What an answer comes to: right, or a hint that names the rule that the wrong number suggests.

const NEARLY = 5; // times the tolerance: rounding on the way, rather than a rule

const ROUNDING = 1 + 1e-9; // so that 1.98 is within 1 % of 2

const isWithin = (number, right, tolerance) => Math.abs(number - right) <= tolerance * Math.abs(right) * ROUNDING;

/** ``{ right: true }``, or ``{ right: false, hint }``. ``mistakes`` are ``{ answer, hint }``, the likeliest first. */
export function judge({ answer, mistakes }, number, tolerance) {
  if (isWithin(number, answer, tolerance)) return { right: true };
  const known = nearest(mistakes, number, tolerance);
  return { right: false, hint: known ? known.hint : remark(answer, number, tolerance) };
}

/** The mistake whose answer is nearest to a number, of those within the tolerance. */
function nearest(mistakes, number, tolerance) {
  const fitting = mistakes.filter((mistake) => isWithin(number, mistake.answer, tolerance));
  const distance = (mistake) => Math.abs(mistake.answer - number);
  return fitting.reduce((best, mistake) => (best && distance(best) <= distance(mistake) ? best : mistake), null);
}

/** What can be said of a number that no known mistake leads to. */
function remark(answer, number, tolerance) {
  if (isWithin(number, answer, NEARLY * tolerance)) {
    return Number.isInteger(answer) ? "Close, but the answer is a whole number." : "Close, but not it.";
  }
  if (answer === 0) return "It is not that large: some factor on the way is special here.";
  if (number === 0) return "It is not 0.";
  const sign = Math.sign(number) === Math.sign(answer) ? "The sign is right, the size is not." : "The sign is not right.";
  return `${sign} A hint may help.`;
}
