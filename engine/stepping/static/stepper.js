// Moving about: the controls, the keys, and what they do.

const SECONDS_A_STEP = 1.8;
let timer = null; // of the play button

/** Show the graph as it is after so many steps; of the drawing, only what differs is touched. */
function show(position) {
  const from = state.position;
  state.position = Math.max(0, Math.min(steps.length, position));
  const changed = new Set();
  for (let s = Math.min(from, state.position); s < Math.max(from, state.position); s += 1) {
    for (const gift of giving[s]) changed.add(gift.from);
  }
  for (const place of changed) showGradient(place);
  light(from, false);
  light(state.position, true);
  showControls();
}

function showControls() {
  const { position } = state;
  byId("position").value = position;
  byId("position").setAttribute("aria-valuetext", `step ${position} of ${steps.length}`);
  byId("counter").textContent = `Step ${position} of ${steps.length}`;
  for (const id of ["first", "back"]) setDisabled(byId(id), position === 0);
  for (const id of ["forward", "last"]) setDisabled(byId(id), position === steps.length);
  setDisabled(byId("play"), steps.length === 0);
}

/** A button that becomes disabled would lose the keyboard; hand that to its neighbour. */
function setDisabled(button, disabled) {
  if (disabled && document.activeElement === button && steps.length) byId("position").focus();
  button.disabled = disabled;
}

/** Go to a position; a choice of a node ends there. */
function go(position) {
  choose(null);
  show(position);
  explainStep();
  follow(nodeAt(state.position));
}

/** The same from a control, which ends playing. */
function jump(position) {
  play(false);
  go(position);
}

function play(on) {
  clearInterval(timer);
  timer = null;
  if (on) {
    if (state.position === steps.length) go(0);
    const milliseconds = (1000 * SECONDS_A_STEP) / Number(byId("speed").value);
    timer = setInterval(() => {
      go(state.position + 1);
      if (state.position === steps.length) play(false);
    }, milliseconds);
  }
  document.body.classList.toggle("playing", on);
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
}

/** Explain a node: go to its step, pick out its paths to the root, and write out its gradient. */
function explain(place) {
  play(false);
  show(stepOf[place]);
  choose(place);
  flag(received[place]);
  explainNode(place);
  follow(place);
}

function choose(place) {
  if (state.chosen === place) return;
  for (const marked of svg.querySelectorAll(".path, .chosen")) marked.classList.remove("path", "chosen");
  state.chosen = place;
  svg.classList.toggle("explained", place !== null);
  byId("chosen").value = place ?? "";
  if (place === null) return;
  const waiting = [place];
  const met = new Set(waiting);
  while (waiting.length) {
    for (const { edge, to } of received[waiting.pop()]) {
      lines[edge].classList.add("path");
      if (!met.has(to)) waiting.push(to);
      met.add(to);
    }
  }
  for (const reached of met) boxes[reached].group.classList.add("path");
  boxes[place].group.classList.add("chosen");
  rove(place);
}

/** Tab stops at one node only; the up and down arrows go from node to node. */
function rove(place) {
  svg.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
  boxes[place].group.setAttribute("tabindex", "0");
}

function toggleCheck() {
  state.checking = !state.checking;
  byId("check").setAttribute("aria-pressed", state.checking);
  svg.classList.toggle("checking", state.checking);
  if (state.chosen === null) explainStep();
  else explainNode(state.chosen);
  if (!state.checking) return;
  byId("difference").scrollIntoView({ block: "nearest" });
  const { check, name } = nodes[state.chosen ?? nodeAt(state.position)];
  if (!check || check.problem) speak(byId("difference").textContent);
  else {
    const verdict = check.agrees ? "they agree" : "they differ";
    speak(`Finite difference for ${name}: ${check.quotient}; gradient: ${check.gradient}; ${verdict}.`);
  }
}

// ------------------------------------------------------------------------------------------------- buttons and keys

const actions = {
  first: () => jump(0),
  back: () => jump(state.position - 1),
  play: () => play(timer === null),
  forward: () => jump(state.position + 1),
  last: () => jump(steps.length),
  check: toggleCheck,
  smaller: () => zoom(scale / 1.25),
  larger: () => zoom(scale * 1.25),
  fit: () => zoom(fittingScale(), true),
};
const keys = {
  ...{ ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last", " ": "play", c: "check" },
  ...{ "-": "smaller", "+": "larger", "=": "larger", 0: "fit" },
};

function onKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches?.("select")) return;
  if (key === " " && target.matches?.("button")) return; // the button's own key
  const box = target.closest?.(".node[role]");
  if (box && (key === "Enter" || key === " ")) explain(Number(box.dataset.place));
  else if (box && key === "ArrowUp") neighbour(Number(box.dataset.place), -1);
  else if (box && key === "ArrowDown") neighbour(Number(box.dataset.place), 1);
  else if (key === "Escape") jump(state.position);
  else if (Object.hasOwn(keys, key)) actions[keys[key]]();
  else return;
  event.preventDefault();
}

/** The next node in the graph's order that has a gradient gets the keyboard. */
function neighbour(place, by) {
  let next = place + by;
  while (next >= 0 && next <= root && isConstant(next)) next += by;
  if (next < 0 || next > root) return;
  rove(next);
  boxes[next].group.focus();
  follow(next);
}

function listen() {
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  byId("position").addEventListener("input", ({ target }) => jump(Number(target.value)));
  byId("speed").addEventListener("change", () => play(timer !== null));
  byId("chosen").addEventListener("change", ({ target }) => {
    if (target.value) explain(Number(target.value));
    else jump(state.position);
  });
  svg.addEventListener("click", (event) => {
    const box = event.target.closest(".node[role]");
    if (box) explain(Number(box.dataset.place));
    else if (state.chosen !== null) go(state.position);
  });
  document.addEventListener("keydown", onKey);
  addEventListener("resize", adjust);
  dragToScroll();
}

function start() {
  byId("position").max = steps.length;
  nodes.forEach((node, place) => {
    if (isConstant(place)) return;
    const option = element("option", "", node.name);
    option.value = place;
    byId("chosen").append(option);
  });
  drawGraph();
  nodes.forEach((node, place) => isConstant(place) || showGradient(place));
  listen();
  go(0);
  adjust();
}

start();
