// The page inside a frame that shows one stepper; the page around it sends the data (see stepper-frame.js).

import { mount } from "./stepper/stepper.js";

addEventListener("message", ({ data, source, origin }) => {
  if (source !== parent || origin !== location.origin || !data?.walk) return;
  document.documentElement.lang = "en";
  mount(document.body, data.walk, data.name ?? "");
  parent.postMessage({ shown: true }, origin);
}, { once: true });
