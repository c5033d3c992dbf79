// The widget between the kernel and its pages: it shows nothing. A page is a frame, whose name is the widget's token;
// several cells may show it. Numbers are texts here, as Python writes them.

import { tellThemes } from "./around.js";

export function initialize({ model }) {
  const pages = new Set();
  let endThemes = () => {};
  let isHearing = false;
  const names = model.get("names");

  function hear({ data, source }) {
    if (data?.stepper !== model.get("token")) return;
    if (!pages.has(source)) {
      pages.add(source);
      endThemes();
      endThemes = tellThemes(() => [...pages]);
    }
    if (data.hello) tell({ connected: true, ...all() }, [source]);
    if (data.asks) model.send({ asks: data.asks });
    if (!data.state) return;
    const { position, chosen, values } = data.state;
    const pairs = values.map(([place, number]) => [names[place], number]);
    isHearing = true;
    model.set("position", position);
    model.set("selected", chosen === null ? null : names[chosen]);
    model.set("values", { ...model.get("values"), ...Object.fromEntries(pairs) });
    isHearing = false;
    model.save_changes();
    tell({ state: data.state }, [...pages].filter((page) => page !== source));
  }

  const told = {
    position: () => ({ position: model.get("position") }),
    selected: () => {
      const name = model.get("selected") ?? null; // a kernel in the browser sends undefined for None
      return { chosen: name === null ? null : names.indexOf(name) };
    },
    values: () => {
      const pairs = Object.entries(model.get("values"));
      return { values: pairs.map(([name, number]) => [names.indexOf(name), number]) };
    },
  };
  const all = () => ({ state: Object.assign({}, ...Object.values(told).map((part) => part())) });

  function tell(message, to = pages) {
    for (const page of to) page.postMessage({ stepper: model.get("token"), ...message }, "*");
  }

  addEventListener("message", hear);
  const handlers = Object.keys(told).map((name) => [`change:${name}`, () => isHearing || tell({ state: told[name]() })]);
  handlers.push(["msg:custom", (message) => tell(message)]); // what Python answers, and what went wrong there
  for (const [event, handler] of handlers) model.on(event, handler);
  return () => {
    endThemes();
    removeEventListener("message", hear);
    for (const [event, handler] of handlers) model.off(event, handler);
  };
}
