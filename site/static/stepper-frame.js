// Live steppers in frames: each has its own keys and styles.

/** Show the graph that `walk` (the engine's `page_data`) describes in an `<iframe>`; a promise that it is there. */
export function showStepper(frame, walk) {
  return new Promise((resolve) => {
    const hear = ({ source, data }) => {
      if (source !== frame.contentWindow || !data?.shown) return;
      removeEventListener("message", hear);
      resolve();
    };
    addEventListener("message", hear);
    frame.onload = () => frame.contentWindow.postMessage({ walk }, location.origin);
    frame.contentWindow.location.replace(new URL("frame.html", import.meta.url)); // no entry in the history
  });
}
