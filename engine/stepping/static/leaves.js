// The numbers of the leaves, to type and to drag; and gradient descent on those that are chosen.

import { element, signed } from "./formulas.js";
import { rangeAround, readNumber } from "./numbers.js";
import { drawn } from "./picture.js";
import { sparkline } from "./trials.js";

const [WIDE, HIGH] = [84, 24]; // of the sparkline

export class Leaves {
  /** ``changed(words)`` is called after each change of numbers; the words, if any, are for screen readers. */
  constructor({ byId, graph, trials, show, chosen, changed }) {
    Object.assign(this, { byId, graph, trials, show, changed });
    this.isDragging = false;
    this.rows = new Map(); // by the leaves' places
    const leaves = [...graph.nodes.keys()].filter((place) => graph.isLeaf(place));
    const isChosen = (place) => Number(chosen.includes(place));
    leaves.sort((a, b) => isChosen(a) - isChosen(b)); // a network's few inputs before its many parameters
    byId("leaves").append(...leaves.map((place) => this.#row(place, isChosen(place) === 1)));
    byId("descend").addEventListener("click", () => this.descend());
    byId("undo").addEventListener("click", () => this.undo());
    byId("reset").addEventListener("click", () => this.reset());
    byId("rate").addEventListener("input", () => this.#showRate());
    this.enable();
    this.line = drawn("polyline", {});
    this.dot = drawn("circle", { r: 2.5 });
    byId("losses").append(this.line, this.dot);
  }

  #row(place, isChosen) {
    const { name, label } = this.graph.nodes[place];
    const row = element("li", "leaf");
    row.dataset.leaf = place;
    const box = element("input");
    Object.assign(box, { type: "checkbox", checked: isChosen });
    box.title = `${signed(name)} moves in a step`;
    const title = element("label", "", box, element("span", "", signed(name)));
    title.title = label ?? name;
    const field = element("input", "field");
    Object.assign(field, { type: "text", inputMode: "decimal", spellcheck: false });
    field.setAttribute("aria-label", `The number of ${name}`);
    const slider = element("input", "slider");
    slider.type = "range";
    slider.setAttribute("aria-label", `Drag ${name}`);
    row.append(title, field, slider);
    this.rows.set(place, { row, box, field, slider });
    this.#listen(place);
    return row;
  }

  /** Let a reader change the leaves that the page can compute with, and say of the others why not. */
  enable() {
    for (const [place, { row, box, field, slider }] of this.rows) {
      const by = this.graph.fixedBy[place];
      for (const control of [box, field, slider]) control.disabled = by !== null;
      row.classList.toggle("fixed", by !== null);
      const { name } = this.graph.nodes[place];
      row.title =
        by === null ? "" : `${name} goes into a function of Python (${this.graph.nodes[by].op}), which this page cannot call: fixed`;
    }
  }

  #listen(place) {
    const { field, slider, box } = this.rows.get(place);
    slider.addEventListener("input", () => this.drag(place, Number(slider.value)));
    slider.addEventListener("change", () => this.drop(place));
    field.addEventListener("focus", () => {
      field.value = String(this.graph.numbers[place]); // all digits, to go on from
      field.select();
    });
    field.addEventListener("change", () => this.#type(place));
    field.addEventListener("blur", () => this.#showRow(place));
    box.addEventListener("change", () => this.#showButtons());
  }

  #type(place) {
    const { field } = this.rows.get(place);
    const number = readNumber(field.value);
    field.setAttribute("aria-invalid", number === undefined);
    if (number === undefined) this.changed(`A number must be one such as 0.5 or -1e-3, not "${field.value}".`);
    else if (!Object.is(number, this.graph.numbers[place])) {
      this.trials.remember("change");
      this.graph.change([[place, number]]);
      this.#range(place);
      this.changed(this.#words(place));
    }
  }

  /** Give a leaf a number while it is dragged; the whole way is one change. */
  drag(place, number) {
    if (!this.isDragging) this.trials.remember("change");
    this.isDragging = true;
    this.graph.change([[place, number]]);
    this.changed("");
  }

  /** Numbers from outside, ``[place, number]`` each. */
  take(changes) {
    this.trials.remember("change");
    this.graph.change(changes.filter(([place]) => this.graph.leaves.includes(place)));
    this.changed("");
  }

  /** The end of a drag: at an end of the range, that moves on. */
  drop(place) {
    this.isDragging = false;
    const { slider } = this.rows.get(place);
    const share = (this.graph.numbers[place] - slider.min) / (slider.max - slider.min);
    if (share <= 0 || share >= 1) this.#range(place);
    this.changed(this.#words(place));
  }

  #words(place) {
    const { nodes, numbers, problem, root } = this.graph;
    const result = problem ? problem.words : `${nodes[root].name} is ${this.show(numbers[root])}`;
    return `${nodes[place].name} is ${this.show(numbers[place])}; ${result}.`;
  }

  #range(place) {
    const { slider } = this.rows.get(place);
    const number = this.graph.numbers[place];
    slider.disabled = !Number.isFinite(number) || this.graph.fixedBy[place] !== null;
    if (Number.isFinite(number)) Object.assign(slider, rangeAround(number));
  }

  get chosen() {
    return this.graph.leaves.filter((place) => this.rows.get(place).box.checked);
  }

  descend() {
    const rate = this.#showRate();
    if (rate === undefined || this.byId("descend").disabled) return;
    const { name } = this.graph.nodes[this.graph.root];
    const before = this.trials.loss;
    this.trials.step(this.chosen, rate);
    this.changed(
      this.graph.problem?.words ?? `A step: ${name} was ${this.show(before)} and is ${this.show(this.trials.loss)}.`,
    );
  }

  undo() {
    this.trials.undo();
    this.changed("Undone.");
  }

  reset() {
    if (this.trials.isChanged) this.trials.reset();
    this.changed("All numbers are Python's again.");
  }

  #showRate() {
    const field = this.byId("rate");
    const rate = readNumber(field.value);
    field.setAttribute("aria-invalid", rate === undefined);
    return rate;
  }

  /** Write all numbers as they are now. */
  refresh() {
    for (const place of this.rows.keys()) this.#showRow(place);
    this.#showButtons();
    this.#showLosses();
  }

  #showRow(place) {
    const parts = this.rows.get(place);
    const { field, slider, row } = parts;
    const number = this.graph.numbers[place];
    const shown = this.show(number);
    if (Object.is(parts.number, number) && field.value === shown) return;
    parts.number = number;
    row.classList.toggle("changed", this.graph.changed[place]);
    if (!field.matches(":focus") || field.getAttribute("aria-invalid") !== "true") {
      if (field.value !== shown) field.value = shown;
      field.setAttribute("aria-invalid", false);
    }
    if (slider.max === "" || !(number >= slider.min && number <= slider.max)) this.#range(place);
    slider.value = number;
    slider.setAttribute("aria-valuetext", shown);
  }

  #showButtons() {
    const disabled = {
      descend: this.graph.problem !== null || !this.chosen.length,
      undo: !this.trials.past.length,
      reset: !this.trials.isChanged,
    };
    for (const [id, isDisabled] of Object.entries(disabled)) {
      if (isDisabled && this.byId(id).matches(":focus")) this.byId("numbers").focus(); // the keyboard stays close by
      this.byId(id).disabled = isDisabled;
    }
  }

  #showLosses() {
    const { losses } = this.trials;
    const points = sparkline(losses, WIDE, HIGH);
    this.line.setAttribute("points", points.map((point) => point.map((x) => x.toFixed(1)).join()).join(" "));
    const [x, y] = points.at(-1) ?? [0, 0];
    this.dot.setAttribute("cx", x);
    this.dot.setAttribute("cy", y);
    this.dot.classList.toggle("none", !points.length);
    const { name } = this.graph.nodes[this.graph.root];
    const loss = this.graph.problem ? "—" : this.show(this.trials.loss);
    this.byId("loss").textContent = signed(`${name} = ${loss}`);
    const steps = losses.length - 1;
    this.byId("losses").setAttribute("aria-label", `${name} after each of ${steps} changes: ${losses.slice(-20).map(this.show).join(", ")}`);
  }

  /** Bring a leaf's row into sight. */
  reveal(place) {
    for (const { row } of this.rows.values()) row.classList.remove("chosen");
    const found = this.rows.get(place);
    if (!found) return;
    found.row.classList.add("chosen");
    found.row.scrollIntoView({ block: "nearest" });
  }
}
