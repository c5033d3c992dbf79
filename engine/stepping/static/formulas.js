// Formulas in MathML, which browsers show by themselves and screen readers read.
//
// Every text goes into the page as text (textContent), never as markup; only formulas are markup, and those are MathML
// that the engine wrote, with every name in it escaped. In any case the page's policy forbids all scripts but its own.

const MATH = "http://www.w3.org/1998/Math/MathML";

/** A number with a real minus sign. */
export const signed = (number) => number.replaceAll("-", "−");

/** An HTML element with a class, and texts or elements in it. */
export function element(name, className = "", ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** A MathML element. */
export function math(name, ...content) {
  const made = document.createElementNS(MATH, name);
  made.append(...content);
  return made;
}

/** A sign between two things, with blanks around it even where a line begins with it. */
export function infix(text) {
  const made = math("mo", text);
  made.setAttribute("form", "infix");
  return made;
}

export const bracketed = (inside) => math("mrow", math("mo", "("), inside, math("mo", ")"));

/** A formula, its fractions as large as in a separate line. */
export function formula(...content) {
  const made = math("math", ...content);
  made.setAttribute("displaystyle", "true");
  return made;
}

/** MathML that the engine wrote. */
export function written(source) {
  const parsed = new DOMParser().parseFromString(`<math>${source}</math>`, "text/html");
  return math("mrow", ...parsed.querySelector("math").childNodes);
}

/** A number as MathML, with a power of ten where it has an exponent; in parentheses where it is a negative factor. */
export function numeral(text, { factor = false, coloured = false } = {}) {
  const [mantissa, exponent] = text.replace("inf", "∞").split("e");
  const digits = math("mn", signed(mantissa));
  let made = digits;
  if (exponent !== undefined) {
    made = math("mrow", digits, infix("×"), math("msup", math("mn", "10"), math("mn", signed(String(+exponent)))));
  }
  if (coloured) made.setAttribute("class", text.startsWith("-") ? "negative-number" : "positive-number");
  return factor && text.startsWith("-") ? bracketed(made) : made;
}

/** ∂of/∂by, both being MathML that the engine wrote. */
export function partial(of, by) {
  const part = (name) => math("mrow", math("mo", "∂"), written(name));
  return math("mfrac", part(of), part(by));
}
