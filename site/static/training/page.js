// The Training page: settings, the controls of training, and what is shown of it.

import { loadPython } from "../python.js";
import { element } from "../stepper/formulas.js";
import { CHOICES, FEATURES, firstSettings, limits, OWN, read, readSetting, rounded, written } from "./address.js";
import { Inside } from "./inside.js";
import { NetworkView } from "./network_view.js";
import { ceiling, curve, halved, mapPlane, PALETTES, sampled, shown } from "./pictures.js";
import { PlaneView } from "./plane_view.js";
import { drawPoints, nearest, split } from "./points.js";
import { loadProgram } from "./program.js";
import { Trainer } from "./trainer.js";

const NARROW = 600; // pixels, for a graph from left to right
const SIDE = 48; // of the map of the plane
const [MOST_A_FRAME, SPEAK_EVERY] = [14, 4000]; // milliseconds
const OF_NETWORK = ["features", "hidden", "activation", "loss", "optimizer", "momentum", "l1", "l2", "seed"];

const byId = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const orDash = (x, written) => (Number.isNaN(x) ? "–" : written(x));
const picked = (settings) => Object.fromEntries(OF_NETWORK.map((key) => [key, settings[key]]));

class Page {
  #python = null;
  #network = null; // what Python built, with its programs loaded
  #asked = 0;
  #frame = 0;
  #due = 0; // units of training that the clock has earned
  #clock = 0;
  #drawn = 0;
  #spoken = 0;
  #at = 0; // the place of the example that is followed
  chosen = null; // the neuron and the weight that are looked at

  constructor() {
    this.network = new NetworkView(byId("network"), {
      choose: (layer, neuron, weight) => {
        this.choose({ layer, neuron, weight }).then(() => {
          byId("inside").scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
        });
      },
      resize: (layer, by) => this.#resize(layer, by),
    });
    this.plane = new PlaneView(byId("plane"), {
      pick: (x, y) => this.#pick(x, y),
      remove: (x, y) => this.#removePoint(x, y),
      say: (words) => this.say(words),
    });
    this.inside = new Inside(byId, {
      python: () => this.python(),
      choose: (weight) => this.choose({ ...this.chosen, weight }),
    });
    this.#fillChoices();
    this.#listen();
    this.readAddress();
  }

  /** A promise of Python, which starts when it is first needed. */
  python() {
    const tell = (words) => {
      byId("inside-status").textContent = words;
    };
    this.#python ??= loadPython(tell, { modules: ["walk_data", "training_page"] }).then((python) => {
      tell("");
      return python;
    });
    return this.#python;
  }

  say(words) {
    byId("spoken").textContent = words;
  }

  // ------------------------------------------------------------------------------------------------------- settings

  readAddress() {
    const { settings, problems } = read(location.hash);
    this.settings = settings;
    byId("address-problem").textContent = problems.length ? `Parts of the address are left out: ${problems.join("; ")}.` : "";
    this.rebuild();
  }

  /** Take changed settings: write them into the address and the form, and build again what depends on them. */
  change(changes) {
    const ofRateAlone = Object.keys(changes).every((key) => key === "rate" || key === "unit");
    Object.assign(this.settings, changes);
    byId("address-problem").textContent = "";
    const hash = written(this.settings);
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    if (!ofRateAlone) {
      this.rebuild();
      return;
    }
    if (this.trainer && "rate" in changes) this.trainer.rate = changes.rate;
    this.#writeForm();
  }

  async rebuild() {
    this.pause();
    this.#writeForm();
    const asked = ++this.#asked;
    try {
      const settings = picked(this.settings);
      const key = JSON.stringify(settings);
      if (this.#network?.key !== key) {
        byId("network").setAttribute("aria-busy", "true");
        byId("network-note").textContent = "Python builds the network …";
        this.trainer = null; // that of the network before
        for (const button of document.querySelectorAll("#controls button")) button.disabled = true;
        const built = await this.#build(settings);
        if (asked !== this.#asked) return;
        this.#network = { ...built, key, settings };
        this.#showNetwork();
      }
      byId("network").setAttribute("aria-busy", "false");
      this.restart();
    } catch (error) {
      if (asked !== this.#asked) return;
      byId("problem").textContent = error.message;
    }
  }

  /** The network for settings: the page brings that of the first ones, Python builds all others. */
  async #build(settings) {
    const isFirst = JSON.stringify(settings) === JSON.stringify(picked(firstSettings()));
    const built = isFirst
      ? await fetch(new URL("../made/training.json", import.meta.url)).then((answer) => answer.json())
      : await (await this.python()).run("training_page.build(settings)", { settings });
    const [training, picture, step] = await Promise.all(
      [built.training, built.picture, built.step].map(loadProgram),
    );
    return { ...built, training, picture, step };
  }

  #showNetwork() {
    const { layers, nodes, weights, names } = this.#network;
    this.network.build(layers, names);
    if (this.chosen && !layers[this.chosen.layer - 1]?.[this.chosen.neuron]) this.chosen = null;
    byId("network-note").textContent =
      `${weights.length} parameters. The loss of one example is a graph of ${nodes} Values; the page trains with JavaScript that gradstep wrote from it.`;
  }

  /** Training from the first weights, with the points that the settings say. */
  restart() {
    const { settings } = this;
    const points = settings.data === OWN ? settings.points : drawPoints(settings);
    Object.assign(this, points.length ? split(points, settings.share, settings.seed) : { train: [], test: [] });
    const { train, test } = this;
    const { batch, rate, seed } = settings;
    this.trainer = new Trainer({ ...this.#network, train, test, batch, rate, seed });
    byId("example").max = Math.max(1, train.length + test.length);
    this.#follow(this.#at);
    byId("problem").textContent = "";
    this.refresh();
    this.look();
  }

  #fillChoices() {
    for (const [name, all] of Object.entries(CHOICES)) {
      document.querySelector(`select[name="${name}"]`).append(...all.map((value) => new Option(value, value)));
    }
    for (const name of FEATURES) {
      const box = Object.assign(element("input"), { type: "checkbox", name: "feature", value: name });
      byId("features").append(element("label", "field", box, name));
    }
  }

  #writeForm() {
    const { settings } = this;
    for (const control of document.querySelectorAll("select[name], #settings input[name]")) {
      if (control.name === "feature") control.checked = settings.features.includes(control.value);
      else if (control.name in settings) control.value = settings[control.name];
      control.removeAttribute("aria-invalid");
    }
    byId("setting-problem").textContent = "";
    byId("drawing").hidden = settings.data !== OWN;
    for (const each of document.querySelectorAll(".generated")) each.hidden = settings.data === OWN;
    document.querySelector(".momentum").hidden = settings.optimizer !== "sgd";
    byId("more-layers").disabled = settings.hidden.length >= limits.layers;
    byId("less-layers").disabled = settings.hidden.length === 0;
  }

  #resize(layer, by) {
    const hidden = this.settings.hidden.slice();
    hidden[layer] += by;
    if (hidden[layer] < 1 || hidden[layer] > limits.neurons) return;
    this.#refocus = `[data-control="${layer}${by > 0 ? "+" : "−"}"]`;
    this.change({ hidden });
  }

  #changed({ target }) {
    const { name, value } = target;
    if (name === "feature") {
      const features = FEATURES.filter((each) => document.querySelector(`[name="feature"][value="${each}"]`).checked);
      if (features.length) this.change({ features });
      else this.#refuse(target, "the network must have at least one input");
    } else if (name in this.settings) {
      try {
        const setting = readSetting(name, value);
        const isOwn = name === "data" && setting === OWN && !this.settings.points.length;
        this.change({ [name]: setting, ...(isOwn ? { points: this.#rounded([...this.train, ...this.test]) } : {}) });
      } catch (error) {
        this.#refuse(target, error.message);
      }
    }
  }

  #refuse(control, words) {
    control.setAttribute("aria-invalid", "true");
    control.closest("label").after(byId("setting-problem"));
    byId("setting-problem").textContent = words;
    if (control.type === "checkbox") control.checked = true;
  }

  // --------------------------------------------------------------------------------------------------------- points

  /** Points as the address can carry them. */
  #rounded(points) {
    return points.map(({ x, y, label }) => ({ x: rounded(x), y: rounded(y), label }));
  }

  #pick(x, y) {
    if (this.settings.data !== OWN) {
      const place = nearest([...this.train, ...this.test], x, y);
      if (place >= 0) this.#takeExample(place);
      return;
    }
    const label = Number(document.querySelector('[name="class"]:checked').value);
    if (this.settings.points.length >= limits.points) return;
    const points = this.#rounded([...this.settings.points, { x, y, label }]);
    this.change({ points });
    this.say(`a point of class ${label} at ${shown(x)}, ${shown(y)}; ${points.length} points`);
  }

  #removePoint(x, y) {
    const place = nearest(this.settings.points, x, y);
    if (this.settings.data !== OWN || place < 0) return;
    this.change({ points: this.settings.points.filter((_, i) => i !== place) });
    this.say(`a point is gone; ${this.settings.points.length} points`);
  }

  #takeExample(place) {
    this.#follow(place);
    this.draw();
    this.look();
  }

  /** Follow the example at that place, or the nearest there is; what is no number changes nothing. */
  #follow(place) {
    const box = byId("example");
    if (Number.isFinite(place)) this.#at = Math.min(Math.max(Math.round(place), 0), box.max - 1);
    box.value = this.#at + 1;
  }

  get example() {
    return [...(this.train ?? []), ...(this.test ?? [])][this.#at] ?? null;
  }

  // ------------------------------------------------------------------------------------------------------- training

  go(direction) {
    this.pause();
    if (!this.trainer) return;
    if (this.#train(() => this.trainer[direction](this.settings.unit))) this.#told(true);
    this.refresh();
    this.look();
  }

  /** Whether training went well; if not, the page says why. */
  #train(move) {
    if (!this.trainer || !this.train.length) return false;
    try {
      byId("problem").textContent = "";
      move();
      return true;
    } catch (error) {
      this.pause();
      byId("problem").textContent = `Training diverged: ${error.message}. A smaller rate helps; Back undoes steps.`;
      this.look();
      return false;
    }
  }

  play() {
    if (this.#frame || !this.trainer || !this.train.length) return;
    [this.#due, this.#clock] = [0, performance.now()];
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
    byId("play").textContent = "Pause";
    if (!byId("inside-answer").hidden) byId("inside-status").textContent = "Training goes on; pause to see the numbers of now.";
  }

  pause() {
    cancelAnimationFrame(this.#frame);
    const wasPlaying = this.#frame !== 0;
    this.#frame = 0;
    byId("play").textContent = "Play";
    return wasPlaying;
  }

  #tick(now) {
    this.#frame = requestAnimationFrame((later) => this.#tick(later));
    const speed = Number(byId("speed").value);
    this.#due = Math.min(this.#due + (speed * Math.max(0, now - this.#clock)) / 1000, speed);
    this.#clock = now;
    const end = performance.now() + MOST_A_FRAME;
    let isMoved = false;
    while (this.#due >= 1 && performance.now() < end) {
      if (!this.#train(() => this.trainer.forward(this.settings.unit))) break;
      this.#due -= 1;
      isMoved = true;
    }
    if (!isMoved && this.#frame) return;
    this.#writeNumbers();
    if (!calm.matches || now - this.#drawn > 250 || !this.#frame) {
      this.#drawn = now;
      this.draw();
    }
    this.#told(false);
  }

  /** Tell screen readers, at once or at a gentle rate. */
  #told(atOnce) {
    const now = performance.now();
    if (!atOnce && now - this.#spoken < SPEAK_EVERY) return;
    this.#spoken = now;
    const { cost, right } = this.trainer.measure("train");
    this.say(`epoch ${shown(this.trainer.epoch, 6)}, cost ${orDash(cost, shown)}, ${orDash(100 * right, shown)} % right`);
  }

  // ---------------------------------------------------------------------------------------------------------- shown

  refresh() {
    this.#writeNumbers();
    this.draw();
    if (this.#refocus) document.querySelector(this.#refocus)?.focus();
    this.#refocus = "";
  }

  #refocus = "";

  #writeNumbers() {
    const { trainer } = this;
    const measured = { train: trainer.measure("train"), test: trainer.measure("test") };
    const costOf = (part, { cost }) => (this[part].length ? orDash(cost, (x) => shown(x, 4)) : "none");
    const step = trainer.steps % trainer.stepsAnEpoch;
    const when = `Epoch ${Math.floor(trainer.epoch)}${step ? `, step ${step} of ${trainer.stepsAnEpoch}` : ""}`;
    const isEmpty = !this.train.length;
    const cost = isEmpty ? "no points yet: click into the plane" : `cost ${costOf("train", measured.train)}`;
    byId("progress").textContent = `${when} · ${cost}`;
    for (const [part, { cost, right }] of Object.entries(measured)) {
      byId(`${part}-cost`).textContent = costOf(part, { cost });
      byId(`${part}-right`).textContent = this[part].length ? orDash(right, (x) => `${shown(100 * x)} %`) : "none";
    }
    byId("play").disabled = byId("forward").disabled = isEmpty;
    byId("back").disabled = trainer.steps === 0;
    byId("reset").disabled = trainer.steps === 0;
    const [trainCosts, testCosts] = ["train", "test"].map((part) => sampled(trainer.costs[part], 720));
    const highest = ceiling([...trainCosts, ...testCosts]);
    byId("highest").textContent = shown(highest);
    byId("train-curve").setAttribute("d", curve(trainCosts, 360, 100, highest));
    byId("test-curve").setAttribute("d", curve(testCosts, 360, 100, highest));
  }

  draw() {
    if (!this.#network || !this.trainer) return;
    const palette = PALETTES[dark.matches ? "dark" : "light"];
    const { names, picture } = this.#network;
    const nOutputs = 1 + names.flat().length;
    let maps = null;
    try {
      maps = mapPlane(picture, this.trainer.weights, SIDE, nOutputs);
    } catch (error) {
      byId("problem").textContent = error.message;
    }
    const { train, test, example } = this;
    this.plane.show(maps?.[0], SIDE, { train, test, example, palette });
    this.network.refresh(this.trainer.weights, maps?.slice(1).map((map) => halved(map, SIDE)), SIDE / 2, palette);
    this.network.mark(this.chosen);
  }

  /** Look inside of a neuron; a promise that its numbers are written. */
  choose(chosen) {
    this.pause();
    this.chosen = chosen;
    this.network.mark(chosen);
    return this.look();
  }

  /** Show what is inside of the chosen neuron, with the numbers of now. */
  async look() {
    const { chosen, example, trainer } = this;
    if (!chosen || !example || !trainer) {
      this.inside.hide();
      return;
    }
    const { x, y, label } = example;
    const question = { settings: this.#network.settings, weights: [...trainer.weights], point: [x, y], label, ...chosen };
    const when = `after ${trainer.steps} ${trainer.steps === 1 ? "step" : "steps"}`;
    const direction = innerWidth < NARROW ? "TB" : "LR";
    await this.inside.show({ ...question, whole: byId("whole").value !== "", direction }, when);
  }

  // -------------------------------------------------------------------------------------------------------- events

  #listen() {
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("play", () => this.#toggle());
    click("forward", () => this.go("forward"));
    click("back", () => this.go("back"));
    click("reset", () => this.#reset());
    click("reseed", () => this.change({ seed: (this.settings.seed + 1) % 1000000 }));
    click("clear", () => this.change({ points: [] }));
    click("less-layers", () => this.change({ hidden: this.settings.hidden.slice(0, -1) }));
    click("more-layers", () => this.change({ hidden: [...this.settings.hidden, this.settings.hidden.at(-1) ?? 4] }));
    byId("settings").addEventListener("change", (event) => this.#changed(event));
    byId("settings").addEventListener("submit", (event) => event.preventDefault());
    document.querySelector('[name="unit"]').addEventListener("change", (event) => this.#changed(event));
    byId("example").addEventListener("change", ({ target }) => this.#takeExample(target.valueAsNumber - 1));
    byId("whole").addEventListener("change", () => this.look());
    for (const id of ["network", "settings"]) {
      byId(id).addEventListener("pointerover", () => this.python(), { once: true }); // it takes a while
    }
    addEventListener("hashchange", () => this.readAddress());
    addEventListener("keydown", (event) => this.#key(event));
    dark.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.plane.draw()).observe(byId("plane"));
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (!contentRect.width || Math.abs(contentRect.width - width) <= 1) return; // 0 while the page is not laid out
      width = contentRect.width;
      if (!this.#network) return;
      this.#showNetwork();
      this.draw();
    }).observe(byId("network"));
  }

  #reset() {
    this.pause();
    if (this.trainer) this.restart();
  }

  #toggle() {
    if (this.pause()) {
      this.#told(true);
      this.look();
    } else this.play();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea, canvas, #network")) return;
    const actions = { Home: () => this.#reset(), ArrowRight: () => this.go("forward"), ArrowLeft: () => this.go("back") };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

window.addEventListener("error", ({ message }) => {
  byId("problem").textContent = message;
});
new Page();
