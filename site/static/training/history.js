// States of training to go back to. Training repeats itself exactly, so a state now and then is enough.

/** Keeps states by the number of steps that led to them; of old ones fewer and fewer. */
export class History {
  #kept = [];
  #every = 1;

  constructor(most = 300) {
    this.most = most;
  }

  /** Offer the state after so many steps, which nothing may change later. */
  offer(steps, state) {
    if (steps % this.#every) return;
    this.#kept.push({ steps, state });
    if (this.#kept.length <= this.most) return;
    this.#every *= 2;
    this.#kept = this.#kept.filter((each) => each.steps % this.#every === 0);
  }

  /** The last state that was kept after at most so many steps; later ones are forgotten. */
  back(steps) {
    while (this.#kept.at(-1).steps > steps) this.#kept.pop();
    return this.#kept.at(-1);
  }

  get length() {
    return this.#kept.length;
  }
}
