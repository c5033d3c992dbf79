// The graph computed: forward and back with numbers that the reader changes, by the operations of the engine's table.

import { OPERATIONS } from "./arithmetic.js";
import { times } from "./special.js";
import { repr } from "./numbers.js";

/** The value of an operation and its local derivatives; or its refusal, in the engine's words with these names. */
export function compute(operation, numbers, names) {
  const value = operation.value(...numbers);
  const refusal = refusalOf(operation, value, numbers, names);
  return refusal ? { refusal } : { value, slopes: operation.slopes.map((slope) => slope(value, ...numbers)) };
}

/** Why an operation refuses its operands; an empty text where it does not. */
export function refusalOf(operation, value, numbers, names) {
  const words = operation.refusals?.find(([holds]) => holds(value, ...numbers))?.[1];
  if (!words) return "";
  const fallback = numbers.length === 1 ? ["x"] : ["a", "b"];
  return words.replace(/\{([ab])(!r)?\}/g, (_, letter, isNumber) => {
    const place = letter === "a" ? 0 : 1;
    return isNumber ? repr(numbers[place]) : names[place] || fallback[place];
  });
}

/** A float of the page's data; JSON has no infinity and no NaN. */
export const float = (number) => ({ inf: Infinity, "-inf": -Infinity, nan: NaN })[number] ?? number;

/**
 * The nodes in topological order and the edges, node after node, with their numbers.
 *
 * Until a leaf is changed all numbers are Python's own; then those are computed that depend on it. Nodes and edges are
 * told by their places. A node whose operation is a function of Python (``key`` is empty) is fixed, and so is each leaf
 * that it depends on; unless a kernel answers what such a function gives (``called``).
 */
export class Graph {
  constructor({ nodes, edges }) {
    this.nodes = nodes;
    this.edges = edges;
    this.root = nodes.length - 1;
    this.into = nodes.map(() => []); // the edges from a node's operands
    this.outOf = nodes.map(() => []); // and those to what it is an operand of, in the order of the steps back
    edges.forEach(({ from, to }, edge) => this.into[to].push(edge));
    for (let to = this.root; to >= 0; to -= 1) for (const edge of this.into[to]) this.outOf[edges[edge].from].push(edge);
    this.operands = this.into.map((into) => into.map((edge) => edges[edge].from));
    this.python = { numbers: nodes.map((node) => float(node.data)), slopes: edges.map((edge) => float(edge.slope)) };
    this.numbers = [...this.python.numbers];
    this.slopes = [...this.python.slopes];
    this.gradients = nodes.map(() => 0);
    [this.amounts, this.before, this.totals] = [[], [], []]; // what each edge brings its operand, and the sums
    this.operations = nodes.map((node) => OPERATIONS[node.key]);
    this.names = nodes.map((node, place) => (this.isConstant(place) ? "" : node.name));
    this.answers = []; // of Python, by place: for which numbers, and the value and slopes or a refusal
    this.connect(false);
    this.compute();
  }

  /** Say whether a kernel answers what functions of Python give. */
  connect(isConnected) {
    this.isConnected = isConnected;
    this.fixedBy = this.#fixed();
    this.leaves = [...this.nodes.keys()].filter((place) => this.isLeaf(place) && this.fixedBy[place] === null);
  }

  /** Take what Python answered to ``asks``: ``{ place, numbers, value, slopes }`` each, or with a ``refusal``. */
  answer(answers) {
    for (const answer of answers) this.answers[answer.place] = answer;
    this.compute();
  }

  isConstant(place) {
    return this.nodes[place].op === "constant";
  }

  isLeaf(place) {
    return this.into[place].length === 0 && !this.isConstant(place);
  }

  /** For each node the function of Python that it is, or that needs its number; null where there is none. */
  #fixed() {
    const fixedBy = this.nodes.map(() => null);
    for (let place = this.root; place >= 0; place -= 1) {
      const isCalled = this.isConnected && this.nodes[place].called;
      if (this.into[place].length && !this.operations[place] && !isCalled) fixedBy[place] = place;
      if (fixedBy[place] === null) continue;
      for (const operand of this.operands[place]) fixedBy[operand] ??= fixedBy[place];
    }
    return fixedBy;
  }

  /** Give leaves numbers, ``[place, number]`` each, and compute all that follows from them. */
  change(pairs) {
    for (const [place, number] of pairs) this.numbers[place] = number;
    this.compute();
  }

  /** Both passes. Where an operation refuses its operands, ``problem`` says so, and there are no gradients. */
  compute() {
    this.problem = null;
    this.asks = []; // what Python has to answer first: ``[place, numbers]`` each
    this.changed = this.nodes.map(() => false);
    this.missing = this.nodes.map(() => false);
    this.nodes.forEach((_, place) => this.#forward(place));
    this.#backward();
  }

  #forward(place) {
    const into = this.into[place];
    const operands = this.operands[place];
    if (!into.length) {
      this.changed[place] = !Object.is(this.numbers[place], this.python.numbers[place]);
      return;
    }
    this.changed[place] = operands.some((operand) => this.changed[operand]);
    this.missing[place] = operands.some((operand) => this.missing[operand]);
    if (this.missing[place]) return;
    if (!this.changed[place]) {
      this.numbers[place] = this.python.numbers[place];
      for (const edge of into) this.slopes[edge] = this.python.slopes[edge];
      return;
    }
    const numbers = operands.map((operand) => this.numbers[operand]);
    const names = operands.map((operand) => this.names[operand]);
    const operation = this.operations[place];
    const { value, slopes, refusal } = operation ? compute(operation, numbers, names) : this.#called(place, numbers);
    this.missing[place] = refusal !== undefined;
    if (refusal !== undefined) this.problem ??= { place, words: refusal };
    else {
      this.numbers[place] = value;
      into.forEach((edge, index) => (this.slopes[edge] = slopes[index]));
    }
  }

  /** What Python said of one of its functions, or a refusal until it has. */
  #called(place, numbers) {
    const answer = this.answers[place];
    if (answer?.numbers.every((number, i) => Object.is(number, numbers[i]))) return answer;
    this.asks.push([place, numbers]);
    return { refusal: `${this.nodes[place].name} waits for Python, which computes ${this.nodes[place].op}` };
  }

  /** ``rounding`` is about how far the root's number may be off by rounding in each node (Linnainmaa 1976). */
  #backward() {
    this.gradients.fill(0);
    if (this.problem) return;
    this.gradients[this.root] = 1;
    for (let place = this.root; place >= 0; place -= 1) {
      for (const edge of this.into[place]) {
        const { from } = this.edges[edge];
        this.amounts[edge] = times(this.gradients[place], this.slopes[edge]);
        this.before[edge] = this.gradients[from];
        this.totals[edge] = this.gradients[from] += this.amounts[edge];
      }
    }
    const amounts = this.numbers.map((number, i) => (this.into[i].length ? Math.abs(number * this.gradients[i]) : 0));
    this.rounding = Number.EPSILON * amounts.filter(Number.isFinite).reduce((sum, amount) => sum + amount, 0);
    const finite = this.gradients.filter((gradient, place) => !this.isConstant(place) && Number.isFinite(gradient));
    this.largest = Math.max(0, ...finite.map(Math.abs));
  }

  /** How strongly a gradient is coloured, from -1 to 1: a hundredth of the largest has a tenth of its colour. */
  strength(place) {
    const gradient = this.gradients[place];
    if (!Number.isFinite(gradient)) return null;
    return this.largest > 0 ? Math.sign(gradient) * Math.sqrt(Math.abs(gradient) / this.largest) : 0;
  }
}
