// A box for each name of a formula, in which its number is typed.

import { readNumber } from "../stepper/numbers.js";

const problemIn = (box) => readNumber(box.value).problem;

export class NumberBoxes {
  #boxes = new Map(); // by name
  #texts = {}; // the numbers of boxes that are gone, too: a name that comes back has its number still

  /** `changed(name)` is called after each key. */
  constructor(place, changed) {
    Object.assign(this, { place, changed });
  }

  /** One box for each of these names, in this order. */
  show(names) {
    if (names.join() === [...this.#boxes.keys()].join()) return;
    this.#texts = this.known;
    const all = names.map((name) => this.#boxes.get(name) ?? this.#made(name));
    this.#boxes = new Map(names.map((name, place) => [name, all[place]]));
    this.place.replaceChildren(...all.map((box) => box.parentElement));
  }

  /** The texts in the boxes, by name. */
  get texts() {
    return Object.fromEntries([...this.#boxes].map(([name, box]) => [name, box.value]));
  }

  /** The numbers of all names that have or had a box, as texts: what `show` would write into a box. */
  get known() {
    const numbers = Object.entries(this.texts).filter(([, text]) => !readNumber(text).problem);
    return { ...this.#texts, ...Object.fromEntries(numbers) };
  }

  /** Boxes with these texts and no other. */
  set texts(texts) {
    this.#texts = { ...texts };
    this.#boxes.clear();
    this.place.replaceChildren();
    this.show(Object.keys(texts));
  }

  /** Write numbers that were changed elsewhere; a box that is typed in keeps its text. */
  write(texts) {
    for (const [name, text] of Object.entries(texts)) {
      const box = this.#boxes.get(name);
      if (!box || box === document.activeElement) continue;
      box.value = text;
      this.#mark(box);
    }
  }

  /** What is wrong with the first text that is no number, or nothing. */
  get problem() {
    for (const [name, box] of this.#boxes) if (problemIn(box)) return `${name}: ${problemIn(box)}`;
    return "";
  }

  #made(name) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    label.className = "field";
    Object.assign(box, { type: "text", inputMode: "decimal", value: this.#texts[name] ?? "1", spellcheck: false });
    box.addEventListener("input", () => {
      this.#mark(box);
      this.changed(name);
    });
    label.append(`${name} =`, box);
    this.#mark(box);
    return box;
  }

  #mark(box) {
    if (problemIn(box)) box.setAttribute("aria-invalid", "true");
    else box.removeAttribute("aria-invalid");
  }
}
