// The panel below the graph: what happens in a step, a node's gradient as a sum, and the finite difference beside it.

import { differenceAt, verdictOf } from "./differences.js";
import { bracketed, element, formula, infix, math, numeral, partial, written } from "./formulas.js";
import { formatNumber } from "./numbers.js";

export class Panel {
  constructor({ place, spoken, graph, walk, show, precision }) {
    Object.assign(this, { place, spoken, graph, walk, show, precision });
  }

  /** Show what a reader sees: a node's gradient where one is chosen, else the step at the position. */
  explain({ position, chosen, checking }, scrollTop = 0) {
    const node = chosen ?? this.walk.nodeAt(position);
    const { problem } = this.graph;
    const [title, remark, rows, said] = problem
      ? this.#problem(problem)
      : chosen === null
        ? this.#step(position)
        : this.#node(chosen);
    const more = [];
    if (checking && !problem) {
      const verdict = this.#verdict(node, differenceAt(this.graph, node));
      title.append(element("span", verdict.agrees ? "verdict done" : "verdict", verdict.words));
      more.push(this.#checkRow(node, verdict));
    }
    this.place.replaceChildren(title, element("p", "", ...remark, ...this.#fixed(node)), ...rows, ...more);
    if (scrollTop !== null) this.place.scrollTop = scrollTop; // the browser lays the page out for that
    return said;
  }

  /** Tell screen readers. */
  speak(text) {
    this.spoken.textContent = text;
  }

  #name(place) {
    return written(this.graph.nodes[place].math);
  }

  #number(x, options) {
    return numeral(this.show(x), options);
  }

  /** ∂of/∂by. */
  #derivative(of, by) {
    return partial(this.graph.nodes[of].math, this.graph.nodes[by].math);
  }

  /** What one edge carries: ∂L/∂node, and × ∂node/∂operand. */
  #product({ from, to }) {
    return [[this.#derivative(this.graph.root, to)], [infix("×"), this.#derivative(to, from)]];
  }

  #problem({ place, words }) {
    const { name } = this.graph.nodes[place];
    const title = element("h2", "problem", words);
    return [title, [`So ${name} has no number, and there are no gradients. Change a number, or undo.`], [], words];
  }

  #fixed(place) {
    const by = this.graph.fixedBy[place];
    if (by === null) return [];
    const { name, op } = this.graph.nodes[by];
    const what = by === place ? `${name} is` : `It goes into ${name},`;
    return [` ${what} a function of Python (${op}), which this page cannot call: its operands are fixed.`];
  }

  // -------------------------------------------------------------------------------------------------------- one step

  #step(position) {
    const place = this.walk.nodeAt(position);
    const node = this.graph.nodes[place];
    const title = element("h2", "", position ? `Step ${position}: ` : "The start: ");
    const made = node.made ? [infix("="), written(node.made)] : [];
    const equals = this.graph.isConstant(place) ? [] : [infix("=")];
    if (equals.length) title.append(formula(this.#name(place), ...made));
    title.append(formula(...equals, this.#number(this.graph.numbers[place])));
    return position ? this.#contributions(title, place, position) : this.#start(title, node);
  }

  #start(title, { name }) {
    const { root } = this.graph;
    const remark =
      "The numbers are computed. Now: how fast does the result grow with each of them? First with itself: ";
    const itself = formula(this.#derivative(root, root), infix("="), numeral("1"));
    return [title, [remark, itself], [], `Start. The gradient of ${name} with respect to itself is 1.`];
  }

  #contributions(title, place, position) {
    const { nodes, root, gradients, slopes, amounts } = this.graph;
    const { gives } = this.walk.steps[position - 1];
    const gradient = gradients[place];
    const known = formula(this.#derivative(root, place), infix("="), this.#number(gradient, { coloured: true }));
    title.append(known);
    const remark = gives.length
      ? "Each operand receives this gradient times its local derivative."
      : "Its operands are plain numbers.";
    const said = gives.map((contribution) => {
      const { edge, from } = contribution;
      const product = `${this.show(gradient)} times ${this.show(slopes[edge])}, that is ${this.show(amounts[edge])}`;
      return `${nodes[from].name} receives ${product}; its gradient ${this.#sofar(contribution)}.`;
    });
    const start = `Step ${position} of ${this.walk.length}. ${nodes[place].name}, gradient ${this.show(gradient)}.`;
    const rows = gives.map((contribution) => this.#contributionRow(contribution, gradient));
    return [title, [remark], rows, [start, ...said].join(" ")];
  }

  #sofar(contribution) {
    const total = this.show(this.graph.totals[contribution.edge]);
    return this.walk.isLast(contribution) ? `is complete: ${total}` : `is ${total} so far`;
  }

  /** The chain rule for one operand: symbols, numbers, and the sum so far. */
  #contributionRow(contribution, gradient) {
    const { root, slopes, amounts, before, totals } = this.graph;
    const { edge, from, rule } = contribution;
    const [of, by] = this.#product(contribution);
    const chain = element("span", "", formula(this.#derivative(root, from), infix("+="), ...of), " ", formula(...by));
    const row = element("div", "contribution", chain);
    if (rule) row.append(formula(infix("="), this.#number(gradient), infix("×"), written(rule)));
    const local = this.#number(slopes[edge], { factor: true });
    row.append(formula(infix("="), this.#number(gradient), infix("×"), local));
    row.append(formula(infix("="), this.#number(amounts[edge], { coloured: true })));
    const note = element("span", this.walk.isLast(contribution) ? "sofar done" : "sofar");
    if (!this.walk.isFirst(contribution)) {
      const amount = this.#number(amounts[edge], { factor: true });
      note.append(formula(this.#number(before[edge]), infix("+"), amount, infix("="), this.#number(totals[edge])), " ");
    }
    note.append(this.walk.isLast(contribution) ? "complete" : "more to come");
    row.append(note);
    return row;
  }

  // -------------------------------------------------------------------------------------------------------- one node

  /** A node's gradient as the explicit sum over everything that it feeds. */
  #node(place) {
    const { nodes, root, gradients, slopes, amounts } = this.graph;
    const node = nodes[place];
    const contributions = this.walk.received[place];
    const title = element("h2", "", "The gradient of ", formula(this.#name(place)), element("small", "", node.label ?? ""));
    if (place === root) {
      const row = element("div", "contribution", sumRow([this.#derivative(root, root), infix("=")], [[numeral("1")]]));
      return [title, ["The result grows exactly as fast as itself."], [row], `${node.name} is the result; its gradient is 1.`];
    }
    const count =
      contributions.length === 1
        ? "It is used once, so there is one term"
        : `It is used ${contributions.length} times: a term for each`;
    const numbers = contributions.map(({ to, edge }, i) => {
      const factor = this.#number(slopes[edge], { factor: true });
      return [this.#number(gradients[to], { factor: i > 0 }), infix("×"), factor];
    });
    const rows = [
      sumRow([this.#derivative(root, place), infix("=")], contributions.map((contribution) => this.#product(contribution).flat())),
      sumRow([infix("=")], numbers),
    ];
    if (contributions.length > 1) {
      const terms = contributions.map(({ edge }, i) => [this.#number(amounts[edge], { factor: i > 0 })]);
      rows.push(sumRow([infix("=")], terms));
    }
    rows.push(sumRow([infix("=")], [[this.#number(gradients[place], { coloured: true })]]));
    const terms = contributions.map(
      ({ to, edge }) => `${this.show(gradients[to])} times ${this.show(slopes[edge])}, through ${nodes[to].name}`,
    );
    const said = `Gradient of ${node.name}: ${terms.join(", plus ")}; in all ${this.show(gradients[place])}.`;
    const remark = `${count}, the gradient of what it goes into times the local derivative.`;
    return [title, [remark], [element("div", "contribution", ...rows)], said];
  }

  // ----------------------------------------------------------------------------------------------- finite differences

  /** The finite difference beside the gradient: both of the root's numbers, their quotient, and whether they agree. */
  #checkRow(place, { found, agrees, words }) {
    const { root, gradients } = this.graph;
    const row = element("div", agrees ? "contribution check" : "contribution check differs");
    row.id = "difference";
    if (found.problem !== undefined) {
      row.append(words);
      return row;
    }
    const shifted = (mark) =>
      math("mrow", this.#name(root), bracketed(math("mrow", this.#name(place), infix(mark), math("mi", "h"))));
    const above = math("mrow", shifted("+"), infix("−"), shifted("−"));
    const symbols = math("mfrac", above, math("mrow", math("mn", "2"), math("mi", "h")));
    const both = [numeral(formatNumber(found.above, 12)), infix("−"), numeral(formatNumber(found.below, 12), { factor: true })];
    const width = math("mrow", math("mn", "2"), infix("×"), numeral(formatNumber(found.h, 2)));
    const quotient = numeral(this.#long(found.quotient), { coloured: true });
    quotient.id = "quotient";
    const numbers = math("mfrac", math("mrow", ...both), width);
    row.append("Finite difference ", formula(symbols), formula(infix("="), numbers), formula(infix("="), quotient));
    const beside = numeral(this.#long(gradients[place]), { coloured: true });
    row.append(element("span", "beside", "gradient ", formula(beside)));
    row.append(element("span", agrees ? "sofar done" : "sofar", words));
    return row;
  }

  /** What a check comes to: at a kink every gradient between the slopes on both sides agrees. */
  #verdict(place, found) {
    if (found.problem !== undefined) return { found, agrees: false, words: `No finite difference here: ${found.problem}` };
    const { agrees, isKink } = verdictOf(found, this.graph.gradients[place]);
    const slopes = [found.left, found.right].map((slope) => this.show(slope)).join(" and ");
    const sides = isKink ? `: a kink, with the slopes ${slopes} on its sides` : "";
    return { found, agrees, words: (agrees ? "✓ they agree" : "✗ they differ") + sides };
  }

  /** Digits enough to see that two numbers differ. */
  #long(x) {
    return formatNumber(x, Math.max(this.precision, 8));
  }

  /** What a check says, for screen readers. */
  checkInWords(place) {
    const found = differenceAt(this.graph, place);
    if (found.problem !== undefined) return `No finite difference here: ${found.problem}`;
    const { agrees } = verdictOf(found, this.graph.gradients[place]);
    const numbers = `${this.#long(found.quotient)}; gradient: ${this.#long(this.graph.gradients[place])}`;
    return `Finite difference for ${this.graph.nodes[place].name}: ${numbers}; they ${agrees ? "agree" : "differ"}.`;
  }
}

/** Terms with plus signs between, each on its own so that a long sum can go over several lines. */
function sumRow(left, terms) {
  const row = element("div", "sum", formula(...left));
  terms.forEach((term, index) => row.append(" ", formula(...(index ? [infix("+")] : []), ...term)));
  return row;
}
