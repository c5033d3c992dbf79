// Points in the plane with a class, 0 or 1, each: data sets, and their split into those to train and to test with.

import { generator, normal, shuffled } from "./random.js";

/** The plane reaches from -EDGE to EDGE in both directions. */
export const EDGE = 6;

const [DRAW, SPLIT] = [1, 2]; // what a seed is used for
const SPREAD = 3; // of the noise, where it is 100 %

const uniform = (random, low, high) => low + (high - low) * random();

/** How each data set draws a point of a class: `[x, y]`; the noise is added to it. */
const SHAPES = {
  moons(random, label) {
    const angle = Math.PI * random();
    const [x, y] = label ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)];
    return [3 * (x - 0.5), 3 * (y - 0.25)];
  },
  circles(random, label) {
    const [angle, radius] = [uniform(random, 0, 2 * Math.PI), label ? uniform(random, 0, 2) : uniform(random, 3.5, 5)];
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  spiral(random, label) {
    const along = Math.sqrt(random());
    const angle = 3.5 * Math.PI * along + (label ? Math.PI : 0);
    return [5 * along * Math.sin(angle), 5 * along * Math.cos(angle)];
  },
  xor(random, label) {
    const [x, y] = [uniform(random, 0.3, 5), uniform(random, 0.3, 5)];
    const side = random() < 0.5 ? 1 : -1;
    return [side * x, label ? side * y : -side * y];
  },
  gaussians(random, label) {
    const middle = label ? 2 : -2;
    return [middle + normal(random), middle + normal(random)];
  },
};

/** The names of the data sets that are drawn by a seed. */
export const DATA_SETS = Object.keys(SHAPES);

/** `n` points of a data set, their classes in turns; `noise` is in percent. */
export function drawPoints({ data, n, noise, seed }) {
  const random = generator(seed, DRAW);
  return Array.from({ length: n }, (_, i) => {
    const label = i % 2;
    const [x, y] = SHAPES[data](random, label);
    const spread = (SPREAD * noise) / 100;
    return { x: inside(x + spread * normal(random)), y: inside(y + spread * normal(random)), label };
  });
}

/** A coordinate inside of the plane. */
export const inside = (x) => Math.min(EDGE, Math.max(-EDGE, x));

/** Two random parts, the second with that share of the points in percent; the first has one at least. */
export function split(points, share, seed) {
  const order = shuffled(points.length, generator(seed, SPLIT));
  const nTest = Math.min(Math.round((points.length * share) / 100), points.length - 1);
  const part = (places) => places.sort((a, b) => a - b).map((place) => points[place]);
  return { train: part(order.slice(Math.max(0, nTest))), test: part(order.slice(0, Math.max(0, nTest))) };
}

/** The place of the point that is nearest to one in the plane; -1 where there is none. */
export function nearest(points, x, y) {
  const distance = (point) => Math.hypot(point.x - x, point.y - y);
  return points.reduce((best, point, place) => (best < 0 || distance(point) < distance(points[best]) ? place : best), -1);
}
