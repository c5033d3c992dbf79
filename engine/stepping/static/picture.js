// The graph, drawn once; after that a step only touches what differs.

import { signed } from "./formulas.js";
import { KEY, LINE, SIDE, SYMBOLS } from "./measures.js";

const SVG = "http://www.w3.org/2000/svg";
const BOLD_LETTER = 8.2; // about as wide as a letter of a word in bold is
const HEAD = 13; // the length of a lit arrowhead
const READABLE = 0.85; // the least scale at which the texts in the boxes have 11 pixels

/** An SVG element with attributes and, where given, a text. */
export function drawn(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

const symbolOf = (op) => SYMBOLS[op] ?? op;
const pillWidth = (word) => Math.max(20, BOLD_LETTER * word.length + 10);

/** Draw a text that is wider than its place narrower. */
function fit(element, room) {
  element.setAttribute("textLength", room);
  element.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

export class Picture {
  /** ``role`` is that of a node: ``"button"`` where something listens for clicks and keys, or ``"img"``. */
  constructor({ frame, size, graph, walk, show, role = "button" }) {
    Object.assign(this, { frame, graph, walk, show, role });
    [this.width, this.height] = size;
    this.svg = drawn("svg", {
      viewBox: `-6 -6 ${this.width + 12} ${this.height + 12}`,
      role: "group",
      "aria-label": "Computation graph",
    });
    this.pen = document.createElement("canvas").getContext("2d"); // measures texts without a layout of the page
    this.fonts = getComputedStyle(frame).fontFamily;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.scale = 1;
    this.isFitted = null; // whether it follows its window; null: it was not seen yet
    this.isWhole = false; // whether a reader asked for all of it
    this.middles = []; // of edges, by their places: measuring one takes longer than all the rest of a step
    this.overlay = drawn("g", { "aria-hidden": "true" });
    this.lines = graph.edges.map((edge) => drawn("path", { class: "edge", d: edge.path }));
    this.boxes = graph.nodes.map((node, place) => this.#drawNode(node, place));
    const below = drawn("g", { "aria-hidden": "true" });
    const above = drawn("g");
    below.append(...this.lines);
    above.append(...this.boxes.map(({ group }) => group));
    this.svg.append(arrowheads(), below, above, this.overlay);
    this.showFixed();
    frame.append(this.svg);
  }

  #drawNode(node, place) {
    const [left, top, wide, high] = node.box;
    const kind = this.graph.isConstant(place) ? "constant" : node.op ? "result" : "leaf";
    const group = drawn("g", { class: `node ${kind}`, transform: `translate(${left} ${top})` });
    const body = drawn("rect", { class: "body", width: wide, height: high, rx: 9 });
    if (kind === "constant") {
      group.setAttribute("aria-hidden", "true");
      group.append(body, drawn("text", { class: "number", x: wide - SIDE, y: high - 8 }, signed(node.name)));
      return { group };
    }
    const halo = drawn("rect", { class: "halo", x: -6, y: -6, width: wide + 12, height: high + 12, rx: 14 });
    const name = drawn("text", { class: "name", x: SIDE, y: LINE + 2 }, signed(node.name));
    const data = drawn("text", { class: "number data", x: wide - SIDE, y: 2 * LINE + 4 });
    const gradient = drawn("text", { class: "number grad", x: wide - SIDE, y: 3 * LINE + 5 });
    const tint = drawn("rect", { class: "tint", x: 4, y: high - LINE - 6, width: wide - 8, height: LINE + 2, rx: 5 });
    const tick = drawn("g", { class: "tick none", transform: `translate(${wide + 1} ${high + 1})` });
    tick.append(drawn("circle", { r: 7 }), drawn("path"));
    group.append(drawn("title", {}, node.label ?? node.name), halo, body, name);
    if (node.op) group.append(...this.#operationPill(node.op, wide));
    group.append(
      tint,
      drawn("text", { class: "key", x: SIDE, y: 2 * LINE + 4 }, "data"),
      data,
      drawn("text", { class: "key", x: SIDE, y: 3 * LINE + 5 }, "grad"),
      gradient,
      tick,
    );
    group.setAttribute("role", this.role);
    if (this.role === "button") group.setAttribute("tabindex", place === this.graph.root ? "0" : "-1");
    group.dataset.place = place;
    return { group, name, data, gradient, tint, tick, status: null, strength: 0, room: wide - 2 * SIDE - KEY };
  }

  /** The operation, white on a pill in the corner of its box. */
  #operationPill(op, wide) {
    const word = symbolOf(op);
    const pill = pillWidth(word);
    const words = drawn("text", { class: "op", x: wide - pill / 2 - 4, y: LINE + 1 });
    this.#write(words, word, pill - 8, "600 13px");
    return [drawn("rect", { class: "op", x: wide - pill - 4, y: 4, width: pill, height: 18, rx: 9 }), words];
  }

  /** Mark the nodes that only Python could compute. */
  showFixed() {
    this.boxes.forEach(({ group }, place) => group.classList.toggle("fixed", this.graph.fixedBy[place] === place));
  }

  /** Write all numbers as they are now, at the reader's position. */
  refresh(position) {
    this.graph.nodes.forEach((_, place) => {
      if (this.graph.isConstant(place)) return;
      const box = this.boxes[place];
      const isMissing = this.graph.missing[place];
      const shown = isMissing ? "—" : this.show(this.graph.numbers[place]);
      if (box.shown !== shown) this.#write(box.data, signed((box.shown = shown)), box.room);
      if (box.isMissing !== isMissing) box.group.classList.toggle("missing", (box.isMissing = isMissing));
      this.#showTint(box, this.graph.strength(place));
      this.showGradient(place, position);
    });
    this.#showProblem(this.graph.problem);
  }

  /** Mark the node whose operation refuses its operands, and say why where the mouse or a screen reader comes to it. */
  #showProblem(problem) {
    const before = this.svg.querySelector(".problem");
    before?.classList.remove("problem");
    before?.querySelector(".why").remove();
    if (!problem) return;
    const { group } = this.boxes[problem.place];
    group.classList.add("problem");
    group.append(drawn("title", { class: "why" }, problem.words));
    group.setAttribute("aria-label", `${this.graph.nodes[problem.place].name}: ${problem.words}`);
    this.boxes[problem.place].label = null;
  }

  /** The colour behind a gradient: its sign, and its size beside the largest. */
  #showTint(box, strength) {
    if (box.strength === strength) return;
    box.strength = strength;
    box.tint.setAttribute("class", strength === null ? "tint strange" : strength < 0 ? "tint negative" : "tint positive");
    box.tint.style.setProperty("--strength", `${100 * Math.abs(strength)}%`);
  }

  /** Write a node's gradient as it is at the reader's position. */
  showGradient(place, position) {
    const box = this.boxes[place];
    const { gradient, status } = this.walk.gradientAt(place, position);
    const text = this.show(gradient);
    const shown = { unknown: "?", missing: "—", partial: `${signed(text)} + …`, complete: signed(text) }[status];
    if (box.status !== status) {
      box.group.classList.remove(box.status);
      box.group.classList.add(status);
      box.status = status;
    }
    if (box.gradientShown !== shown) this.#write(box.gradient, (box.gradientShown = shown), box.room, "650 13px");
    const words = { unknown: "not known yet", missing: "none", partial: `${text} so far`, complete: text }[status];
    const { name, op } = this.graph.nodes[place];
    const label = `${name}, ${op ? symbolOf(op) : "leaf"}, data ${box.isMissing ? "none" : box.shown}, gradient ${words}`;
    if (box.label !== label) box.group.setAttribute("aria-label", (box.label = label));
  }

  /** Write a text, and narrower where it is wider than its place. */
  #write(element, text, room, size = "13px") {
    element.textContent = text;
    this.pen.font = `${size} ${this.fonts}`;
    if (this.pen.measureText(text).width <= room) element.removeAttribute("textLength");
    else fit(element, room);
  }

  /** The mark at a box whose gradient a finite difference agrees with, or not; null for none. */
  showTick(place, agrees) {
    const { tick, agrees: before } = this.boxes[place];
    if (agrees === before) return;
    this.boxes[place].agrees = agrees;
    tick.setAttribute("class", agrees === null ? "tick none" : agrees ? "tick" : "tick differs");
    tick.lastChild.setAttribute("d", agrees ? "m-4 0 3 3.5 5-7" : "m-3-3 6 6m0-6-6 6");
  }

  /** Hide all marks until their nodes are checked again. */
  hideTicks() {
    this.boxes.forEach(({ tick }, place) => tick && this.showTick(place, null));
  }

  /** Light up, or put out, the node of a step and the edges that it feeds. */
  light(position, on) {
    this.boxes[this.walk.nodeAt(position)].group.classList.toggle("current", on);
    const gives = position ? this.walk.steps[position - 1].gives : [];
    for (const { edge } of gives) this.lines[edge].classList.toggle("active", on);
    this.flag(on ? gives : []);
  }

  /** Put the local derivatives on the edges of some contributions, and take those of others away. */
  flag(contributions) {
    this.flagged = contributions;
    const shown = this.graph.problem ? [] : contributions;
    this.overlay.replaceChildren(...shown.flatMap(({ edge }) => this.#flags(edge)));
  }

  /** What is drawn over a lit edge: dots that run back along it, and the local derivative. */
  #flags(edge) {
    const { path, shift } = this.graph.edges[edge];
    const flow = drawn("path", { class: "flow", d: path });
    const { x, y, room, isUpright } = (this.middles[edge] ??= placeFor(this.lines[edge]));
    const text = `× ${signed(this.show(this.graph.slopes[edge]))}`;
    const wide = Math.min(6.6 * text.length + 10, room);
    const [right, down] = isUpright ? [Math.sign(shift ?? 0) * (wide / 2 + 1), 0] : [0, shift ?? 0];
    const pill = drawn("g", { class: "flag", transform: `translate(${x + right} ${y + down})` });
    const words = drawn("text", { y: 4.5 });
    this.#write(words, text, wide - 8, "650 12px");
    pill.append(drawn("rect", { x: -wide / 2, y: -10, width: wide, height: 20, rx: 10 }), words);
    return [flow, pill];
  }

  /** Pick out a node and its paths to the root; null for none. */
  choose(place) {
    for (const marked of this.svg.querySelectorAll(".path, .chosen")) marked.classList.remove("path", "chosen");
    this.svg.classList.toggle("explained", place !== null);
    if (place === null) return;
    const waiting = [place];
    const met = new Set(waiting);
    while (waiting.length) {
      for (const { edge, to } of this.walk.received[waiting.pop()]) {
        this.lines[edge].classList.add("path");
        if (!met.has(to)) waiting.push(to);
        met.add(to);
      }
    }
    for (const reached of met) this.boxes[reached].group.classList.add("path");
    this.boxes[place].group.classList.add("chosen");
    this.rove(place);
  }

  /** Tab stops at one node only; the up and down arrows go from node to node. */
  rove(place) {
    if (this.role !== "button") return;
    this.svg.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    this.boxes[place].group.setAttribute("tabindex", "0");
  }

  // -------------------------------------------------------------------------------------------------------- zooming

  zoom(wanted, fitted = false) {
    this.scale = Math.max(0.05, Math.min(4, wanted));
    this.isFitted = fitted;
    this.svg.setAttribute("width", (this.width + 12) * this.scale);
    this.svg.setAttribute("height", (this.height + 12) * this.scale);
  }

  /** All of the graph, however small that makes it. */
  zoomToFit() {
    this.isWhole = true;
    this.zoom(this.#fittingScale(), true);
  }

  #fittingScale() {
    const { clientWidth, clientHeight } = this.frame;
    return Math.min((clientWidth - 16) / (this.width + 12), (clientHeight - 16) / (this.height + 12), 1.6);
  }

  /** As large as fits; or a size that can be read, and scrolled. A page that is hidden has no size, and waits for one. */
  adjust(place) {
    if (!this.frame.clientWidth || this.isFitted === false) return;
    const isNew = this.isFitted === null;
    const scale = this.#fittingScale();
    this.zoom(this.isWhole ? scale : Math.max(scale, READABLE), true);
    if (isNew) this.#fitNames();
    this.follow(place, "auto"); // a smooth way is lost where nobody sees it
  }

  /** Fonts differ: a name may have become wider than its place. */
  #fitNames() {
    this.graph.nodes.forEach((node, place) => {
      const { name } = this.boxes[place];
      const room = node.box[2] - 2 * SIDE - (node.op ? pillWidth(symbolOf(node.op)) : 0);
      if (name && name.getComputedTextLength() > room) fit(name, room);
    });
  }

  /** Bring a node into sight where the graph is larger than its window. */
  follow(place, behavior = this.calm.matches ? "auto" : "smooth") {
    const { frame } = this;
    if (frame.scrollWidth <= frame.clientWidth && frame.scrollHeight <= frame.clientHeight) return;
    const seen = this.boxes[place].group.getBoundingClientRect();
    const around = frame.getBoundingClientRect();
    const left = seen.left + seen.width / 2 - around.left - around.width / 2;
    const top = seen.top + seen.height / 2 - around.top - around.height / 2;
    frame.scrollBy({ left, top, behavior });
  }

  /** The mouse can take hold of a graph that is larger than its window. */
  dragToScroll() {
    const { frame } = this;
    let from = null;
    const end = () => {
      from = null;
      frame.classList.remove("dragged");
    };
    frame.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0 && !event.target.closest(".node[role]")) {
        from = { x: event.clientX + frame.scrollLeft, y: event.clientY + frame.scrollTop };
        frame.classList.add("dragged");
        frame.setPointerCapture(event.pointerId);
      }
    });
    frame.addEventListener("pointermove", (event) => {
      if (!isPressed(event)) end();
      else if (from) frame.scrollTo(from.x - event.clientX, from.y - event.clientY);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) frame.addEventListener(name, end);
  }
}

/** Whether the mouse's main button is down. */
export const isPressed = (event) => (event.buttons & 1) === 1;

/** Where a number on an edge leaves its arrowhead free: the middle of the rest, and how wide it can be there. */
function placeFor(line) {
  const length = line.getTotalLength();
  const { x, y } = line.getPointAtLength(Math.max(0, length - HEAD) / 2);
  const [start, end] = [line.getPointAtLength(0), line.getPointAtLength(length)];
  const across = Math.abs(end.x - start.x);
  const isUpright = across <= Math.abs(end.y - start.y);
  return { x, y, room: isUpright ? 200 : Math.max(40, across - HEAD - 3), isUpright };
}

function arrowheads() {
  const definitions = drawn("defs");
  for (const [id, size] of [["tip", 9], ["tip-active", HEAD]]) {
    const marker = drawn("marker", {
      id,
      viewBox: "0 0 10 10",
      refX: 9,
      refY: 5,
      orient: "auto",
      markerUnits: "userSpaceOnUse",
      markerWidth: size,
      markerHeight: size,
    });
    marker.append(drawn("path", { d: "M0 1 10 5 0 9z" }));
    definitions.append(marker);
  }
  return definitions;
}
