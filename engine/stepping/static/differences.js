// The finite difference beside a gradient, as engine/debugging/finite_differences.py has it: the graph computed again
// with one number a little larger or smaller, without the chain rule. So the two can check each other.

import { float, refusalOf } from "./graph.js";
import { repr } from "./numbers.js";

const QUOTIENTS = 4; // how many quotients one extrapolation takes
const AGREEING = 3; // how many extrapolations in a row must overlap before one is trusted
const AMPLIFIED = 13; // how much an extrapolation amplifies rounding
const TOLERANCE = 1e-6;
const SMALLEST = 2 ** -1022;
const SHOWN_STEP = Number.EPSILON ** (1 / 3);

/** Why a function has no number somewhere. */
class Refused extends Error {}

/**
 * The central difference of the root with respect to a node.
 *
 * Either ``{ h, above, below, quotient, left, right, bound }``, the last three being the slopes that ever smaller steps
 * tend to and how far they may be off; or ``{ problem }``, in words.
 */
export function differenceAt(graph, place) {
  if (graph.isConstant(place)) return { problem: "this is a plain number" };
  const { check } = graph.nodes[place];
  if (check && graph.changed.every((changed) => !changed)) return fromPython(check);
  const f = withRespectTo(graph, place);
  const x = graph.numbers[place];
  const found = slopesOf(f, x, graph.gradients[place], graph.rounding);
  if (found.problem !== undefined) return found;
  const h = Math.min(SHOWN_STEP * Math.max(1, Math.abs(x)), found.step);
  try {
    const [above, below] = [f(x + h), f(x - h)];
    return { ...found, h, above, below, quotient: (above - below) / (x + h - (x - h)) };
  } catch (error) {
    return { problem: wordsOf(error) };
  }
}

/** What a difference says of a gradient: ``agrees``, and ``isKink`` where the slopes on both sides differ. */
export function verdictOf({ left, right, bound }, gradient) {
  const isKink = Math.abs(right - left) > 2 * bound + 1e-6 * Math.max(Math.abs(left), Math.abs(right));
  const [low, high] = [Math.min(left, right), Math.max(left, right)];
  const slack = bound + SMALLEST + TOLERANCE * Math.max(Math.abs(gradient), Math.abs(low), Math.abs(high));
  const agrees = Number.isFinite(gradient) && low - slack <= gradient && gradient <= high + slack;
  return { agrees, isKink };
}

const fromPython = (check) =>
  Object.fromEntries(Object.entries(check).map(([name, x]) => [name, name === "problem" ? x : float(x)]));

function wordsOf(error) {
  if (error instanceof Refused) return error.message;
  throw error;
}

/** The root's number as a function of the number of one node; what ``detach`` gives stays as it is. */
function withRespectTo(graph, place) {
  const { nodes, operands, numbers, operations, names, root } = graph;
  const met = new Uint8Array(root + 1);
  met[place] = 1;
  const dependent = [];
  for (let at = place + 1; at <= root; at += 1) {
    const [a, b] = operands[at];
    if (nodes[at].op === "detach" || !operands[at].some((operand) => met[operand])) continue;
    met[at] = 1;
    dependent.push({ at, operation: operations[at], a, b });
  }
  const now = [...numbers];
  return (number) => {
    now[place] = number;
    for (const { at, operation, a, b } of dependent) {
      if (!operation) throw new Refused(`${nodes[at].name} is a function of Python, and this page cannot call it`);
      const y = operation.value(now[a], now[b]); // a function of one number does not look at the second
      if (operation.refusals?.some(([holds]) => holds(y, now[a], now[b]))) {
        throw new Refused(refusalOf(operation, y, operands[at].map((i) => now[i]), operands[at].map((i) => names[i])));
      }
      now[at] = y;
    }
    return now[root];
  };
}

/** A function's slopes on both sides of x, by Richardson's extrapolation of quotients with ever smaller steps. */
function slopesOf(f, x, expected, rounding) {
  if (!Number.isFinite(x)) return { problem: `there is no number beside ${repr(x)}` };
  let number;
  try {
    number = finite(f, x);
  } catch (error) {
    return { problem: wordsOf(error) };
  }
  const [left, right] = [-1, 1].map((sign) => new Side(f, x, number, sign, rounding));
  for (const h of stepsAt(x)) {
    const [a, b] = [left.take(h), right.take(h)];
    if (!a || !b || !left.isPrecise(a) || !right.isPrecise(b)) continue;
    const found = joined(a, b);
    const { agrees, isKink } = verdictOf(found, expected);
    if (agrees && !isKink) return found;
  }
  const sides = [left, right].filter((side) => side.exists);
  if (!sides.length) return { problem: left.problem };
  if (!sides.every((side) => side.settled.length)) return { problem: "differences do not settle on a slope" };
  return joined(sides[0].best(), sides.at(-1).best());
}

function finite(f, x) {
  const y = f(x);
  if (!Number.isFinite(y)) throw new Refused(`the result is ${repr(y)} at ${repr(x)}`);
  return y;
}

/** Ever smaller steps; beside a tiny number some that are smaller than it. */
function* stepsAt(x) {
  const largest = 2 ** Math.min(Math.floor(Math.log2(Math.max(Math.abs(x), 1))) + 1, 1023);
  for (let k = 0; k < 50; k += 1) yield largest * 2 ** -k;
  if (x !== 0 && Math.abs(x) < 1e-9) for (let k = 0; k < 25; k += 1) yield Math.abs(x) * 2 ** -k;
}

const joined = (a, b) => ({
  left: a.slope,
  right: b.slope,
  bound: Math.max(a.bound, b.bound),
  step: Math.min(a.step, b.step),
});

/** The slope on one side of a point, from ever smaller steps. */
class Side {
  constructor(f, x, number, sign, rounding) {
    Object.assign(this, { f, x, number, sign, quotients: [], trusted: [], settled: [], exists: false, problem: "" });
    this.rounding = Math.max(rounding, 2 * Number.EPSILON * Math.abs(number));
  }

  /** Take one step more, smaller than all before: the slope that it settles on, the most precise of the last. */
  take(h) {
    const beside = this.x + this.sign * h;
    const width = beside - this.x;
    if (width === 0) return null;
    let y;
    try {
      y = finite(this.f, beside);
    } catch (error) {
      this.problem = wordsOf(error);
      [this.quotients, this.trusted] = [[], []];
      return null;
    }
    this.exists = true;
    push(this.quotients, (y - this.number) / width, QUOTIENTS);
    if (this.quotients.length < QUOTIENTS) return null;
    const { slope, off } = extrapolated(this.quotients);
    const rounding = (AMPLIFIED * Math.max(this.rounding, 2 * Number.EPSILON * Math.abs(y))) / Math.abs(width);
    const isLimited = off <= 4 * rounding;
    if (!isLimited && !(off <= 1e-2 * Math.abs(slope))) {
      this.trusted = [];
      return null;
    }
    push(this.trusted, { slope, bound: off + rounding, step: Math.abs(width), isLimited }, AGREEING);
    const low = Math.max(...this.trusted.map((each) => each.slope - each.bound));
    const high = Math.min(...this.trusted.map((each) => each.slope + each.bound));
    if (this.trusted.length < AGREEING || low > high) return null;
    this.settled.push(leastBound(this.trusted));
    return this.settled.at(-1);
  }

  /** Whether the latest slope is precise enough, or as precise as rounding allows. */
  isPrecise(latest) {
    return isPrecise(latest) || (latest.isLimited && latest.bound <= 2 * leastBound(this.settled).bound);
  }

  /** The slope from the smallest steps that are precise enough, or else the most precise one. */
  best() {
    return this.settled.filter(isPrecise).at(-1) ?? leastBound(this.settled);
  }
}

/** Add to a list that keeps its latest elements. */
function push(list, element, most) {
  list.push(element);
  if (list.length > most) list.shift();
}

const isPrecise = ({ slope, bound }) => bound <= TOLERANCE * Math.abs(slope);
const leastBound = (estimates) => estimates.reduce((best, each) => (each.bound < best.bound ? each : best));

/** What quotients at steps h, h/2, h/4 ... tend to as h goes to 0, and about how far that is off. */
function extrapolated(quotients) {
  const row = [...quotients];
  const before = [];
  for (let factor = 2; row.length > 1; factor *= 2) {
    before.splice(0, before.length, ...row);
    for (let i = 0; i + 1 < row.length; i += 1) row[i] = (factor * row[i + 1] - row[i]) / (factor - 1);
    row.pop();
  }
  return { slope: row[0], off: Math.max(...before.map((each) => Math.abs(row[0] - each))) };
}
