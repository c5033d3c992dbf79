// Moving about: the controls, the keys, and what they do. ``mount`` puts a stepper into its markup.

import { differenceAt, verdictOf } from "./differences.js";
import { element } from "./formulas.js";
import { Graph } from "./graph.js";
import { Leaves } from "./leaves.js";
import { formatNumber, rangeAround } from "./numbers.js";
import { connect, followTheme, hintAtKeys } from "./outside.js";
import { Panel } from "./panel.js";
import { isPressed, Picture } from "./picture.js";
import { Trials } from "./trials.js";
import { Walk } from "./walk.js";

const SECONDS_A_STEP = 1.8;
const PATIENCE = 300; // milliseconds until a page that waits for Python says so
const CHECKED_A_FRAME = 4; // milliseconds of each frame in which gradients are checked
const PIXELS = 3; // of the mouse for a step of a number that is dragged in its box

/** Show the graph that ``data`` describes in the element ``host``, and connect it with the widget of that name. */
export function mount(host, data, name) {
  followTheme(host);
  hintAtKeys(host);
  connect(new Stepper(host, data), name);
}

class Stepper {
  #at = { position: 0, chosen: null, checking: false }; // after how many steps, which node is explained

  /** What is called when a reader has changed something; see ``state``. */
  changed = () => {};

  /** What is called where only Python can compute some numbers; see ``answer``. */
  ask = () => {};

  constructor(host, data) {
    this.host = host;
    this.byId = (id) => host.querySelector(`#${id}`);
    const show = (x) => formatNumber(x, data.precision);
    this.graph = new Graph(data);
    this.walk = new Walk(this.graph);
    this.timer = null; // of the play button
    this.unchecked = new Set(); // the nodes whose gradients the next frames check
    this.nextCheck = null; // the next of these frames
    const { graph, walk, byId } = this;
    const parts = { graph, walk, byId, show };
    this.picture = new Picture({ ...parts, frame: byId("graph"), size: data.size });
    this.panel = new Panel({ ...parts, place: byId("panel"), spoken: byId("spoken"), precision: data.precision });
    const changed = (words) => this.refresh(words);
    const descent = { chosen: data.chosen, rate: data.rate };
    this.leaves = new Leaves({ ...parts, trials: new Trials(graph), ...descent, changed });
    byId("position").max = walk.length;
    graph.nodes.forEach((node, place) => {
      if (graph.isConstant(place)) return;
      const option = element("option", "", node.name);
      option.value = place;
      byId("chosen").append(option);
    });
    this.#listen();
    this.picture.refresh(0);
    this.leaves.refresh();
    this.go(0);
    this.picture.adjust(walk.nodeAt(0));
  }

  /** Write everything as it is now that numbers have changed; the position stays. Python is asked first, if need be. */
  refresh(words = "") {
    clearTimeout(this.waiting);
    if (!this.graph.asks.length) {
      this.#refresh(words);
      this.leaves.goOn();
      return;
    }
    this.ask(this.graph.asks);
    this.waiting = setTimeout(() => this.#refresh(words), PATIENCE);
  }

  /** Take answers to ``ask``. */
  answer(answers) {
    this.graph.answer(answers);
    this.refresh();
  }

  /** From now on a kernel answers what functions of Python give. */
  connect() {
    this.graph.connect(true);
    this.picture.showFixed();
    this.leaves.enable();
    this.leaves.refresh();
    this.panel.explain(this.#at);
  }

  #refresh(words) {
    const { scrollTop } = this.panel.place; // before anything changes, or the browser would lay out the page for it
    this.picture.refresh(this.#at.position);
    this.picture.flag(this.picture.flagged);
    if (this.#at.checking) this.#showTicks();
    this.panel.explain(this.#at, scrollTop || null);
    this.leaves.refresh();
    if (words) this.panel.speak(words);
    this.changed();
  }

  #explain() {
    this.panel.speak(this.panel.explain(this.#at));
    this.changed();
  }

  /** The position, the node that is chosen, and the numbers of the leaves. */
  get state() {
    const { position, chosen } = this.#at;
    return { position, chosen, values: this.graph.leaves.map((leaf) => [leaf, this.graph.numbers[leaf]]) };
  }

  /**
   * Those of them that are given. A position ends the choice of a node, and a choice goes to the node's step; one of a
   * node that no reader could choose is ignored.
   */
  set state({ position = this.#at.position, chosen: wanted = this.#at.chosen, values = [] }) {
    const chosen = wanted === null || this.#canChoose(wanted) ? wanted : this.#at.chosen;
    const { changed } = this;
    this.changed = () => {}; // until all of it is as wanted
    const { leaves, numbers } = this.graph;
    const changes = values.filter(([leaf, number]) => leaves.includes(leaf) && !Object.is(numbers[leaf], number));
    if (changes.length) this.leaves.take(changes);
    if (chosen !== null && chosen !== this.#at.chosen) this.explain(chosen);
    else if (chosen !== this.#at.chosen || position !== this.#at.position) this.jump(position);
    this.changed = changed;
    this.changed();
  }

  /** Show the graph as it is after so many steps; of the drawing, only what differs is touched. */
  show(position) {
    const from = this.#at.position;
    const to = Math.max(0, Math.min(this.walk.length, position));
    this.#at.position = to;
    const passed = this.walk.steps.slice(Math.min(from, to), Math.max(from, to));
    const changed = new Set(passed.flatMap(({ gives }) => gives.map((contribution) => contribution.from)));
    for (const place of changed) this.picture.showGradient(place, to);
    if (this.#at.checking) this.#showTicks(changed);
    this.picture.light(from, false);
    this.picture.light(to, true);
    this.#showControls();
  }

  #showControls() {
    const { position } = this.#at;
    const { length } = this.walk;
    this.byId("position").value = position;
    this.byId("position").setAttribute("aria-valuetext", `step ${position} of ${length}`);
    this.byId("counter").textContent = `Step ${position} of ${length}`;
    for (const id of ["first", "back"]) this.#setDisabled(this.byId(id), position === 0);
    for (const id of ["forward", "last"]) this.#setDisabled(this.byId(id), position === length);
    this.#setDisabled(this.byId("play"), length === 0);
  }

  /** A button that becomes disabled would lose the keyboard; hand that to its neighbour. */
  #setDisabled(button, disabled) {
    if (disabled && button.matches(":focus") && this.walk.length) this.byId("position").focus();
    button.disabled = disabled;
  }

  /** Go to a position; a choice of a node ends there. */
  go(position) {
    this.choose(null);
    this.show(position);
    this.#explain();
    this.picture.follow(this.walk.nodeAt(this.#at.position));
  }

  /** The same from a control, which ends playing. */
  jump(position) {
    this.play(false);
    this.go(position);
  }

  play(on) {
    clearInterval(this.timer);
    this.timer = null;
    if (on) {
      if (this.#at.position === this.walk.length) this.go(0);
      const milliseconds = (1000 * SECONDS_A_STEP) / Number(this.byId("speed").value);
      this.timer = setInterval(() => {
        this.go(this.#at.position + 1);
        if (this.#at.position === this.walk.length) this.play(false);
      }, milliseconds);
    }
    this.host.classList.toggle("playing", on);
    this.byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
  }

  /** Explain a node: go to its step, pick out its paths to the root, and write out its gradient. */
  explain(place) {
    this.play(false);
    this.show(this.walk.stepOf[place]);
    this.choose(place);
    this.picture.flag(this.walk.received[place]);
    this.#explain();
    this.picture.follow(place);
  }

  #canChoose(place) {
    return place in this.graph.nodes && !this.graph.isConstant(place);
  }

  choose(place) {
    if (this.#at.chosen === place) return;
    this.#at.chosen = place;
    this.picture.choose(place);
    this.byId("chosen").value = place ?? "";
    this.leaves.reveal(place);
  }

  toggleCheck() {
    const state = this.#at;
    state.checking = !state.checking;
    this.byId("check").setAttribute("aria-pressed", state.checking);
    this.picture.svg.classList.toggle("checking", state.checking);
    if (state.checking) this.#showTicks();
    this.#explain();
    if (!state.checking || this.graph.problem) return;
    this.panel.speak(this.panel.checkInWords(state.chosen ?? this.walk.nodeAt(state.position)));
  }

  /** Check the gradients that are complete, of all nodes or of some: a few in each frame, until none is left. */
  #showTicks(places = null) {
    if (!places) this.picture.hideTicks();
    this.unchecked = new Set([...(places ? this.unchecked : []), ...(places ?? this.graph.nodes.keys())]);
    this.nextCheck ??= requestAnimationFrame(() => this.#checkSome());
  }

  #checkSome() {
    this.nextCheck = null;
    if (!this.#at.checking) this.unchecked.clear();
    const end = performance.now() + CHECKED_A_FRAME;
    for (const place of this.unchecked) {
      if (performance.now() > end) break;
      this.unchecked.delete(place);
      if (this.picture.boxes[place].status !== "complete") continue;
      const found = differenceAt(this.graph, place);
      const { agrees } = found.problem === undefined ? verdictOf(found, this.graph.gradients[place]) : { agrees: null };
      this.picture.showTick(place, agrees);
    }
    if (this.unchecked.size) this.nextCheck = requestAnimationFrame(() => this.#checkSome());
  }

  // ------------------------------------------------------------------------------------------------ buttons and keys

  #actions = {
    first: () => this.jump(0),
    back: () => this.jump(this.#at.position - 1),
    play: () => this.play(this.timer === null),
    forward: () => this.jump(this.#at.position + 1),
    last: () => this.jump(this.walk.length),
    check: () => this.toggleCheck(),
    smaller: () => this.picture.zoom(this.picture.scale / 1.25),
    larger: () => this.picture.zoom(this.picture.scale * 1.25),
    fit: () => this.picture.zoomToFit(),
  };

  #keys = {
    ...{ ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last", " ": "play", c: "check" },
    ...{ "-": "smaller", "+": "larger", "=": "larger", 0: "fit" },
  };

  #onKey(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select")) return;
    if (key === " " && target.matches("button")) return; // the button's own key
    if (target.matches(".field, #rate")) return;
    if (target.closest("#numbers") && !/^([csu]|Escape)$/.test(key)) return; // the sliders' and ticks' own keys
    const box = target.closest(".node[role]");
    if (box && (key === "Enter" || key === " ")) this.explain(Number(box.dataset.place));
    else if (box && key === "ArrowUp") this.#neighbour(Number(box.dataset.place), -1);
    else if (box && key === "ArrowDown") this.#neighbour(Number(box.dataset.place), 1);
    else if (key === "Escape") this.jump(this.#at.position);
    else if (key === "s") this.leaves.descend();
    else if (key === "u") this.leaves.undo();
    else if (Object.hasOwn(this.#keys, key)) this.#actions[this.#keys[key]]();
    else return;
    event.preventDefault();
  }

  /** The next node in the graph's order that has a gradient gets the keyboard. */
  #neighbour(place, by) {
    let next = place + by;
    while (next >= 0 && next <= this.graph.root && this.graph.isConstant(next)) next += by;
    if (next < 0 || next > this.graph.root) return;
    this.picture.rove(next);
    this.picture.boxes[next].group.focus();
    this.picture.follow(next);
  }

  #listen() {
    for (const [id, action] of Object.entries(this.#actions)) this.byId(id).addEventListener("click", action);
    this.byId("position").addEventListener("input", ({ target }) => this.jump(Number(target.value)));
    this.byId("speed").addEventListener("change", () => this.play(this.timer !== null));
    this.byId("chosen").addEventListener("change", ({ target }) => {
      if (target.value) this.explain(Number(target.value));
      else this.jump(this.#at.position);
    });
    this.picture.svg.addEventListener("click", (event) => {
      const box = event.target.closest(".node[role]");
      if (this.wasDragged) this.wasDragged = false;
      else if (box) this.explain(Number(box.dataset.place));
      else if (this.#at.chosen !== null) this.go(this.#at.position);
    });
    document.addEventListener("keydown", (event) => this.#onKey(event));
    new ResizeObserver(() => this.picture.adjust(this.walk.nodeAt(this.#at.position))).observe(this.byId("graph"));
    this.picture.dragToScroll();
    this.#dragNumbers();
  }

  /** The mouse can take hold of a leaf in the graph, and drag its number. */
  #dragNumbers() {
    const { svg } = this.picture;
    let held = null;
    svg.addEventListener("pointerdown", (event) => {
      this.wasDragged = false;
      const place = Number(event.target.closest(".node[role]")?.dataset.place ?? NaN);
      if (event.pointerType !== "mouse" || event.button !== 0 || !this.graph.leaves.includes(place)) return;
      const number = this.graph.numbers[place];
      if (!Number.isFinite(number)) return;
      held = { place, x: event.clientX, number, ...rangeAround(number) };
      this.picture.boxes[place].group.setPointerCapture(event.pointerId); // also what a click goes to
    });
    const end = () => {
      if (held && this.wasDragged) this.leaves.drop(held.place);
      held = null;
    };
    svg.addEventListener("pointermove", (event) => {
      if (!isPressed(event)) end(); // it was let go where this page does not hear of it
      if (!held) return;
      const steps = Math.round((event.clientX - held.x) / PIXELS);
      if (!this.wasDragged && Math.abs(event.clientX - held.x) < 2 * PIXELS) return;
      this.wasDragged = true;
      const number = Math.round((held.number + steps * held.step) / held.step) * held.step;
      this.leaves.drag(held.place, steps ? Number(number.toPrecision(12)) : held.number);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) svg.addEventListener(name, end);
  }
}
