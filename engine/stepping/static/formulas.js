// Formulas in MathML, which browsers show by themselves and screen readers read.

const MATH = "http://www.w3.org/1998/Math/MathML";

function math(name, ...content) {
  const made = document.createElementNS(MATH, name);
  made.append(...content);
  return made;
}

/** A sign between two things, with blanks around it even where a line begins with it. */
function sign(text) {
  const made = math("mo", text);
  made.setAttribute("form", "infix");
  return made;
}

const bracketed = (inside) => math("mrow", math("mo", "("), inside, math("mo", ")"));

/** A formula on its own, its fractions as large as in a line of their own. */
function formula(...content) {
  const made = math("math", ...content);
  made.setAttribute("displaystyle", "true");
  return made;
}

/** MathML that the engine wrote. */
function written(source) {
  const parsed = new DOMParser().parseFromString(`<math>${source}</math>`, "text/html");
  return math("mrow", ...parsed.querySelector("math").childNodes);
}

/** A number as MathML, with a power of ten where it has an exponent; in parentheses where it is a negative factor. */
function number(text, { factor = false, coloured = false } = {}) {
  const [mantissa, exponent] = text.replace("inf", "∞").split("e");
  const digits = math("mn", signed(mantissa));
  let made = digits;
  if (exponent !== undefined) {
    made = math("mrow", digits, sign("·"), math("msup", math("mn", "10"), math("mn", signed(String(+exponent)))));
  }
  if (coloured) made.setAttribute("class", text.startsWith("-") ? "negative-number" : "positive-number");
  return factor && text.startsWith("-") ? bracketed(made) : made;
}

/** ∂of/∂by, both being places of nodes. */
function derivative(of, by) {
  const part = (place) => math("mrow", math("mo", "∂"), written(nodes[place].math));
  return math("mfrac", part(of), part(by));
}

/** What one edge carries: ∂L/∂node · ∂node/∂operand. */
const product = (edge) => [derivative(root, edge.to), sign("·"), derivative(edge.to, edge.from)];
