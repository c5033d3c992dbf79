// Live steppers in frames: each has its own keys and styles.

const NAME = "page"; // what the stepper in a frame and the page around it call their talk; see stepper/outside.js

/**
 * Show the graph that `walk` (the engine's `page_data`) describes in an `<iframe>`.
 *
 * `state` is where it begins: {position, chosen, values: [[place, text]]}, each of which may be missing; `changed`
 * hears the whole state after each change by the reader. A promise of {set(state)}, once the stepper is there.
 */
export function showStepper(frame, walk, { state = {}, changed = () => {} } = {}) {
  talks.get(frame)?.abort();
  const talk = new AbortController();
  talks.set(frame, talk);
  return new Promise((resolve) => {
    const send = (message) => frame.contentWindow?.postMessage({ stepper: NAME, ...message }, location.origin);
    const hear = ({ source, data }) => {
      if (source !== frame.contentWindow || data?.stepper !== NAME) return;
      if (data.hello) {
        send({ state });
        resolve({ set: (changes) => send({ state: changes }) });
      } else if (data.state) changed(data.state);
    };
    const tellAll = () => frame.contentWindow.postMessage({ walk, name: NAME }, location.origin);
    addEventListener("message", hear, { signal: talk.signal });
    frame.addEventListener("load", tellAll, { signal: talk.signal, once: true });
    frame.contentWindow.location.replace(new URL("frame.html", import.meta.url)); // no entry in the history
  });
}

const talks = new WeakMap(); // by frame, what ends the listening of the stepper before
