// The graph of an exercise in its frame, drawn by the stepper's own picture at the start of the walk: no gradients yet.

import { Graph } from "../stepper/graph.js";
import { formatNumber } from "../stepper/numbers.js";
import { Picture } from "../stepper/picture.js";
import { Walk } from "../stepper/walk.js";

/** Draw the graph into the element ``frame``, the node that is asked about lit up. */
function draw(frame, data, asked) {
  const graph = new Graph(data);
  const show = (x) => formatNumber(x, data.precision);
  const picture = new Picture({ frame, size: data.size, graph, walk: new Walk(graph), show, role: "img" });
  picture.refresh(0);
  picture.boxes[asked].group.classList.add("current");
  picture.dragToScroll();
  new ResizeObserver(() => picture.adjust(asked)).observe(frame);
  return picture;
}

let shown = null;

addEventListener("message", ({ data, source, origin }) => {
  if (source !== parent || origin !== location.origin) return;
  if (data?.walk && !shown) {
    shown = { picture: draw(document.getElementById("graph"), data.walk, data.asked), asked: data.asked };
  }
  if (data?.paths && shown) shown.picture.choose(shown.asked);
});
