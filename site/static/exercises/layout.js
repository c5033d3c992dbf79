// What fits a narrow window: a graph from top to bottom instead of from left to right, and smaller letters.

const [READABLE, BESIDE] = [0.85, 28]; // the least scale of a picture, and pixels beside it
const [ABOVE, LEAST] = [60, 190]; // pixels above and below a picture, and the least height
const SMALLEST = 13; // pixels of a formula's letters

/** The stepper's data as they suit a window so wide. */
export function fitted({ upright, ...page }, width) {
  if (!upright || width >= READABLE * page.size[0] + BESIDE || upright.size[0] >= page.size[0]) return page;
  const { size, boxes, paths, shifts } = upright;
  const nodes = page.nodes.map((node, i) => ({ ...node, box: boxes[i] }));
  const edges = page.edges.map((edge, i) => ({ ...edge, path: paths[i], shift: shifts[i] }));
  return { ...page, size, nodes, edges };
}

/** The pixels from top to bottom that show all of a picture in a window so wide. */
export function heightOf({ size: [wide, high] }, width) {
  const scale = Math.min(1, Math.max(READABLE, (width - BESIDE) / wide));
  return Math.round(Math.max(high * scale + ABOVE, LEAST));
}

/** Write the formula in `place` in letters so small that all of it is seen there, if they can be read. */
export function fitFormula(place) {
  const math = place.firstElementChild;
  if (!math) return;
  math.style.fontSize = "";
  let size = parseFloat(getComputedStyle(math).fontSize);
  while (place.scrollWidth > place.clientWidth && size > SMALLEST) math.style.fontSize = `${--size}px`;
}
