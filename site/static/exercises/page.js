// The page of exercises: one at a time, by the number in the address.

import { element, formula, infix, signed, written } from "../stepper/formulas.js";
import { formatNumber, readNumber } from "../stepper/numbers.js";
import { showStepper } from "../stepper-frame.js";
import { judge } from "./judging.js";
import { fitFormula, fitted, heightOf } from "./layout.js";
import { COURSE, exerciseAt, neighbour, nextOpen, numberOf, partOf } from "./order.js";
import { browserStorage, Progress } from "./progress.js";

const STEPPER_BELOW = 330; // pixels of a stepper beside its graph
const HIGHEST = 480; // pixels of a graph in it
const byId = (id) => document.getElementById(id);
const load = async (name) => {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return response.json();
};

/** A formula as a line of text: browsers take no name of a field from MathML. */
function inLine({ localName, children, textContent }) {
  return [...children].map(inLine).join(localName === "mfrac" ? "/" : "") || textContent;
}

class Page {
  #hintsShown = 0;
  #isAnswered = false;

  constructor({ tolerance, exercises }, progress) {
    this.tolerance = tolerance;
    this.exercises = new Map(exercises.map((exercise) => [exercise.id, exercise]));
    this.ids = [...this.exercises.keys()];
    this.progress = progress;
    byId("accepted").textContent =
      `A number such as -1.5, 1/3 or 2e-3; a comma is a decimal point. Right within ${100 * tolerance} %.`;
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.check();
    });
    new ResizeObserver(() => fitFormula(byId("formula"))).observe(byId("formula"));
    byId("answer").addEventListener("input", () => byId("answer").removeAttribute("aria-invalid"));
    byId("hint").addEventListener("click", () => this.hint());
    byId("show").addEventListener("click", () => this.reveal("shown"));
    byId("forget").addEventListener("click", () => {
      this.progress.reset();
      this.#showNumbers();
      byId("title").focus();
    });
    addEventListener("hashchange", () => this.go(true));
    byId("exercise").hidden = false;
    this.go(false);
  }

  /** Show the exercise that the address names. */
  go(isMoved) {
    if (location.hash === "#main") return; // the link past the navigation
    this.exercise = this.exercises.get(exerciseAt(location.hash, this.ids));
    const asked = location.hash.slice(1);
    byId("trouble").textContent =
      asked && asked !== this.exercise.id ? `There is no exercise "${asked.slice(0, 40)}"; this is the first.` : "";
    this.#hintsShown = 0;
    this.#isAnswered = false;
    const { id, title, text } = this.exercise;
    byId("title").textContent = partOf(id) === COURSE ? `${id}. ${title}` : title;
    byId("text").textContent = text;
    byId("formula").replaceChildren(...(this.exercise.formula ? [formula(written(this.exercise.formula))] : []));
    fitFormula(byId("formula"));
    byId("question").replaceChildren(formula(written(this.exercise.question), infix("=")));
    byId("answer").setAttribute("aria-label", inLine(written(this.exercise.question)));
    byId("answer").value = "";
    byId("answer").removeAttribute("aria-invalid");
    byId("told").replaceChildren();
    byId("hints").replaceChildren();
    byId("hint").disabled = byId("show").disabled = false;
    this.#showNumbers();
    this.#showStill();
    document.title = `${byId("title").textContent} · Exercises · gradstep`;
    if (isMoved) byId("title").focus();
  }

  #showNumbers() {
    const { id } = this.exercise;
    const part = partOf(id);
    const ids = this.ids.filter((other) => partOf(other) === part);
    for (const link of document.querySelectorAll("[data-part]")) setCurrent(link, link.dataset.part === part, "true");
    byId("numbers").replaceChildren(...ids.map((other) => element("li", "", this.#link(other))));
    byId("forget").hidden = this.progress.isEmpty;
    byId("count").textContent = `${this.progress.count(ids)} of ${ids.length} right`;
    const before = neighbour(id, -1, this.ids);
    byId("previous").hidden = before === null;
    byId("previous").href = `#${before}`;
    byId("next").href = `#${nextOpen(id, this.ids, (other) => this.progress.stateOf(other) !== "")}`;
  }

  #link(id) {
    const state = this.progress.stateOf(id);
    const link = element("a", state, String(numberOf(id)));
    link.href = `#${id}`;
    const words = { right: ", right", shown: ", answer was shown", "": "" }[state];
    link.setAttribute("aria-label", `Exercise ${numberOf(id)}${words}`);
    setCurrent(link, id === this.exercise.id, "page");
    return link;
  }

  // --------------------------------------------------------------------------------------------------------- answers

  check() {
    const field = byId("answer");
    const { number, problem } = readNumber(field.value);
    field.toggleAttribute("aria-invalid", false);
    if (problem) {
      field.setAttribute("aria-invalid", "true");
      this.#tell("error", problem);
      field.focus();
      return;
    }
    const { right, hint } = judge(this.exercise, number, this.tolerance);
    if (right) this.reveal("right");
    else {
      this.#tell("error", element("strong", "", `Not ${signed(formatNumber(number, 6))}. `), hint);
      field.select();
    }
  }

  #tell(kind, ...content) {
    byId("told").className = `message ${kind}`;
    byId("told").replaceChildren(...content);
  }

  hint() {
    this.#hintsShown += 1;
    const hints = this.exercise.hints.slice(0, this.#hintsShown);
    const shown = byId("hints").children.length;
    byId("hints").append(...hints.slice(shown).map((words) => element("p", "", words)));
    if (hints.length === this.exercise.hints.length) {
      byId("answer").focus(); // a button that is disabled would lose the keyboard
      byId("hint").disabled = true;
    }
    this.#tellStill({ paths: true });
  }

  /** Show the answer, and the live stepper at the node that was asked about. */
  reveal(state) {
    const { id, solution, after, asked } = this.exercise;
    this.progress.record(id, state);
    const start = state === "right" ? "Right: " : "The answer: ";
    this.#tell(state === "right" ? "good" : "note", element("strong", "", start), formula(written(solution)), `. ${after}`);
    this.#showNumbers();
    byId("next").focus(); // before the buttons are disabled
    byId("hint").disabled = byId("show").disabled = true;
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.still = null;
    const page = this.#page();
    const height = Math.min(this.#heightOf(page), HIGHEST) + STEPPER_BELOW;
    const frame = this.#frame(height, "The graph with its gradients, step by step");
    showStepper(frame, page, { state: { chosen: asked } });
  }

  // ---------------------------------------------------------------------------------------------------------- frames

  /** The graph's data, as they suit the window. */
  #page() {
    return fitted(this.exercise.page, byId("graph").clientWidth);
  }

  #heightOf(page) {
    return heightOf(page, byId("graph").clientWidth);
  }

  /** A new frame for each picture: another address in the same one would be a step in the browser's history. */
  #frame(height, title) {
    const frame = element("iframe");
    frame.title = title;
    frame.style.height = `${height}px`;
    byId("graph").replaceChildren(frame);
    return frame;
  }

  #showStill() {
    const { asked } = this.exercise;
    const page = this.#page();
    const frame = this.#frame(this.#heightOf(page), "The graph");
    frame.tabIndex = -1; // nothing in it is for the keyboard
    this.still = null;
    frame.addEventListener("load", () => {
      if (!frame.isConnected) return;
      this.still = frame.contentWindow;
      this.#tellStill({ walk: page, asked });
      if (this.#hintsShown) this.#tellStill({ paths: true });
    });
    frame.src = new URL("../still.html", import.meta.url).href;
  }

  #tellStill(message) {
    this.still?.postMessage(message, location.origin);
  }
}

function setCurrent(link, isCurrent, value) {
  if (isCurrent) link.setAttribute("aria-current", value);
  else link.removeAttribute("aria-current");
}

try {
  const [course, endless] = await Promise.all([load("exercises.json"), load("endless.json")]);
  const exercises = [...course.exercises, ...endless.exercises];
  new Page({ tolerance: course.tolerance, exercises }, new Progress(browserStorage()));
} catch (error) {
  byId("trouble").textContent = `The exercises could not be loaded. ${error.message}`;
}
