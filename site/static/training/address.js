// All settings in the part of the address after #, so that a link is a lesson.

import { readNumber } from "../stepper/numbers.js";
import { DATA_SETS, EDGE } from "./points.js";

export const OWN = "own";
const MOST_POINTS = 500;
const MOST_LAYERS = 6;
const MOST_NEURONS = 16;

const number = (name, first, low, high, whole = false) => ({
  first,
  write: String,
  read(text) {
    const { number: x } = readNumber(text);
    if (x >= low && x <= high && (!whole || Number.isInteger(x))) return x;
    throw new Error(`${name} must be ${whole ? "a whole number" : "a number"} from ${low} to ${high}, got ${cut(text)}`);
  },
});

const choice = (name, first, names) => ({
  first,
  write: String,
  read(text) {
    if (names.includes(text)) return text;
    throw new Error(`${name} must be one of ${names.join(", ")}, got ${cut(text)}`);
  },
});

const cut = (text) => `'${text.length > 40 ? `${text.slice(0, 40)}…` : text}'`;

/** What a network can be given of a point. */
export const FEATURES = ["x", "y", "x²", "y²", "xy", "sin x", "sin y"];
const IN_ADDRESS = ["x", "y", "x2", "y2", "xy", "sinx", "siny"];

/** The names that a setting can have. */
export const CHOICES = {
  activation: ["tanh", "relu", "sigmoid", "linear", "leaky_relu", "gelu", "softplus", "sin"],
  loss: ["binary_cross_entropy", "cross_entropy", "hinge", "mse", "mae", "huber"],
  optimizer: ["sgd", "adam", "adamw"],
};

const features = {
  first: ["x", "y"],
  write: (names) => names.map((name) => IN_ADDRESS[FEATURES.indexOf(name)]).join(","),
  read(text) {
    const given = text.split(",");
    const unknown = given.find((name) => !IN_ADDRESS.includes(name));
    if (unknown !== undefined) throw new Error(`inputs must be some of ${IN_ADDRESS.join(", ")}, got ${cut(unknown)}`);
    return FEATURES.filter((_, place) => given.includes(IN_ADDRESS[place]));
  },
};

const hidden = {
  first: [4, 4],
  write: (sizes) => sizes.join(",") || "none",
  read(text) {
    const sizes = text === "none" ? [] : text.split(",").map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 0));
    if (sizes.length <= MOST_LAYERS && sizes.every((size) => size >= 1 && size <= MOST_NEURONS)) return sizes;
    const most = `at most ${MOST_LAYERS} layers of 1 to ${MOST_NEURONS} neurons`;
    throw new Error(`layers must be ${most}, such as 4,4, or none, got ${cut(text)}`);
  },
};

const points = {
  first: [],
  write: (all) => all.map(({ x, y, label }) => `${rounded(x)},${rounded(y)},${label}`).join(";"),
  read(text) {
    const all = text === "" ? [] : text.split(";").map((point) => {
      const [x, y, label, ...more] = point.split(",").map((part) => (part === "" ? NaN : Number(part)));
      if (Math.abs(x) <= EDGE && Math.abs(y) <= EDGE && (label === 0 || label === 1) && !more.length) return { x, y, label };
      throw new Error(`points must be x,y,class with x and y from -${EDGE} to ${EDGE} and class 0 or 1, got ${cut(point)}`);
    });
    if (all.length > MOST_POINTS) throw new Error(`points must be at most ${MOST_POINTS}, got ${all.length}`);
    return all;
  },
};

/** A coordinate of a point of the reader's, as the address can carry it. */
export const rounded = (x) => Number(x.toFixed(2));

/** Each setting: its name in the address, what it is at first, and how it is read and written. */
const SETTINGS = {
  data: ["data", choice("data", "moons", [...DATA_SETS, OWN])],
  n: ["n", number("points", 100, 4, 500, true)],
  noise: ["noise", number("noise %", 10, 0, 50)],
  share: ["test", number("test %", 30, 0, 90)],
  features: ["inputs", features],
  hidden: ["layers", hidden],
  activation: ["activation", choice("activation", "tanh", CHOICES.activation)],
  loss: ["loss", choice("loss", "binary_cross_entropy", CHOICES.loss)],
  optimizer: ["optimizer", choice("optimizer", "sgd", CHOICES.optimizer)],
  momentum: ["momentum", number("momentum", 0.9, 0, 0.99)],
  rate: ["rate", number("rate", 0.03, 0, 10)],
  batch: ["batch", number("batch", 10, 1, 500, true)],
  l1: ["l1", number("L1", 0, 0, 10)],
  l2: ["l2", number("L2", 0, 0, 10)],
  seed: ["seed", number("seed", 1, 0, 999999, true)],
  unit: ["unit", choice("unit", "epoch", ["epoch", "step"])],
  points: ["points", points],
};

/** The settings that the page begins with. */
export const firstSettings = () =>
  Object.fromEntries(Object.entries(SETTINGS).map(([key, [, { first }]]) => [key, structuredClone(first)]));

/** The part after # for settings: only what differs from the first ones, and points only where they are the reader's. */
export function written(settings) {
  const parts = Object.entries(SETTINGS).flatMap(([key, [name, { first, write }]]) => {
    const text = write(settings[key]);
    const isNeeded = key === "points" ? settings.data === OWN : text !== write(first);
    return isNeeded ? [`${name}=${encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3B/g, ";")}`] : [];
  });
  return parts.join("&");
}

/** What an address says: all settings, and in words what in it is ignored. */
export function read(hash) {
  const settings = firstSettings();
  const problems = [];
  const keys = new Map(Object.entries(SETTINGS).map(([key, [name]]) => [name, key]));
  for (const part of hash.replace(/^#/, "").split("&").filter(Boolean)) {
    const [name, ...rest] = part.split("=");
    const key = keys.get(name);
    try {
      if (!key) throw new Error(`there is no setting ${cut(name)}`);
      settings[key] = SETTINGS[key][1].read(decoded(rest.join("=")));
    } catch (error) {
      problems.push(error.message);
    }
  }
  if (!settings.features.length) settings.features = firstSettings().features;
  return { settings, problems };
}

/** A setting that the reader typed; throws an error in words. */
export const readSetting = (key, text) => SETTINGS[key][1].read(text.trim());

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const limits = { layers: MOST_LAYERS, neurons: MOST_NEURONS, points: MOST_POINTS };
