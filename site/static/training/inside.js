// What is inside of a neuron, for one example: its numbers, the chain rule for one weight, and its graph to step through.

import { element, math, written } from "../stepper/formulas.js";
import { showStepper } from "../stepper-frame.js";
import { shown } from "./pictures.js";

export class Inside {
  #asked = 0;
  #shown = { of: "", position: 0 }; // which graph the stepper shows, and after how many steps

  /** `python` is a promise of Python; `choose(weight)` hears which weight is looked at. */
  constructor(byId, { python, choose }) {
    Object.assign(this, { byId, python, choose });
  }

  /** Ask Python about a neuron and one of its weights, and write the answer, unless there is a later question. */
  async show(question, when) {
    const asked = ++this.#asked;
    const { byId } = this;
    byId("inside-status").textContent = "Python computes the graph …";
    try {
      const python = await this.python();
      const names = Object.keys(question).map((name) => `${name}=${name}`).join(", ");
      const answer = await python.run(`training_page.explain(${names})`, question);
      if (asked !== this.#asked) return;
      this.#write(answer, question, when);
      this.#graph(answer, question, asked);
    } catch (error) {
      if (asked === this.#asked) byId("inside-status").textContent = error.message;
    }
  }

  hide() {
    this.#asked += 1;
    this.byId("inside-answer").hidden = true;
    this.byId("inside-hint").hidden = false;
  }

  #write(answer, { weight, label, point }, when) {
    const { byId } = this;
    const focused = document.activeElement?.dataset?.weight;
    byId("inside-hint").hidden = true;
    byId("inside-answer").hidden = false;
    byId("inside-title").textContent = `Neuron ${answer.name}, ${when}`;
    byId("inside-example").textContent =
      `On the example x = ${shown(point[0])}, y = ${shown(point[1])} of class ${label} the loss L is ${shown(answer.loss, 4)}.`;
    byId("inside-weights").replaceChildren(...answer.rows.map((row, place) => this.#row(row, place, weight)));
    byId("inside-words").replaceChildren(...answer.words.map((words) => element("li", "", words)));
    byId("inside-formulas").replaceChildren(...answer.formulas.map((each) => element("li", "", math("math", written(each.math)))));
    if (focused !== undefined) byId("inside-weights").querySelector(`[data-weight="${focused}"]`)?.focus();
    byId("inside-status").textContent = "";
  }

  #row({ name, input, weight, gradient }, place, chosen) {
    const row = element("tr");
    const button = element("button", "", name);
    Object.assign(button, { type: "button", title: `The chain rule for the ${name}` });
    button.dataset.weight = place;
    button.setAttribute("aria-pressed", String(place === chosen));
    button.addEventListener("click", () => this.choose(place));
    const head = element("th", "", button);
    head.scope = "row";
    row.append(head, ...[input, weight, gradient].map((number) => element("td", "", shown(number, 4))));
    return row;
  }

  /** The same graph with other numbers is shown at the step where the reader was. */
  async #graph(answer, { settings, layer, neuron, whole }, asked) {
    const { byId } = this;
    const { walk, name, nodes, loss_nodes: ofLoss, most_nodes: most } = answer;
    const isTooLarge = whole && !answer.is_whole;
    byId("graph-note").textContent = isTooLarge
      ? `The graph of this example's loss has ${ofLoss} nodes, and at most ${most} can be stepped through here. ` +
        `The chain rule above leads from one weight to the loss; the graph below is that of ${name} alone.`
      : `${nodes} nodes; the graph of this example's loss has ${ofLoss}.`;
    const frame = byId("inside-frame");
    const of = JSON.stringify([settings.features, settings.hidden, layer, neuron, answer.is_whole]);
    if (this.#shown.of !== of) this.#shown = { of, position: 0 };
    const changed = ({ position }) => Object.assign(this.#shown, { position });
    await showStepper(frame, walk, { state: { position: this.#shown.position }, changed });
    if (asked === this.#asked) frame.dataset.shown = String(asked);
  }
}
