// The Graph page: a formula or lines of Python, as a live stepper, as a picture, and as code.

import { plain, readAddress, writeAddress } from "./graph/address.js";
import { EXAMPLES, isOurs } from "./graph/examples.js";
import { NumberBoxes } from "./graph/number-boxes.js";
import { download, pngOf } from "./graph/pictures.js";
import { loadPython } from "./python.js";
import { showStepper } from "./stepper-frame.js";
import { readFloat, readNumber, repr, typed } from "./stepper/numbers.js";

const WHILE_TYPING = 350; // milliseconds without a key until a formula is computed
const NARROW = 600; // pixels
const byId = (id) => document.getElementById(id);
const VIEWS = ["steps", "picture", "code"];

class GraphPage {
  #state = plain();
  isReady = false; // whether Python is there
  #answer = null; // what Python last said, and for which text: {asked, walk, svg, ...}
  #stepper = null; // the one in the frame, to be told of numbers
  #isRunning = false;
  #isWanted = null; // what shall be computed once Python is free
  #python = loadPython((words) => this.#say(`${words} …`), { modules: ["formula_names", "readers_code", "walk_data", "graph_page"] });

  constructor() {
    this.boxes = new NumberBoxes(byId("numbers"), (name) => this.#typeNumber(name));
    EXAMPLES.forEach(({ title }, place) => byId("example").append(new Option(title, place)));
    this.#listen();
    this.#python.then(
      () => {
        this.isReady = true;
        this.#say(this.#answer ? this.#answer.said : "Ready.");
      },
      (error) => this.#say(`Python could not be loaded: ${error.message}`),
    );
    this.#open(location.hash);
  }

  /** Show what the address says; a page without one begins with the first example. */
  async #open(fragment) {
    const state = readAddress(fragment);
    if (state.problem || state.text || fragment.length > 1) {
      byId("still").hidden = true;
      this.#load(state);
      return;
    }
    const { title, ...first } = EXAMPLES[0];
    const isNarrow = innerWidth < NARROW; // from top to bottom then, also what comes later
    const direction = isNarrow ? "TB" : state.direction;
    this.#load({ ...state, text: first.formula, numbers: first.numbers, direction }, false);
    const made = `made/${isNarrow ? "upright" : "first"}.json`; // computed when the site was built
    const { answer } = await (await fetch(made)).json();
    if (this.#state.text === first.formula && !this.#answer) this.#show({ ...answer, asked: this.#asked() });
  }

  /** Fill the page with a state; a formula is computed, code only where it is the page's own. */
  #load(state, compute = true) {
    clearTimeout(this.writer); // the address of the state before
    clearTimeout(this.timer);
    this.#state = state;
    this.#answer = this.#stepper = null;
    const isPython = state.kind === "python";
    document.querySelector(`[name="kind"][value="${state.kind}"]`).checked = true;
    byId(isPython ? "python" : "formula").value = state.text;
    if (!isPython) this.boxes.texts = state.numbers; // else they wait for the formula to come back
    for (const name of ["direction", "theme"]) byId(name).value = state[name];
    byId("derivatives").checked = state.derivatives === "yes";
    this.#showKind();
    this.#showView();
    this.#trouble(state.problem ?? "");
    byId("printed").hidden = byId("of-root").hidden = true;
    const isRead = isOurs(state.text);
    byId("unread").hidden = !isPython || isRead || !state.text;
    byId("result").classList.toggle("stale", compute);
    if (this.isReady) this.#say(""); // what it says is of the graph before
    if (compute && state.text && (!isPython || isRead)) this.#compute();
  }

  // -------------------------------------------------------------------------------------------------------- computing

  #asked() {
    const { kind, text, root, direction, theme, derivatives } = this.#state;
    const numbers = kind === "formula" ? this.boxes.known : {}; // also of names that come back with the text
    return { kind, text, root, numbers, looks: { direction, theme, derivatives: derivatives === "yes" } };
  }

  /** Ask Python for all of the page as it is now; `keep` leaves the stepper as it is. The last question counts. */
  async #compute({ keep = false } = {}) {
    clearTimeout(this.timer);
    if (this.#state.kind === "formula" && this.boxes.problem) {
      this.#trouble(this.boxes.problem);
      return;
    }
    this.#isWanted = { keep: keep && (this.#isWanted?.keep ?? true) };
    if (this.#isRunning) return;
    this.#run(true);
    while (this.#isWanted) {
      const { keep: keeps } = this.#isWanted;
      this.#isWanted = null;
      const asked = this.#asked();
      const answer = await this.#ask(asked).catch((error) => ({ error: error.message }));
      if (!this.#isWanted) this.#show({ ...answer, asked }, keeps);
    }
    this.#run(false);
  }

  async #ask({ kind, text, numbers, root, looks }) {
    const python = await this.#python;
    if (kind === "python") return python.run("graph_page.show_code(text, root, looks)", { text, root, looks });
    const given = Object.fromEntries(Object.entries(numbers).map(([name, number]) => [name, readNumber(number).number]));
    return python.run("graph_page.show_formula(text, given, looks)", { text, given, looks });
  }

  #run(on) {
    this.#isRunning = on;
    byId("stop").disabled = !on;
    byId("run").disabled = on;
    byId("result").setAttribute("aria-busy", on);
    clearInterval(this.clock);
    const since = performance.now();
    if (on) this.clock = setInterval(() => this.#wait(Math.round((performance.now() - since) / 1000)), 1000);
  }

  #wait(seconds) {
    if (this.isReady) this.#say(`Python runs, for ${seconds} s now.`);
  }

  // ---------------------------------------------------------------------------------------------------------- showing

  #show(answer, keep = false) {
    const { error, names, printed } = answer;
    if (names && this.#state.kind === "formula" && (!error || names.length)) this.boxes.show(names);
    byId("printed").textContent = printed ?? "";
    byId("printed").hidden = !printed;
    this.#trouble(error ?? "");
    byId("result").classList.toggle("stale", Boolean(error));
    if (this.isReady) this.#say(error ? "" : answer.said);
    this.#showRoots(answer);
    if (error) return;
    this.#answer = answer;
    this.#state.numbers = this.boxes.texts;
    byId("drawn").src = URL.createObjectURL(new Blob([answer.svg], { type: "image/svg+xml" }));
    byId("drawn").alt = answer.said;
    byId("written").textContent = answer.code;
    this.#showView();
    if (!keep) this.#mount(answer);
    this.#writeAddress();
  }

  async #mount(answer) {
    const { walk, nodes } = answer;
    this.#stepper = null;
    byId("large").hidden = Boolean(walk);
    byId("large").textContent = `This graph has ${nodes} nodes, too many to walk through in a page. The picture shows it, with parts of it folded into boxes.`;
    byId("stepper").hidden = !walk;
    byId("still").hidden = true;
    if (!walk) return;
    const { step, node, moved } = this.#state;
    const changed = (state) => this.#answer && this.#follow(answer, state); // not while another is loaded
    this.#stepper = await showStepper(byId("stepper"), walk, { state: { position: step, chosen: node, values: moved }, changed });
  }

  /** What the reader did in the stepper goes into the boxes and the address. */
  #follow({ walk, places }, { position, chosen, values }) {
    Object.assign(this.#state, { step: position, node: chosen });
    const moved = values.filter((value) => !isOf(walk, value));
    if (this.#state.kind === "python") this.#state.moved = moved;
    else {
      const names = Object.entries(places).map(([name, place]) => [place, name]);
      const nameOf = Object.fromEntries(names);
      const texts = Object.fromEntries(values.map(([place, text]) => [nameOf[place], typed(readFloat(text))]));
      if (moved.length || this.isMoved) this.boxes.write(texts);
      this.isMoved = moved.length > 0;
      this.#state.numbers = this.boxes.texts;
    }
    if (this.isReady && !this.#isRunning) this.#say(this.#isDrawn(values) ? this.#answer.said : "");
    this.#writeAddress();
  }

  /** Whether the leaves in the stepper have the numbers that Python was asked about last. */
  #isDrawn(values) {
    return values.every((value) => isOf(this.#answer.walk, value));
  }

  #showRoots({ roots = [], root = "" }) {
    byId("of-root").hidden = roots.length < 2 && !root;
    const options = ["", ...roots].map((name) => new Option(name || "the last line", name, false, name === root));
    byId("root").replaceChildren(...options);
  }

  #showKind() {
    const isPython = this.#state.kind === "python";
    byId("of-formula").hidden = isPython;
    byId("of-python").hidden = !isPython;
    byId("work").classList.toggle("beside", isPython);
  }

  #showView() {
    for (const view of VIEWS) {
      const isShown = view === this.#state.view;
      byId(view).hidden = !isShown;
      byId(`tab-${view}`).setAttribute("aria-selected", isShown);
      byId(`tab-${view}`).tabIndex = isShown ? 0 : -1;
    }
  }

  #say(words) {
    byId("status").textContent = words;
  }

  #trouble(words) {
    byId("trouble").textContent = words;
    byId(this.#state.kind).setAttribute("aria-invalid", Boolean(words) && words !== this.boxes.problem);
  }

  /** The address follows a moment later: browsers count how often it is written. */
  #writeAddress() {
    clearTimeout(this.writer);
    this.writer = setTimeout(() => history.replaceState(null, "", writeAddress(this.#state)), 200);
  }

  // --------------------------------------------------------------------------------------------- what the reader does

  #typeFormula() {
    Object.assign(this.#state, { text: byId("formula").value, step: 0, node: null });
    this.#later();
  }

  /** The stepper that is there takes the number at once; the picture is drawn when it is looked at. */
  #typeNumber(name) {
    this.#trouble(this.boxes.problem);
    if (this.boxes.problem) return;
    this.#state.numbers = this.boxes.texts;
    const place = this.#answer?.asked.text === this.#state.text ? this.#answer.places?.[name] : undefined;
    if (place === undefined || !this.#stepper || this.#isRunning) this.#later();
    else {
      this.#stepper.set({ values: [[place, repr(readNumber(this.boxes.texts[name]).number)]] });
      this.#say(""); // what it says is of the number before
      if (this.#state.view !== "steps") this.#later({ keep: true });
      this.#writeAddress();
    }
  }

  #later(how) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#compute(how), WHILE_TYPING);
  }

  #typeCode() {
    Object.assign(this.#state, { text: byId("python").value, root: "", step: 0, node: null, moved: [] });
    byId("result").classList.add("stale");
    this.#writeAddress();
  }

  /** What is typed is the reader's own, or was read: run it. */
  #submit() {
    byId("unread").hidden = true;
    if (this.#state.text.trim()) {
      if (this.#state.kind === "python") this.#trouble(""); // code may run long, and what it says is not known yet
      this.#compute();
    } else this.#trouble("Type something first, or choose an example.");
  }

  #chooseView(view) {
    this.#state.view = view;
    this.#showView();
    this.#writeAddress();
    const isOld = this.#answer && JSON.stringify(this.#answer.asked) !== JSON.stringify(this.#asked());
    if (view !== "steps" && this.#state.kind === "formula" && isOld) this.#compute({ keep: true });
  }

  #chooseLook(name, value) {
    this.#state[name] = value;
    this.#writeAddress();
    if (this.#answer?.asked.text === this.#state.text) this.#compute({ keep: name !== "direction" });
  }

  #chooseKind(kind) {
    const text = byId(kind).value;
    const numbers = this.boxes.texts;
    if (text) this.#load({ ...plain(), kind, text, numbers, view: this.#state.view, direction: this.#state.direction });
    else this.#example(EXAMPLES.findIndex((example) => kind in example));
    byId("unread").hidden = true;
  }

  #example(place) {
    const { formula, python, numbers = {} } = EXAMPLES[place];
    const { view, direction, theme, derivatives } = this.#state;
    const kind = formula === undefined ? "python" : "formula";
    this.#load({ ...plain(), kind, text: formula ?? python, numbers, view, direction, theme, derivatives });
  }

  async #copy(text, told) {
    try {
      await navigator.clipboard.writeText(text);
      this.#say(told);
    } catch {
      this.#say("The browser does not let this page copy; mark the text and copy it.");
    }
  }

  async #save(kind) {
    if (!this.#answer) return;
    const { svg, dot } = this.#answer;
    if (kind === "svg") download(svg, "graph.svg", "image/svg+xml");
    else if (kind === "dot") download(dot, "graph.dot", "text/vnd.graphviz");
    else download(await pngOf(svg), "graph.png", "image/png");
  }

  #listen() {
    const on = (id, event, action) => byId(id).addEventListener(event, action);
    on("formula", "input", () => this.#typeFormula());
    on("python", "input", () => this.#typeCode());
    on("python", "keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submit();
    });
    on("input", "submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    on("stop", "click", async () => (await this.#python).stop());
    on("example", "change", ({ target }) => {
      if (target.value) this.#example(Number(target.value));
      target.value = "";
    });
    for (const radio of document.getElementsByName("kind")) radio.addEventListener("change", () => this.#chooseKind(radio.value));
    for (const name of ["direction", "theme"]) on(name, "change", ({ target }) => this.#chooseLook(name, target.value));
    on("derivatives", "change", ({ target }) => this.#chooseLook("derivatives", target.checked ? "yes" : "no"));
    on("root", "change", ({ target }) => {
      Object.assign(this.#state, { root: target.value, step: 0, node: null, moved: [] });
      this.#compute();
    });
    for (const view of VIEWS) on(`tab-${view}`, "click", () => this.#chooseView(view));
    document.querySelector('[role="tablist"]').addEventListener("keydown", (event) => this.#onTabKey(event));
    for (const kind of ["svg", "png", "dot"]) on(kind, "click", () => this.#save(kind));
    on("copy", "click", () => this.#copy(byId("written").textContent, "The code is copied."));
    on("link", "click", () => this.#copy(new URL(writeAddress(this.#state), location.href).href, "The link is copied."));
    addEventListener("hashchange", ({ newURL }) => this.#open(new URL(newURL).hash));
  }

  #onTabKey({ key }) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!by) return;
    const place = VIEWS.indexOf(this.#state.view) + by + VIEWS.length;
    this.#chooseView(VIEWS[place % VIEWS.length]);
    byId(`tab-${this.#state.view}`).focus();
  }
}

/** Whether a leaf's number in the stepper, as Python writes it, is the one in a walk. */
const isOf = (walk, [place, text]) => repr(readFloat(String(walk.nodes[place].data))) === text;

new GraphPage();
