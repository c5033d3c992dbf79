// The widget between the kernel and a page: it shows nothing. The page is a frame, whose name is the widget's token.

const float = (number) => ({ inf: Infinity, "-inf": -Infinity, nan: NaN })[number] ?? number;

function initialize({ model }) {
  let page = null;
  let isHearing = false;
  const names = model.get("names");

  function hear({ data, source }) {
    if (data?.stepper !== model.get("token")) return;
    page = source;
    if (data.hello) tell();
    if (!data.state) return;
    const { position, chosen, values } = data.state;
    const pairs = values.map(([place, number]) => [names[place], Number.isFinite(number) ? number : String(number)]);
    isHearing = true;
    model.set("position", position);
    model.set("selected", chosen === null ? null : names[chosen]);
    model.set("values", { ...model.get("values"), ...Object.fromEntries(pairs) });
    isHearing = false;
    model.save_changes();
  }

  const told = {
    position: () => ({ position: model.get("position") }),
    selected: () => ({ chosen: model.get("selected") === null ? null : names.indexOf(model.get("selected")) }),
    values: () => {
      const pairs = Object.entries(model.get("values"));
      return { values: pairs.map(([name, number]) => [names.indexOf(name), float(number)]) };
    },
  };

  /** Tell the page of one trait, or of all. */
  function tell(name) {
    const parts = name ? [told[name]] : Object.values(told);
    const state = Object.assign({}, ...parts.map((part) => part()));
    page?.postMessage({ stepper: model.get("token"), state }, "*");
  }

  addEventListener("message", hear);
  const handlers = Object.keys(told).map((name) => [`change:${name}`, () => isHearing || tell(name)]);
  for (const [event, handler] of handlers) model.on(event, handler);
  return () => {
    removeEventListener("message", hear);
    for (const [event, handler] of handlers) model.off(event, handler);
  };
}

export default { initialize, render() {} };
