// A page in a notebook and the widget of the same name beside it (link.js) tell each other what changes.

/** Connect a stepper with the widget of that name in the window around, if there is one. */
export function connect(stepper, name) {
  if (!name || parent === self) return;
  const tell = (message) => parent.postMessage({ stepper: name, ...message }, "*");
  addEventListener("message", ({ data, source }) => {
    if (source !== parent || data?.stepper !== name) return;
    if (data.connected) stepper.connect();
    if (data.state) stepper.state = data.state;
    if (data.answers) stepper.answer(data.answers);
  });
  stepper.changed = () => tell({ state: stepper.state });
  stepper.ask = (asks) => tell({ asks });
  tell({ hello: true });
}
