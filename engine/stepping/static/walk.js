// What the page was given: the walk through backprop, every number written as it is shown. Nothing is computed here.
//
// The page's scripts are put together, this one first. Every text goes into the page as text (textContent), never as
// markup; only formulas are markup, and those are MathML that the engine wrote, with every name in it escaped. In any
// case the page's policy forbids all scripts but these.
"use strict";

const byId = (id) => document.getElementById(id);
const walk = JSON.parse(byId("walk").textContent);
const { nodes, edges, steps } = walk;
const root = nodes.length - 1;
const isConstant = (place) => nodes[place].op === "constant";

/** Where the reader is: after how many steps, which node is explained, whether differences are shown. */
const state = { position: 0, chosen: null, checking: false };

/** A number with a real minus sign. */
const signed = (number) => number.replaceAll("-", "−");

/** An HTML element with a class, and texts or elements in it. */
function element(name, className = "", ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// ------------------------------------------------------------------------------- what is known after how many steps

const giving = steps.map((step) => step.gives.map((gift) => ({ ...gift, ...edges[gift.edge] })));
const received = nodes.map(() => []); // for each node the gifts that make up its gradient, in the order of the steps
const stepOf = nodes.map(() => 0); // the step to which a node belongs: its own, or for a leaf the one that completes it
giving.forEach((gifts, index) => {
  for (const gift of gifts) {
    received[gift.from].push({ ...gift, at: index + 1 });
    stepOf[gift.from] = index + 1;
  }
});
steps.forEach((step, index) => (stepOf[step.node] = index + 1));

/** The node to which a position belongs: that of the step, or at the start the root. */
const nodeAt = (position) => (position ? steps[position - 1].node : root);

/** A node's gradient after so many steps: its text, and whether it is unknown, partial (more to come) or complete. */
function gradientAt(place, position) {
  const gifts = received[place];
  if (place === root) return { text: "1", status: "complete" };
  let known = 0;
  while (known < gifts.length && gifts[known].at <= position) known += 1;
  if (known === 0) return { text: "", status: "unknown" };
  return { text: gifts[known - 1].total, status: known === gifts.length ? "complete" : "partial" };
}

/** Whether a gift is the first, or the last, that its receiver gets. */
const isFirst = (gift) => received[gift.from][0].edge === gift.edge;
const isLast = (gift) => received[gift.from].at(-1).edge === gift.edge;
