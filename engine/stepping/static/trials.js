// What a reader tries: changed numbers, steps of gradient descent, and the way back.

const MOST = 2000; // states that can be undone

export class Trials {
  constructor(graph) {
    this.graph = graph;
    this.past = []; // what there was before each change, the latest last
  }

  /** Remember the numbers of now, before a change of that kind: "change", "step" or "reset". */
  remember(kind) {
    const { graph } = this;
    this.past.push({ kind, numbers: graph.leaves.map((leaf) => [leaf, graph.numbers[leaf]]), loss: this.loss });
    if (this.past.length > MOST) this.past.shift();
  }

  /** The root's number; NaN where there is none. */
  get loss() {
    return this.graph.problem ? NaN : this.graph.numbers[this.graph.root];
  }

  /** The root's number at each moment since the last reset. */
  get losses() {
    const since = this.past.map(({ kind }) => kind).lastIndexOf("reset") + 1;
    return [...this.past.slice(since).map(({ loss }) => loss), this.loss];
  }

  /** Whether numbers are other than Python's. */
  get isChanged() {
    return this.graph.leaves.some((leaf) => this.graph.changed[leaf]);
  }

  /** A step of gradient descent: each of these leaves moves by -rate times its gradient. */
  step(leaves, rate) {
    this.remember("step");
    const { numbers, gradients } = this.graph;
    this.graph.change(leaves.map((leaf) => [leaf, numbers[leaf] - rate * gradients[leaf]]));
  }

  undo() {
    if (this.past.length) this.graph.change(this.past.pop().numbers);
  }

  /** Back to the Python numbers. */
  reset() {
    this.remember("reset");
    this.graph.change(this.graph.leaves.map((leaf) => [leaf, this.graph.python.numbers[leaf]]));
  }
}

/** The points of a sparkline in a box, for those numbers that are finite. */
export function sparkline(numbers, width, height) {
  const finite = numbers.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const across = width / Math.max(numbers.length - 1, 1);
  const part = Number.isFinite(high - low) ? 1 : 0.5; // of numbers whose distance no float can hold
  const share = (number) => (number * part - low * part) / (high * part - low * part);
  const down = (number) => (high > low ? height * (1 - share(number)) : height / 2);
  return numbers.flatMap((number, i) => (Number.isFinite(number) ? [[i * across, down(number)]] : []));
}
