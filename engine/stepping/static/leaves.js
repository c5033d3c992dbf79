// The numbers of the leaves, to type and to drag; and gradient descent on those that are chosen.

import { element, signed } from "./formulas.js";
import { rangeAround, readNumber, typed } from "./numbers.js";
import { drawn } from "./picture.js";
import { sparkline } from "./trials.js";

const [WIDE, HIGH] = [84, 24]; // of the sparkline

export class Leaves {
  /** ``changed(words)`` is called after each change of numbers; the words, if any, are for screen readers. Steps move
   * the leaves that are ``chosen``, with the ``rate`` where there is one. */
  constructor({ byId, graph, trials, show, chosen, rate, changed }) {
    Object.assign(this, { byId, graph, trials, show, changed });
    this.isDragging = false;
    this.queued = 0; // steps asked for while Python computes the one before
    if (rate !== undefined) byId("rate").value = rate;
    this.rate = byId("rate").value; // the last one that was a number
    this.rows = new Map(); // by the leaves' places
    const leaves = [...graph.nodes.keys()].filter((place) => graph.isLeaf(place));
    const moving = new Set(chosen);
    leaves.sort((a, b) => moving.has(a) - moving.has(b)); // a network's few inputs before its many parameters
    byId("leaves").append(...leaves.map((place) => this.#row(place, moving.has(place))));
    byId("descend").addEventListener("click", () => this.descend());
    byId("undo").addEventListener("click", () => this.undo());
    byId("reset").addEventListener("click", () => this.reset());
    this.#listenToRate(byId("rate"));
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
    const title = element("label", "", box, element("span", "", brokenAtDots(signed(name))));
    title.title = label ?? name;
    const field = element("input", "field");
    Object.assign(field, { type: "text", inputMode: "decimal", spellcheck: false });
    field.setAttribute("aria-label", `The number of ${name}`);
    const slider = element("input", "slider");
    slider.type = "range";
    slider.setAttribute("aria-label", `Drag ${name}`);
    const told = element("small", "told");
    row.append(title, field, slider, told);
    this.rows.set(place, { row, box, field, slider, told });
    this.#listen(place);
    return row;
  }

  /** Let a reader change the leaves that the page can compute with, and say of the others why not. */
  enable() {
    for (const [place, { row, box, field, slider, told }] of this.rows) {
      const why = this.#whyFixed(place);
      for (const control of [box, field, slider]) control.disabled = why !== "";
      row.classList.toggle("fixed", why !== "");
      told.textContent = why;
    }
  }

  #whyFixed(place) {
    const by = this.graph.fixedBy[place];
    return by === null ? "" : `fixed: goes into ${this.graph.nodes[by].op}, a function of Python`;
  }

  #listen(place) {
    const { field, slider, box } = this.rows.get(place);
    slider.addEventListener("input", () => this.drag(place, Number(slider.value)));
    slider.addEventListener("change", () => this.drop(place));
    field.addEventListener("focus", () => {
      this.#offer(place);
      field.select();
    });
    field.addEventListener("change", () => this.#type(place));
    field.addEventListener("blur", () => {
      this.#write(field, this.show(this.graph.numbers[place]));
    });
    field.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.#offer(place);
    });
    box.addEventListener("change", () => this.#showButtons());
  }

  /** All digits of a leaf's number, to go on from. */
  #offer(place) {
    const { field, told } = this.rows.get(place);
    told.textContent = "";
    this.#write(field, typed(this.graph.numbers[place]));
  }

  #write(field, text) {
    if (field.value !== text) field.value = text;
    field.setAttribute("aria-invalid", false);
  }

  #type(place) {
    const { field, told } = this.rows.get(place);
    const number = numberIn(field, told);
    if (number === undefined) this.changed(told.textContent);
    else if (!Object.is(number, this.graph.numbers[place])) {
      this.#begin("change");
      this.graph.change([[place, number]]);
      this.#range(place);
      this.changed(this.#words(place));
    }
  }

  /** Remember the numbers of now, before a change. */
  #begin(kind) {
    this.#stop();
    this.trials.remember(kind);
  }

  /** Forget the steps that wait, and what was told. */
  #stop() {
    this.queued = 0;
    this.tell("");
  }

  /** Show what happened outside the page. */
  tell(words) {
    this.byId("told").textContent = words;
  }

  /** Give a leaf a number while it is dragged; the whole way is one change. */
  drag(place, number) {
    if (!this.isDragging) this.#begin("change");
    this.isDragging = true;
    this.graph.change([[place, number]]);
    this.changed("");
  }

  /** Numbers from outside, ``[place, number]`` each. */
  take(changes) {
    this.#begin("change");
    this.graph.change(changes);
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
    if (rate === undefined) this.changed(this.byId("rate-told").textContent);
    if (rate === undefined || this.byId("descend").disabled) return;
    if (this.graph.asks.length) {
      this.queued += 1;
      return;
    }
    const { name } = this.graph.nodes[this.graph.root];
    const before = this.show(this.trials.loss);
    this.trials.step(this.chosen, rate);
    const { loss, losses } = this.trials;
    const isLost = !this.graph.problem && !Number.isFinite(loss) && Number.isFinite(losses[0]);
    this.tell(isLost ? `The steps diverged: ${name} is ${this.show(loss)}. Undo, and take a smaller rate.` : "");
    this.changed(this.graph.problem?.words ?? `A step: ${name} was ${before} and is ${this.show(loss)}.`);
  }

  /** Take the next step that was asked for while Python computed. */
  goOn() {
    if (this.graph.problem) this.queued = 0;
    if (!this.queued) return;
    this.queued -= 1;
    this.descend();
  }

  undo() {
    this.#stop();
    this.trials.undo();
    this.changed("Undone.");
  }

  reset() {
    this.#stop();
    if (this.trials.isChanged) this.trials.reset();
    this.changed("All numbers are Python's again.");
  }

  #listenToRate(field) {
    field.addEventListener("input", () => this.#showRate());
    field.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      this.#write(field, this.rate);
      this.#showRate();
    });
  }

  /** The rate, where it is a number; else what is wrong, beside it. */
  #showRate() {
    const field = this.byId("rate");
    const rate = numberIn(field, this.byId("rate-told"));
    if (rate !== undefined) this.rate = field.value;
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
    const { field, slider, row, told } = parts;
    const number = this.graph.numbers[place];
    if (Object.is(parts.number, number)) return;
    const shown = this.show(number);
    parts.number = number;
    told.textContent = this.#whyFixed(place);
    row.classList.toggle("changed", this.graph.changed[place]);
    this.#write(field, field.matches(":focus") ? typed(number) : shown);
    if (slider.disabled || slider.max === "" || !(number >= slider.min && number <= slider.max)) this.#range(place);
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
    this.#scrollTo(found.row);
  }

  /** Bring a row into sight in its list, and move nothing else: the page around a frame has its own place. */
  #scrollTo(row) {
    const list = this.byId("numbers");
    const { top, bottom } = row.getBoundingClientRect();
    const from = this.byId("descent").getBoundingClientRect().bottom; // which stays above the rows
    const to = list.getBoundingClientRect().bottom;
    if (top < from) list.scrollTop += top - from;
    else if (bottom > to) list.scrollTop += bottom - to;
  }
}

/** A name that is broken between its words, such as "layers.", "0." and "bias", where it is too long for a line. */
function brokenAtDots(name) {
  return element("b", "", ...name.split(/(?<=[._])/).flatMap((word) => [word, element("wbr")]));
}

/** The number that was typed into a field; or undefined, and what is wrong is told beside it. */
function numberIn(field, told) {
  const { number, problem = "" } = readNumber(field.value);
  field.setAttribute("aria-invalid", Boolean(problem));
  told.textContent = problem;
  return number;
}
