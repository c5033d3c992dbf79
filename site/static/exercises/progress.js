// Which exercises were answered. The browser keeps it, where it may; else it lasts as long as the page.

const KEY = "gradstep.exercises";
const STATES = ["shown", "right"]; // the answer was shown, or was right; the latter stays

export class Progress {
  #states = new Map();

  /** ``storage`` is a browser's localStorage, or null. */
  constructor(storage) {
    this.storage = storage;
    for (const [id, state] of Object.entries(this.#read())) if (STATES.includes(state)) this.#states.set(id, state);
  }

  #read() {
    try {
      const found = JSON.parse(this.storage.getItem(KEY));
      return found && typeof found === "object" ? found : {};
    } catch {
      return {}; // no storage, or something else in it
    }
  }

  /** ``"right"``, ``"shown"``, or an empty text. */
  stateOf(id) {
    return this.#states.get(id) ?? "";
  }

  record(id, state) {
    if (STATES.indexOf(state) <= STATES.indexOf(this.stateOf(id))) return;
    this.#states.set(id, state);
    this.#write();
  }

  reset() {
    this.#states.clear();
    this.#write();
  }

  get isEmpty() {
    return this.#states.size === 0;
  }

  /** How many of these exercises were answered right. */
  count(ids) {
    return ids.filter((id) => this.stateOf(id) === "right").length;
  }

  #write() {
    try {
      this.storage.setItem(KEY, JSON.stringify(Object.fromEntries(this.#states)));
    } catch {
      // full, or forbidden: what this page knows is enough
    }
  }
}

/** The browser's storage; null where the browser has none or forbids it. */
export function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
