// The page's state as the part of its address after "#", so that a link is an exercise. What a link says is data: it
// is checked here, and code in it is not run until the reader says so.

import { readFloat, readNumber } from "../stepper/numbers.js";

const LONGEST = { formula: 10_000, python: 50_000 };
const MOST_NUMBERS = 1000;
const CHOICES = {
  view: ["steps", "picture", "code"],
  direction: ["LR", "TB", "RL", "BT"],
  theme: ["auto", "light", "dark", "print"],
  derivatives: ["no", "yes"],
};

/** What an address without anything means: the first of each choice. */
export const plain = () => ({
  kind: "formula",
  text: "",
  numbers: {},
  root: "",
  step: 0,
  node: null,
  moved: [],
  ...Object.fromEntries(Object.entries(CHOICES).map(([name, [first]]) => [name, first])),
});

/**
 * The state that a fragment such as "#formula=x*y&numbers=x=2 y=3" describes. `moved` has [place, number] for leaves
 * that were changed in the stepper. `problem` says in words what is wrong with it.
 */
export function readAddress(fragment) {
  const state = plain();
  const fields = new Map();
  try {
    for (const part of fragment.replace(/^#/, "").split("&").filter(Boolean)) {
      const [name, ...rest] = part.split("=");
      fields.set(name, decodeURIComponent(rest.join("=")));
    }
  } catch {
    return { ...state, problem: "This link is broken: it has a % that stands for no character." };
  }
  state.kind = fields.has("python") ? "python" : "formula";
  state.text = fields.get(state.kind) ?? "";
  if (state.text.length > LONGEST[state.kind]) {
    const most = LONGEST[state.kind].toLocaleString("en");
    return { ...plain(), kind: state.kind, problem: `This link is too long: at most ${most} characters can be shown.` };
  }
  for (const [name, text] of pairs(fields.get("numbers"), "=")) state.numbers[name] = text;
  for (const [name, choices] of Object.entries(CHOICES)) {
    if (choices.includes(fields.get(name))) state[name] = fields.get(name);
  }
  state.root = fields.get("root") ?? "";
  state.step = whole(fields.get("step")) ?? 0;
  state.node = whole(fields.get("node")) ?? null;
  state.moved = pairs(fields.get("moved"), ":")
    .map(([place, text]) => [whole(place), text])
    .filter(([place, text]) => place !== undefined && readFloat(text) !== undefined);
  return state;
}

/** The fragment that says this state; what is as usual is left out. */
export function writeAddress(state) {
  const usual = plain();
  const fields = [[state.kind, state.text]];
  const numbers = Object.entries(state.numbers).filter(([, text]) => isNumber(text));
  if (state.kind === "formula" && numbers.length) fields.push(["numbers", joined(numbers, "=")]);
  for (const name of ["root", ...Object.keys(CHOICES), "step", "node"]) {
    if (state[name] !== usual[name]) fields.push([name, String(state[name])]);
  }
  if (state.kind === "python" && state.moved.length) fields.push(["moved", joined(state.moved, ":")]);
  return `#${fields.map(([name, text]) => `${name}=${written(text)}`).join("&")}`;
}

/** Percent signs only where an address needs them, so that a formula can be read in it. */
const written = (text) =>
  encodeURIComponent(text).replace(/%(2B|2F|3D|2C|3A|3B|5E)/g, (code) => decodeURIComponent(code));

/** Also what a stepper came to, such as inf. */
const isNumber = (text) => readFloat(text) !== undefined || !readNumber(text).problem;

const joined = (pairs, sign) => pairs.map(([name, text]) => `${name}${sign}${text.replace(/\s+/g, "")}`).join(" ");

const pairs = (text = "", sign) =>
  text
    .split(/[\s;]+/)
    .slice(0, MOST_NUMBERS)
    .map((part) => [part.slice(0, part.indexOf(sign)), part.slice(part.indexOf(sign) + 1)])
    .filter(([name]) => name);

const whole = (text) => (/^\d{1,6}$/.test(text ?? "") ? Number(text) : undefined);
