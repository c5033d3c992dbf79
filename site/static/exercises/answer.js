// The number that a reader typed: -1.5, 1/3, 2e-3; a comma is a decimal point, unless it may part thousands.

import { problemWith, readNumber } from "../stepper/numbers.js";

const THOUSANDS = /(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d.,])/; // 1,000 and 12,345, but not 0,125 or 1234,567

/** ``{ number }``, or ``{ problem }`` in words where the text is no number. */
export function readAnswer(text) {
  const plain = text.trim().replace(/^([+\-−])\s+/, "$1");
  if (!plain) return { problem: "Type a number first, such as -1.5 or 1/3." };
  if (THOUSANDS.test(plain)) {
    return { problem: `The comma in "${text.trim()}" may part thousands or be a decimal point: write a point, or none.` };
  }
  const pointed = plain.split("/").map(withPoint).join("/");
  const number = readNumber(pointed);
  if (number === undefined) return { problem: problemWith(pointed).replace(pointed, text.trim()) };
  if (!Number.isFinite(number)) return { problem: "The number must be finite." };
  if (number === 0 && /[1-9]/.test(plain.split(/[/e]/i)[0])) return { problem: "The number is too close to 0." };
  return { number: number === 0 ? 0 : number };
}

/** A single comma is the decimal point; with a point beside it the text stays as it is, which is no number. */
const withPoint = (text) => (/[.,].*[.,]/.test(text) ? text : text.replace(",", "."));
