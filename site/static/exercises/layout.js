// A graph from left to right, or from top to bottom where the window is too narrow for that.

const [READABLE, BESIDE] = [0.85, 28]; // the least scale of a picture, and pixels beside it

/** The stepper's data as they suit a window so wide. */
export function fitted({ upright, ...page }, width) {
  if (!upright || width >= READABLE * page.size[0] + BESIDE || upright.size[0] >= page.size[0]) return page;
  const { size, boxes, paths, shifts } = upright;
  const nodes = page.nodes.map((node, i) => ({ ...node, box: boxes[i] }));
  const edges = page.edges.map((edge, i) => ({ ...edge, path: paths[i], shift: shifts[i] }));
  return { ...page, size, nodes, edges };
}
