// The plane: what the network says everywhere, the points, and a cross that the keyboard moves.

import { inside } from "./points.js";
import { pixels, toPixels, toPlane } from "./pictures.js";

const STEP = 0.25; // of the cross

export class PlaneView {
  #cross = null;

  /** `pick(x, y)` hears of a click or the space bar, `remove(x, y)` of Delete; `say` speaks where the cross is. */
  constructor(canvas, { pick, remove, say }) {
    Object.assign(this, { canvas, say });
    this.heat = document.createElement("canvas");
    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      this.#cross = null;
      pick(...toPlane(event.clientX - box.left, event.clientY - box.top, box.width).map(inside));
    });
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const at = this.#cross ?? [0, 0];
      if (moves[event.key]) this.#move(moves[event.key].map((by, i) => inside(at[i] + by * STEP * (event.shiftKey ? 4 : 1))));
      else if (event.key === " " || event.key === "Enter") pick(...at);
      else if (event.key === "Delete" || event.key === "Backspace") remove(...at);
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("blur", () => {
      this.#cross = null;
      this.draw();
    });
  }

  #move(to) {
    this.#cross = to;
    this.draw();
    this.say(`x ${to[0]}, y ${to[1]}`);
  }

  /** Show a map of scores (`null` before there is one) and points; `example` is the one that is looked at. */
  show(map, side, { train, test, example, palette }) {
    Object.assign(this, { train, test, example, palette });
    [this.heat.width, this.heat.height] = [side, side];
    if (map) this.heat.getContext("2d").putImageData(new ImageData(pixels(map, palette), side, side), 0, 0);
    this.draw();
  }

  draw() {
    if (!this.palette) return;
    const size = this.canvas.clientWidth;
    const scale = devicePixelRatio || 1;
    const whole = Math.round(size * scale);
    if (this.canvas.width !== whole) [this.canvas.width, this.canvas.height] = [whole, whole];
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, size, size);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(this.heat, 0, 0, size, size);
    for (const point of this.test) this.#point(pen, point, size, true);
    for (const point of this.train) this.#point(pen, point, size, false);
    if (this.example) this.#ring(pen, this.example, size);
    if (this.#cross) this.#drawCross(pen, size);
  }

  /** Circles are class 1, squares class 0; those to test with are hollow. */
  #point(pen, { x, y, label }, size, isTest) {
    const [left, top] = toPixels(x, y, size);
    pen.beginPath();
    if (label) pen.arc(left, top, 3.8, 0, 2 * Math.PI);
    else pen.rect(left - 3.3, top - 3.3, 6.6, 6.6);
    pen.fillStyle = isTest ? this.palette.rim : this.palette.points[label];
    pen.strokeStyle = isTest ? this.palette.points[label] : this.palette.rim;
    pen.lineWidth = isTest ? 1.6 : 1;
    pen.fill();
    pen.stroke();
  }

  #ring(pen, { x, y }, size) {
    const [left, top] = toPixels(x, y, size);
    pen.beginPath();
    pen.arc(left, top, 9, 0, 2 * Math.PI);
    pen.strokeStyle = getComputedStyle(this.canvas).color;
    pen.lineWidth = 2.5;
    pen.stroke();
  }

  #drawCross(pen, size) {
    const [left, top] = toPixels(...this.#cross, size);
    pen.beginPath();
    pen.moveTo(left - 9, top);
    pen.lineTo(left + 9, top);
    pen.moveTo(left, top - 9);
    pen.lineTo(left, top + 9);
    pen.strokeStyle = this.palette.points[0];
    pen.lineWidth = 2;
    pen.stroke();
  }
}
