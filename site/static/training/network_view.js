// The network as a picture: a button with a little map for each neuron, a line for each weight.

import { element } from "../stepper/formulas.js";
import { lineWidth, pixels, placeNeurons, shown } from "./pictures.js";

const SVG = "http://www.w3.org/2000/svg";
const TOP = 48; // room for the controls over each layer

export class NetworkView {
  #neurons = []; // the buttons, layer by layer, the inputs first
  #lines = []; // { line, target, weight, layer, neuron, input }

  /** `choose(layer, neuron, weight)` hears of clicks; `resize(layer, by)` of layers that grow and shrink. */
  constructor(host, { choose, resize }) {
    Object.assign(this, { host, choose, resize });
  }

  /** Show a network, as `build` of training_page says: its layers, and the names of inputs and neurons. */
  build(layers, names) {
    const sizes = names.map((column) => column.length);
    const { places, width, height } = placeNeurons(sizes, { width: this.host.clientWidth });
    this.picture = document.createElementNS(SVG, "svg");
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height + TOP + 6}`);
    this.picture.setAttribute("aria-hidden", "true");
    Object.assign(this.picture.style, { width: `${width}px`, height: `${height + TOP + 6}px` });
    this.host.replaceChildren(this.picture);
    this.#lines = layers.flatMap((layer, i) => layer.flatMap((neuron, j) =>
      neuron.weights.map((weight, k) => this.#line(places[i][k], places[i + 1][j], { weight, layer: i + 1, neuron: j, input: k }))));
    this.#neurons = sizes.map((size, i) => Array.from({ length: size }, (_, j) => this.#neuron(places[i][j], i, j, names[i][j])));
    layers.slice(0, -1).forEach((layer, i) => this.#controls(places[i + 1][0][0], i, layer.length));
  }

  #line([x1, y1], [x2, y2], about) {
    const [from, to, middle] = [x1 + 20, x2 - 20, (x1 + x2) / 2];
    const path = `M${from},${y1 + TOP}C${middle},${y1 + TOP} ${middle},${y2 + TOP} ${to},${y2 + TOP}`;
    const [line, target, title] = ["path", "path", "title"].map((name) => document.createElementNS(SVG, name));
    line.setAttribute("class", "weight");
    target.setAttribute("class", "target");
    for (const each of [line, target]) each.setAttribute("d", path);
    target.append(title);
    target.addEventListener("click", () => this.choose(about.layer, about.neuron, about.input));
    this.picture.append(line, target);
    return { ...about, line, title };
  }

  #neuron([x, y], layer, place, name) {
    const canvas = element("canvas");
    const button = element(layer ? "button" : "span", "neuron", canvas, element("span", "name", name));
    Object.assign(button.style, { left: `${x - 20}px`, top: `${y + TOP - 20}px` });
    if (layer) {
      button.type = "button";
      button.title = `Look inside of ${name}`;
      button.setAttribute("aria-label", `Neuron ${name}`);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => this.choose(layer, place, 0));
    }
    this.host.append(button);
    return { button, canvas };
  }

  #controls(x, layer, size) {
    const group = element("div", "layer-size");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `Layer ${layer + 1}`);
    group.style.left = `${x - 44}px`;
    const button = (sign, by, words) => {
      const made = element("button", "", sign);
      Object.assign(made, { type: "button", title: words });
      made.setAttribute("aria-label", words);
      made.dataset.control = `${layer}${sign}`;
      made.addEventListener("click", () => this.resize(layer, by));
      return made;
    };
    const less = button("−", -1, `One neuron less in layer ${layer + 1}`);
    const more = button("+", 1, `One neuron more in layer ${layer + 1}`);
    group.append(less, element("span", "", size), more);
    this.host.append(group);
  }

  /** Write the weights as they are now, and the map of each neuron (`null` before there is any). */
  refresh(weights, maps, side, palette) {
    for (const { line, title, weight } of this.#lines) {
      const number = weights[weight];
      line.style.strokeWidth = lineWidth(number);
      line.classList.toggle("negative", number < 0);
      title.textContent = `weight ${shown(number, 4)}`;
    }
    this.#neurons.flat().forEach(({ canvas }, i) => {
      const map = maps?.[i];
      if (!map) return;
      if (canvas.width !== side) [canvas.width, canvas.height] = [side, side];
      canvas.getContext("2d").putImageData(new ImageData(pixels(map, palette), side, side), 0, 0);
    });
  }

  /** Mark what is looked at: a neuron and one of its weights; nothing for `null`. */
  mark(chosen) {
    this.#neurons.forEach((column, layer) => column.forEach(({ button }, j) => {
      if (layer) button.setAttribute("aria-pressed", String(chosen?.layer === layer && chosen.neuron === j));
    }));
    for (const { line, layer, neuron, input } of this.#lines) {
      const isIn = chosen?.layer === layer && chosen.neuron === neuron;
      line.classList.toggle("chosen", isIn && chosen.weight === input);
    }
  }
}
