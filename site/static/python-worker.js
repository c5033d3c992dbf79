// The worker in which Python runs. It hears {call, modules} once, then {call, code, globals}, and answers {call, value}
// or {call, error}; see python.js.

import { loadPyodide } from "./pyodide/pyodide.mjs";
import { instance } from "./viz/viz.js";

const here = (path) => new URL(path, import.meta.url).href;
let python; // a promise of it

self.onmessage = async ({ data: { call, modules, code, globals } }) => {
  try {
    if (modules) python = start(modules);
    const py = await python;
    self.postMessage({ call, value: modules ? true : run(py, code, globals) });
  } catch (error) {
    self.postMessage({ call, error: inWords(error), isFatal: !modules && error.name !== "PythonError" });
  }
};

async function start(modules) {
  tell("Python is loading");
  const [py, viz, wheels, sources] = await Promise.all([
    loadPyodide({ indexURL: here("pyodide/"), lockFileURL: here("pyodide/pyodide-lock.json") }),
    instance(),
    load("wheels/wheels.json").then(async (list) => Promise.all((await list.json()).map((name) => bytes(`wheels/${name}`)))),
    Promise.all(modules.map((name) => bytes(`python/${name}.py`))),
  ]);
  tell("gradstep is loading");
  py.registerJsModule("graphviz_in_page", { render: (source, format, engine) => viz.renderString(source, { format, engine }) });
  for (const wheel of wheels) py.unpackArchive(wheel, "wheel");
  modules.forEach((name, place) => py.FS.writeFile(`${name}.py`, new Uint8Array(sources[place])));
  py.runPython(["import engine", ...modules.map((name) => `import ${name}`)].join("\n"));
  return py;
}

/** Each call has separate names, and the modules. */
function run(py, code, globals) {
  const scope = py.globals.copy();
  try {
    for (const [name, value] of Object.entries(globals)) scope.set(name, py.toPy(value));
    const value = py.runPython(code, { globals: scope });
    if (!value?.toJs) return value;
    try {
      return value.toJs({ dict_converter: Object.fromEntries, create_pyproxies: false });
    } finally {
      value.destroy();
    }
  } finally {
    scope.destroy();
  }
}

/** The last error of Python's text, after the lines that say where. */
function inWords({ type = "Error", message }) {
  const trace = message.trimEnd();
  const start = trace.search(new RegExp(`^(?:[\\w.]+\\.)?${type}(?::|$)(?![\\s\\S]*^(?:[\\w.]+\\.)?${type}(?::|$))`, "m"));
  return { type, trace, message: start < 0 ? trace : trace.slice(start).replace(/^[\w.]+:?\s*/, "") };
}

async function load(path) {
  const answer = await fetch(here(path));
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return answer;
}

const bytes = async (path) => (await load(path)).arrayBuffer();
const tell = (progress) => self.postMessage({ progress });
