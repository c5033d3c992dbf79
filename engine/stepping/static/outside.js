// A page in a notebook and the widget of the same name beside it (link.js) tell each other what changes.
//
// A float travels as the text that Python writes for it, such as "0.1", "-0.0", "inf" and "nan": JSON has not all of
// them, and each has one text.

import { readFloat, repr } from "./numbers.js";

const [SOONEST, LATEST, TRIES] = [100, 2000, 100]; // milliseconds between two calls, ever longer, and how often

/** Be as light or dark as the page around says (around.js), unless Python asked for a theme. */
export function followTheme(host) {
  if (parent === self || host.dataset.theme !== "auto") return;
  addEventListener("message", ({ data, source }) => {
    if (source === parent && ["light", "dark", "auto"].includes(data?.theme)) host.dataset.theme = data.theme;
  });
  parent.postMessage({ theme: "?" }, "*");
}

/** In a frame the keys go elsewhere until a reader clicks into it: say so meanwhile. */
export function hintAtKeys(host) {
  if (parent === self) return;
  const show = () => host.classList.toggle("elsewhere", !document.hasFocus());
  for (const event of ["focus", "blur"]) addEventListener(event, show);
  show();
}

/** Connect a stepper with the widget of that name in the window around, if there is one. */
export function connect(stepper, name) {
  if (!name || parent === self) return;
  const first = stepper.state;
  let known = null; // the state that the widget knows; null until it has answered
  const tell = (message) => parent.postMessage({ stepper: name, ...message }, "*");

  /** The widget may be there later than the page. */
  function call(wait, tries) {
    if (known || !tries) return;
    tell({ hello: true });
    setTimeout(() => call(Math.min(2 * wait, LATEST), tries - 1), wait);
  }

  function hear({ state, connected, answers, trouble }) {
    if (connected && known) return; // the answer to a second call
    if (connected) stepper.connect();
    if (state) {
      const { values = [], ...more } = state;
      const isFirst = known === null;
      known = { ...known, ...more, values: { ...known?.values, ...Object.fromEntries(values) } };
      const wanted = { ...more, values: values.map(([place, text]) => [place, readFloat(text)]) };
      stepper.state = isFirst ? exceptChanges(wanted, first, stepper.state) : wanted;
    }
    if (answers) stepper.answer(answers.map(read));
    if (trouble) stepper.leaves.tell(trouble);
  }

  stepper.changed = () => {
    const { position, chosen, values } = stepper.state;
    const texts = values.map(([place, number]) => [place, repr(number)]);
    const isKnown = known?.position === position && known.chosen === chosen;
    if (!known || (isKnown && texts.every(([place, text]) => known.values[place] === text))) return;
    known = { position, chosen, values: { ...known.values, ...Object.fromEntries(texts) } };
    tell({ state: { position, chosen, values: texts } });
  };
  stepper.ask = (asks) => tell({ asks: asks.map(([place, numbers]) => [place, numbers.map(repr)]) });
  addEventListener("message", ({ data, source }) => {
    if (source === parent && data?.stepper === name) hear(data);
  });
  call(SOONEST, TRIES);
}

/** A state without what a reader has changed from the first one to that of now. */
function exceptChanges({ position, chosen, values }, first, now) {
  const isMoved = now.position !== first.position || now.chosen !== first.chosen;
  const before = new Map(first.values); // of those that could be changed then
  const changed = now.values.filter(([place, number]) => before.has(place) && !Object.is(number, before.get(place)));
  const kept = new Set(changed.map(([place]) => place));
  return { ...(isMoved ? {} : { position, chosen }), values: values.filter(([place]) => !kept.has(place)) };
}

/** What Python answered, with its numbers. */
function read({ numbers, value, slopes, ...more }) {
  const answer = { ...more, numbers: numbers.map(readFloat) };
  return value === undefined ? answer : { ...answer, value: readFloat(value), slopes: slopes.map(readFloat) };
}
