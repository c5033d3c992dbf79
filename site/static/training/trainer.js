// Training: batches, steps of the optimizer, costs, and the way back. Loss, gradient and step are generated programs.

import { History } from "./history.js";
import { generator, shuffled } from "./random.js";

const BATCHES = 3; // what the seed is used for

/** A step would have made a number infinite or NaN. */
export class Diverged extends Error {}

export class Trainer {
  #rates; // from which step on which learning rate holds
  #order; // of the examples in an epoch, and of which one
  #history = new History();
  #measured = {}; // with which weights a part was measured, and the result

  /**
   * `training` and `step` are programs (see site/python/training_page.py), `targets` what a class is for the loss,
   * `remembered` how many numbers of each weight the optimizer keeps; `train` and `test` are points.
   */
  constructor({ training, step, targets, weights, remembered, train, test, batch, rate, seed }) {
    Object.assign(this, { training, step, seed });
    this.train = train.map((point) => asExample(point, targets));
    this.test = test.map((point) => asExample(point, targets));
    this.batch = Math.max(1, Math.min(batch, this.train.length));
    this.stepsAnEpoch = Math.max(1, Math.ceil(this.train.length / this.batch));
    this.weights = Float64Array.from(weights);
    this.left = Array.from({ length: remembered }, () => new Float64Array(weights.length));
    this.gradient = new Float64Array(weights.length);
    this.steps = 0;
    this.costs = { train: [], test: [] }; // after each epoch; NaN where there are no points
    this.#rates = [[0, rate]];
    this.#keep();
  }

  get epoch() {
    return this.steps / this.stepsAnEpoch;
  }

  /** From the next step on. */
  set rate(rate) {
    this.#rates = this.#rates.filter(([from]) => from < this.steps);
    this.#rates.push([this.steps, rate]);
  }

  get rate() {
    return this.#rates.at(-1)[1];
  }

  /** One step, or all until an epoch ends. */
  forward(unit) {
    do this.#step();
    while (unit === "epoch" && this.steps % this.stepsAnEpoch);
  }

  /** Before the last step, or at the beginning of the last epoch; all numbers are exactly what they were there. */
  back(unit) {
    const whole = this.stepsAnEpoch;
    const wanted = unit === "epoch" ? (Math.ceil(this.steps / whole) - 1) * whole : this.steps - 1;
    if (wanted < 0) return;
    const now = this.rate;
    const { steps, state } = this.#history.back(wanted);
    [this.weights, this.left] = [state.weights, state.left];
    this.steps = steps;
    for (const costs of [this.costs.train, this.costs.test]) costs.length = state.nCosts;
    while (this.steps < wanted) this.#step();
    this.rate = now;
  }

  /** The mean loss of the points to train or to test with, and the share that the network tells right; NaN of none,
   * and where an output is no number. */
  measure(part) {
    if (this.#measured[part]?.weights !== this.weights) { // a step makes new ones
      this.#measured[part] = { weights: this.weights, found: this.#measure(this[part]) };
    }
    return this.#measured[part].found;
  }

  #measure(examples) {
    let [cost, right] = [0, 0];
    for (const { inputs, label } of examples) {
      let results = [NaN, NaN];
      try {
        results = this.training.values(inputs, this.weights);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // an operation refused its number; the next step says so
      }
      cost += results[0];
      right += Number.isNaN(results[1]) ? NaN : Number(results[1] > 0 === (label === 1));
    }
    return { cost: cost / examples.length, right: right / examples.length };
  }

  #step() {
    const place = this.steps % this.stepsAnEpoch;
    const order = this.#orderOf(Math.floor(this.steps / this.stepsAnEpoch));
    const batch = order.slice(place * this.batch, (place + 1) * this.batch);
    this.gradient.fill(0);
    for (const example of batch) {
      const { dw } = this.training.gradient(this.train[example].inputs, this.weights);
      for (let i = 0; i < dw.length; i += 1) this.gradient[i] += dw[i];
    }
    for (let i = 0; i < this.gradient.length; i += 1) this.gradient[i] /= batch.length;
    this.#move();
    this.steps += 1;
    this.#keep();
  }

  /** One step of the optimizer, into new arrays; where a number would not be finite, there is none. */
  #move() {
    const rate = this.#rates.findLast(([from]) => from <= this.steps)[1];
    const weights = new Float64Array(this.weights.length);
    const left = this.left.map((numbers) => new Float64Array(numbers.length));
    const inputs = new Float64Array(4 + left.length);
    for (let i = 0; i < weights.length; i += 1) {
      [inputs[0], inputs[1], inputs[2], inputs[3]] = [this.weights[i], this.gradient[i], rate, this.steps + 1];
      for (let k = 0; k < left.length; k += 1) inputs[4 + k] = this.left[k][i];
      const results = this.step.values(inputs);
      weights[i] = results[0];
      for (let k = 0; k < left.length; k += 1) left[k][i] = results[1 + k];
      if (!Number.isFinite(results[0])) throw new Diverged(`a parameter would become ${results[0]}`);
      if (!results.every(Number.isFinite)) throw new Diverged("a gradient is too large for the optimizer");
    }
    [this.weights, this.left] = [weights, left];
  }

  #keep() {
    if (this.steps % this.stepsAnEpoch === 0) {
      for (const part of ["train", "test"]) this.costs[part].push(this.measure(part).cost);
    }
    const { weights, left, costs } = this;
    this.#history.offer(this.steps, { weights, left, nCosts: costs.train.length });
  }

  #orderOf(epoch) {
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, examples: shuffled(this.train.length, generator(this.seed, BATCHES, epoch)) };
    }
    return this.#order.examples;
  }
}

const asExample = ({ x, y, label }, targets) => ({ inputs: Float64Array.from([x, y, ...targets[label]]), label });
