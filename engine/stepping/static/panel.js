// The panel below the graph: what happens in a step, a node's gradient as a sum, and the finite difference beside it.

function fillPanel(heading, remark, rows, place) {
  const more = state.checking ? [checkRow(place)] : [];
  byId("panel").replaceChildren(heading, element("p", "", ...remark), ...rows, ...more);
  byId("panel").scrollTop = 0;
}

/** Say what happens at the reader's position. */
function explainStep() {
  const { position } = state;
  const place = nodeAt(position);
  const node = nodes[place];
  const title = element("h2", "", position ? `Step ${position}: ` : "The start: ");
  const made = node.made ? [sign("="), written(node.made)] : [];
  const name = isConstant(place) ? [] : [written(node.math), ...made, sign("=")];
  title.append(formula(...name, number(node.data)));
  if (position) explainGifts(title, place);
  else {
    const remark =
      "The numbers are computed. Now: how fast does the result grow with each of them? First with itself: ";
    fillPanel(title, [remark, formula(derivative(root, root), sign("="), number("1"))], [], place);
    speak(`Start. The gradient of ${node.name} with respect to itself is 1.`);
  }
}

function explainGifts(title, place) {
  const gifts = giving[state.position - 1];
  const gradient = gradientAt(place, state.position).text;
  const known = formula(derivative(root, place), sign("="), number(gradient, { coloured: true }));
  const next = gifts.length
    ? "Each operand receives that times its local derivative."
    : "Its operands are plain numbers.";
  fillPanel(
    title,
    ["Its gradient is complete: ", known, `. ${next}`],
    gifts.map((gift) => giftRow(gift, gradient)),
    place,
  );
  const said = gifts.map(
    (gift) =>
      `${nodes[gift.from].name} receives ${gradient} times ${gift.derivative}, that is ${gift.amount}; ` +
      `its gradient ${wordsFor(gift)}.`,
  );
  speak([`Step ${state.position} of ${steps.length}. ${nodes[place].name}, gradient ${gradient}.`, ...said].join(" "));
}

const wordsFor = (gift) => (isLast(gift) ? `is complete: ${gift.total}` : `is ${gift.total} so far`);

/** The chain rule for one operand: symbols, numbers, and the sum so far. */
function giftRow(gift, gradient) {
  const adds = sign(received[gift.from].length > 1 ? "+=" : "=");
  const row = element("div", "gift", formula(derivative(root, gift.from), adds, ...product(gift)));
  if (gift.rule) row.append(formula(sign("="), written(gift.rule)));
  const local = number(gift.derivative, { factor: true });
  row.append(formula(sign("="), number(gradient), sign("·"), local));
  row.append(formula(sign("="), number(gift.amount, { coloured: true })));
  const note = element("span", isLast(gift) ? "sofar done" : "sofar");
  if (!isFirst(gift)) {
    const amount = number(gift.amount, { factor: true });
    note.append(formula(number(gift.before), sign("+"), amount, sign("="), number(gift.total)), " ");
  }
  note.append(isLast(gift) ? "complete" : "more to come");
  row.append(note);
  return row;
}

/** A node's gradient as the explicit sum over everything that it feeds. */
function explainNode(place) {
  const node = nodes[place];
  const gifts = received[place];
  const gradient = gradientAt(place, steps.length).text;
  const title = element(
    "h2",
    "",
    "The gradient of ",
    formula(written(node.math)),
    element("small", "", node.label ?? ""),
  );
  if (place === root) {
    const row = element("div", "gift", sumRow([derivative(root, root), sign("=")], [[number("1")]]));
    fillPanel(title, ["The result grows exactly as fast as itself."], [row], place);
    speak(`${node.name} is the result; its gradient is 1.`);
    return;
  }
  const count =
    gifts.length === 1 ? "It is used once, so there is one term" : `It is used ${gifts.length} times: a term for each`;
  const after = gifts.map((gift) => gradientAt(gift.to, steps.length).text);
  const numbers = gifts.map((gift, i) => [number(after[i], { factor: i > 0 }), sign("·"), number(gift.derivative, { factor: true })]);
  const rows = [sumRow([derivative(root, place), sign("=")], gifts.map(product)), sumRow([sign("=")], numbers)];
  if (gifts.length > 1) {
    rows.push(
      sumRow(
        [sign("=")],
        gifts.map((gift, i) => [number(gift.amount, { factor: i > 0 })]),
      ),
    );
  }
  rows.push(sumRow([sign("=")], [[number(gradient, { coloured: true })]]));
  const remark = `${count}, the gradient of what it goes into times the local derivative.`;
  fillPanel(title, [remark], [element("div", "gift", ...rows)], place);
  const said = gifts.map((gift, i) => `${after[i]} times ${gift.derivative}, through ${nodes[gift.to].name}`);
  speak(`Gradient of ${node.name}: ${said.join(", plus ")}; in all ${gradient}.`);
}

/** Terms with plus signs between, each on its own so that a long sum can go over several lines. */
function sumRow(left, terms) {
  const row = element("div", "sum", formula(...left));
  terms.forEach((term, index) => row.append(" ", formula(...(index ? [sign("+")] : []), ...term)));
  return row;
}

/** The finite difference beside the gradient: both of the root's numbers, their quotient, and whether they agree. */
function checkRow(place) {
  const { check = { problem: "this is a plain number" } } = nodes[place];
  const row = element("div", check.agrees ? "gift check" : "gift check differs");
  row.id = "difference";
  if (check.problem) {
    row.append(`No finite difference here: ${check.problem}`);
    return row;
  }
  const shifted = (mark) => {
    const inside = math("mrow", written(nodes[place].math), sign(mark), math("mi", "h"));
    return math("mrow", written(nodes[root].math), bracketed(inside));
  };
  const above = math("mrow", shifted("+"), sign("−"), shifted("−"));
  const symbols = math("mfrac", above, math("mrow", math("mn", "2"), math("mi", "h")));
  const difference = math("mrow", number(check.above), sign("−"), number(check.below, { factor: true }));
  const numbers = math("mfrac", difference, math("mrow", math("mn", "2"), sign("·"), number(check.h)));
  const quotient = number(check.quotient, { coloured: true });
  quotient.id = "quotient";
  row.append("Finite difference ", formula(symbols), formula(sign("="), numbers), formula(sign("="), quotient));
  row.append(element("span", "beside", "gradient ", formula(number(check.gradient, { coloured: true }))));
  row.append(element("span", check.agrees ? "sofar done" : "sofar", verdictOf(check)));
  return row;
}

/** What a check comes to: at a kink every gradient between the slopes on both sides agrees. */
function verdictOf({ agrees, kink }) {
  const sides = kink ? `: a kink, with the slopes ${kink} on its sides` : "";
  return (agrees ? "✓ they agree" : "✗ they differ") + sides;
}

/** Tell screen readers. */
function speak(text) {
  byId("spoken").textContent = text;
}
