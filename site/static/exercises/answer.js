// The number that a reader typed: -1.5, 1/3, 2e-3; a comma is a decimal point.

import { readNumber } from "../stepper/numbers.js";

/** ``{ number }``, or ``{ problem }`` in words where the text is no number. */
export function readAnswer(text) {
  const plain = text.trim().replace(/^([+\-−])\s+/, "$1");
  if (!plain) return { problem: "Type a number first, such as -1.5 or 1/3." };
  const parts = plain.split("/").map((part) => readNumber(withPoint(part)));
  if (parts.length > 2 || parts.some((part) => part === undefined || Number.isNaN(part))) {
    return { problem: `A number must be one such as -1.5, 1/3 or 2e-3, not "${text.trim()}".` };
  }
  const [above, below = 1] = parts;
  if (below === 0) return { problem: "A fraction must have a denominator other than 0." };
  const number = above / below;
  if (!Number.isFinite(number)) return { problem: "The number must be finite." };
  return { number: number === 0 ? 0 : number };
}

/** A single comma is the decimal point; with a point beside it the text stays as it is, which is no number. */
const withPoint = (text) => (/[.,].*[.,]/.test(text) ? text : text.replace(",", "."));
