// Python in the page: gradstep in a worker, so that the page stays awake while Python runs, and can stop it.
//
//   const python = await loadPython((words) => { status.textContent = words; }, { modules: ["graph_page"] });
//   const answer = await python.run("graph_page.show(text)", { text });

/** What Python raised: `type` such as "ValueError", and in `message` its words; `trace` is the whole text. */
export class PythonError extends Error {
  constructor({ type, message, trace }) {
    super(message);
    this.name = "PythonError";
    Object.assign(this, { type, trace });
  }
}

/** The call was ended by `stop`, or Python failed; it starts again. */
export class Stopped extends Error {}

/**
 * Start Python with gradstep in it. `onProgress` hears what is loaded, in words; `modules` are names of files of the
 * folder `python`, which the code can use without importing them.
 */
export async function loadPython(onProgress = () => {}, { modules = [] } = {}) {
  const python = new Python(onProgress, modules);
  await python.ready;
  return python;
}

class Python {
  #worker;
  #waiting = new Map(); // what awaits the answer to each call, by number
  #calls = 0;

  constructor(onProgress, modules) {
    Object.assign(this, { onProgress, modules });
    this.#start();
  }

  /** Run code with these globals (plain data); a promise of the value of its last expression, as plain data. */
  async run(code, globals = {}) {
    await this.ready;
    return this.#ask({ code, globals });
  }

  /** End what runs now; Python starts from the beginning, and later calls wait for it. */
  stop() {
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Stopped("Stopped. Python starts again."));
    this.#waiting.clear();
    this.#start();
  }

  #start() {
    // a worker made of a blob has the policy of this page: Python, too, can ask no other server for anything
    const source = `import ${JSON.stringify(new URL("python-worker.js", import.meta.url).href)};`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.#worker = new Worker(address, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => this.#fail(new Error(event.message || "the browser did not start it"));
    this.ready = this.#ask({ modules: this.modules });
    this.ready.then(() => URL.revokeObjectURL(address), () => {});
  }

  #ask(message) {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#worker.postMessage({ call, ...message });
    });
  }

  #hear({ call, progress, value, error, isFatal }) {
    if (progress) this.onProgress(progress);
    const waiting = this.#waiting.get(call);
    if (progress || !waiting) return;
    this.#waiting.delete(call);
    if (isFatal) {
      waiting.reject(new Stopped("Python itself failed, and starts again: a graph or a call was too deep for a browser"));
      this.stop();
    } else if (error) waiting.reject(new PythonError(error));
    else waiting.resolve(value);
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
