// The graph, drawn once; after that a step only touches what differs.

const SVG = "http://www.w3.org/2000/svg";
const LINE = 17; // from one line of text in a box to the next
const SIDE = 10; // beside the text
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** An SVG element with attributes and, where given, a text. */
function drawn(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

const [width, height] = walk.size;
const svg = drawn("svg", {
  viewBox: `-6 -6 ${width + 12} ${height + 12}`,
  role: "group",
  "aria-label": "Computation graph",
});
const boxes = [];
const lines = [];
const overlay = drawn("g", { "aria-hidden": "true" });

function drawGraph() {
  const definitions = drawn("defs");
  for (const id of ["tip", "tip-active"]) {
    const marker = drawn("marker", {
      id,
      viewBox: "0 0 10 10",
      refX: 9,
      refY: 5,
      orient: "auto",
      markerUnits: "userSpaceOnUse",
    });
    const size = id === "tip" ? 9 : 13;
    marker.setAttribute("markerWidth", size);
    marker.setAttribute("markerHeight", size);
    marker.append(drawn("path", { d: "M0 1 10 5 0 9z" }));
    definitions.append(marker);
  }
  const below = drawn("g", { "aria-hidden": "true" });
  for (const edge of edges) {
    const line = drawn("path", { class: "edge", d: edge.path });
    lines.push(line);
    below.append(line);
  }
  const above = drawn("g");
  nodes.forEach((node, place) => above.append(drawNode(node, place)));
  svg.append(definitions, below, above, overlay);
  byId("graph").append(svg);
}

function drawNode(node, place) {
  const [left, top, wide, high] = node.box;
  const kind = isConstant(place) ? "constant" : node.op ? "result" : "leaf";
  const group = drawn("g", { class: `node ${kind}`, transform: `translate(${left} ${top})` });
  const body = drawn("rect", { class: "body", width: wide, height: high, rx: 9 });
  if (kind === "constant") {
    group.setAttribute("aria-hidden", "true");
    group.append(body, drawn("text", { class: "number", x: wide - SIDE, y: high - 8 }, signed(node.name)));
    boxes.push({ group });
    return group;
  }
  const halo = drawn("rect", { class: "halo", x: -6, y: -6, width: wide + 12, height: high + 12, rx: 14 });
  const name = drawn("text", { class: "name", x: SIDE, y: LINE + 3 }, signed(node.name));
  group.append(drawn("title", {}, node.label ?? node.name), halo, body, name);
  if (node.op) drawOperation(group, node.op, wide);
  const gradient = drawn("text", { class: "number grad", x: wide - SIDE, y: 3 * LINE + 7 });
  group.append(
    drawTint(node),
    drawn("text", { class: "key", x: SIDE, y: 2 * LINE + 6 }, "data"),
    drawn("text", { class: "number", x: wide - SIDE, y: 2 * LINE + 6 }, signed(node.data)),
    drawn("text", { class: "key", x: SIDE, y: 3 * LINE + 7 }, "grad"),
    gradient,
  );
  if (!node.check.problem) group.append(drawTick(node.check.agrees));
  group.setAttribute("role", "button");
  group.setAttribute("tabindex", place === root ? "0" : "-1");
  group.dataset.place = place;
  boxes.push({ group, gradient, name, status: null });
  return group;
}

/** The colour behind a gradient: its sign, and its size beside the largest. */
function drawTint({ strength, box: [, , wide, high] }) {
  const tint = drawn("rect", { class: "tint", x: 4, y: high - LINE - 7, width: wide - 8, height: LINE + 3, rx: 5 });
  if (strength !== 0) tint.classList.add(strength === null ? "strange" : strength < 0 ? "negative" : "positive");
  tint.style.setProperty("--strength", `${100 * Math.abs(strength)}%`);
  return tint;
}

/** The mark beside a gradient that the finite difference agrees with, or not. */
function drawTick(agrees) {
  const path = agrees ? "m0 5 4 4 8-9" : "m1 0 8 8m0-8-8 8";
  return drawn("path", {
    class: agrees ? "tick" : "tick differs",
    d: path,
    transform: `translate(44 ${3 * LINE - 3})`,
  });
}

const pillWidth = (word) => Math.max(20, 7.4 * word.length + 10);

/** The operation, white on a pill in the corner of its box. */
function drawOperation(group, op, wide) {
  const word = { neg: "−", "-": "−", "*": "×", "/": "÷" }[op] ?? op;
  const pill = pillWidth(word);
  group.append(drawn("rect", { class: "op", x: wide - pill - 5, y: 5, width: pill, height: 19, rx: 9.5 }));
  group.append(drawn("text", { class: "op", x: wide - pill / 2 - 5, y: LINE + 2 }, word));
}

/** Fonts differ: a name that has become wider than its place is drawn narrower. */
function fitNames() {
  nodes.forEach((node, place) => {
    const { name } = boxes[place];
    const room = node.box[2] - 2 * SIDE - (node.op ? pillWidth(node.op) : 0);
    if (name && name.getComputedTextLength() > room) {
      name.setAttribute("textLength", room);
      name.setAttribute("lengthAdjust", "spacingAndGlyphs");
    }
  });
}

// ----------------------------------------------------------------------------------------------------- one position

/** Write a node's gradient as it is at the reader's position. */
function showGradient(place) {
  const box = boxes[place];
  const { text, status } = gradientAt(place, state.position);
  const shown = { unknown: "?", partial: `${signed(text)} + …`, complete: signed(text) }[status];
  if (box.status !== status) {
    box.group.classList.remove(box.status);
    box.group.classList.add(status);
    box.status = status;
  }
  if (box.gradient.textContent !== shown) box.gradient.textContent = shown;
  const words = { unknown: "not known yet", partial: `${text} so far`, complete: text }[status];
  const kind = nodes[place].op || "leaf";
  box.group.setAttribute("aria-label", `${nodes[place].name}, ${kind}, data ${nodes[place].data}, gradient ${words}`);
}

/** Light up, or put out, the node of a step and the edges that it feeds. */
function light(position, on) {
  boxes[nodeAt(position)].group.classList.toggle("current", on);
  if (!position) return;
  for (const { edge } of giving[position - 1]) lines[edge].classList.toggle("active", on);
  flag(on ? giving[position - 1] : []);
}

/** Put the local derivatives on the edges of some gifts, and take those of others away. */
const flag = (gifts) => overlay.replaceChildren(...gifts.flatMap(({ edge }) => flags(edge)));

/** What is drawn over a lit edge: dots that run back along it, and the local derivative. */
function flags(place) {
  const edge = edges[place];
  const flow = drawn("path", { class: "flow", d: edge.path });
  const middle = lines[place].getPointAtLength(lines[place].getTotalLength() / 2);
  const text = `× ${signed(edge.derivative)}`;
  const wide = 7.6 * text.length + 12;
  const pill = drawn("g", { class: "flag", transform: `translate(${middle.x} ${middle.y + (edge.shift ?? 0)})` });
  pill.append(
    drawn("rect", { x: -wide / 2, y: -11, width: wide, height: 22, rx: 11 }),
    drawn("text", { y: 4.5 }, text),
  );
  return [flow, pill];
}

// ---------------------------------------------------------------------------------------------------------- zooming

let scale = 1;
let isFitted = null; // a graph that fills its window goes on doing so when that changes; null: it was not seen yet

function zoom(wanted, fitted = false) {
  scale = Math.max(0.05, Math.min(4, wanted));
  isFitted = fitted;
  svg.setAttribute("width", (width + 12) * scale);
  svg.setAttribute("height", (height + 12) * scale);
}

function fittingScale() {
  const { clientWidth, clientHeight } = byId("graph");
  return Math.min((clientWidth - 28) / (width + 12), (clientHeight - 28) / (height + 12), 1.6);
}

/** As large as fits; or a size that can be read, and scrolled. A page that is hidden has no size, and waits for one. */
function adjust() {
  if (!byId("graph").clientWidth) return;
  if (isFitted === null) {
    const fits = fittingScale() >= 0.6;
    zoom(fits ? fittingScale() : 0.8, fits);
    fitNames();
    follow(nodeAt(state.position));
  } else if (isFitted) zoom(fittingScale(), true);
}

/** Bring a node into sight where the graph is larger than its window. */
function follow(place) {
  const frame = byId("graph");
  if (frame.scrollWidth <= frame.clientWidth && frame.scrollHeight <= frame.clientHeight) return;
  const seen = boxes[place].group.getBoundingClientRect();
  const around = frame.getBoundingClientRect();
  const left = seen.left + seen.width / 2 - around.left - around.width / 2;
  const top = seen.top + seen.height / 2 - around.top - around.height / 2;
  frame.scrollBy({ left, top, behavior: calm.matches ? "auto" : "smooth" });
}

/** The mouse can take hold of a graph that is larger than its window. */
function dragToScroll() {
  const frame = byId("graph");
  let from = null;
  frame.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0 && !event.target.closest(".node[role]")) {
      from = { x: event.clientX + frame.scrollLeft, y: event.clientY + frame.scrollTop };
      frame.classList.add("dragged");
    }
  });
  addEventListener("pointermove", (event) => {
    if (from) frame.scrollTo(from.x - event.clientX, from.y - event.clientY);
  });
  addEventListener("pointerup", () => {
    from = null;
    frame.classList.remove("dragged");
  });
}
