// What is drawn, as numbers: colours of scores, maps of the plane, the cost curve, and where neurons stand.

import { signed } from "../stepper/formulas.js";
import { formatNumber } from "../stepper/numbers.js";
import { EDGE } from "./points.js";

/** Colours of a theme: of nothing, of a score of 1 or more, and of -1 or less; and of the points of class 1 and 0. */
export const PALETTES = {
  light: { none: [255, 255, 255], high: [134, 189, 236], low: [249, 177, 104], points: ["#8a3700", "#084a8c"], rim: "#ffffff" },
  dark: { none: [20, 24, 31], high: [29, 102, 166], low: [164, 86, 15], points: ["#ffc08a", "#a5d2ff"], rim: "#14181f" },
};

/** The numbers of all outputs of a program over the plane: for each output an array, row by row from the top. */
export function mapPlane(program, weights, side, nOutputs) {
  const maps = Array.from({ length: nOutputs }, () => new Float32Array(side * side));
  const point = new Float64Array(2);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      point[0] = EDGE * ((2 * column + 1) / side - 1);
      point[1] = EDGE * (1 - (2 * row + 1) / side);
      const results = program.values(point, weights);
      for (let k = 0; k < nOutputs; k += 1) maps[k][row * side + column] = results[k];
    }
  }
  return maps;
}

/** A map as pixels; 1 and more has the colour `high`, -1 and less `low`. A number that is none is left clear. */
export function pixels(map, { none, high, low }) {
  const rgba = new Uint8ClampedArray(4 * map.length);
  map.forEach((score, i) => {
    const amount = Math.min(1, Math.abs(score));
    const full = score < 0 ? low : high;
    for (let k = 0; k < 3; k += 1) rgba[4 * i + k] = none[k] + amount * (full[k] - none[k]);
    rgba[4 * i + 3] = Number.isNaN(score) ? 0 : 255;
  });
  return rgba;
}

/** Every other number of a map in both directions. */
export function halved(map, side) {
  const half = side / 2;
  return Float32Array.from({ length: half * half }, (_, i) => map[2 * Math.floor(i / half) * side + 2 * (i % half)]);
}

/** From the plane to pixels of a square, and back. */
export const toPixels = (x, y, size) => [(size * (x / EDGE + 1)) / 2, (size * (1 - y / EDGE)) / 2];
export const toPlane = (left, top, size) => [EDGE * ((2 * left) / size - 1), EDGE * (1 - (2 * top) / size)];

/** At most so many of an array's numbers, at equal distances, with the first and the last. */
export function sampled(numbers, most) {
  if (numbers.length <= most) return numbers;
  return Array.from({ length: most }, (_, i) => numbers[Math.round((i * (numbers.length - 1)) / (most - 1))]);
}

/** A curve through costs as the path of an SVG, from 0 to `highest`; costs that are no numbers leave gaps. */
export function curve(costs, width, height, highest) {
  const step = width / Math.max(1, costs.length - 1);
  let path = "";
  let pen = "M";
  costs.forEach((cost, i) => {
    if (!Number.isFinite(cost)) {
      pen = "M";
      return;
    }
    path += `${pen}${(i * step).toFixed(1)},${(height - (height * cost) / highest).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** A round number that is at least as large as all costs. */
export function ceiling(costs) {
  const largest = costs.reduce((most, cost) => (Number.isFinite(cost) ? Math.max(most, cost) : most), 0);
  if (!(largest > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= largest);
}

/** Where the neurons of columns of these sizes stand: for each column an array of `[x, y]`, and the whole's size. */
export function placeNeurons(sizes, { column = 104, row = 48, margin = 34, width = 0 } = {}) {
  const gap = Math.max(column, sizes.length > 1 ? (width - 2 * margin) / (sizes.length - 1) : column);
  const height = row * Math.max(...sizes);
  const places = sizes.map((size, i) =>
    Array.from({ length: size }, (_, k) => [margin + i * gap, (height - row * size) / 2 + row * (k + 0.5)]));
  return { places, width: 2 * margin + gap * (sizes.length - 1), height };
}

/** How wide the line of a weight is. */
export const lineWidth = (weight) => Math.min(7, 0.6 + 2 * Math.abs(weight));

/** A number for people: few digits, as Python writes them, and a real minus sign. */
export const shown = (x, digits = 3) => signed(formatNumber(x, digits));
