// The page inside a frame that shows one stepper; the page around it sends the data (see stepper-frame.js).

import { mount } from "./stepper/stepper.js";

function show({ data, source, origin }) {
  if (source !== parent || origin !== location.origin || !data?.walk) return;
  removeEventListener("message", show);
  mount(document.body, data.walk, data.name);
}

addEventListener("message", show);
