// The walk back through the graph: what is known after how many steps.

/** A step for each node with operands, the root's first. It gives each operand that is no plain number its share. */
export class Walk {
  constructor(graph) {
    this.graph = graph;
    this.steps = [];
    this.received = graph.nodes.map(() => []); // for each node what makes up its gradient, in the order of the steps
    this.stepOf = graph.nodes.map(() => 0); // its own step, or for a leaf the one that completes its gradient
    for (let node = graph.root; node >= 0; node -= 1) if (graph.into[node].length) this.#addStep(node);
    this.steps.forEach(({ node }, index) => (this.stepOf[node] = index + 1));
  }

  #addStep(node) {
    const at = this.steps.length + 1;
    const given = this.graph.into[node].filter((edge) => !this.graph.isConstant(this.graph.edges[edge].from));
    const gives = given.map((edge) => ({ edge, at, ...this.graph.edges[edge] }));
    this.steps.push({ node, gives });
    for (const contribution of gives) {
      this.received[contribution.from].push(contribution);
      this.stepOf[contribution.from] = at;
    }
  }

  get length() {
    return this.steps.length;
  }

  /** The node to which a position belongs: that of the step, or at the start the root. */
  nodeAt(position) {
    return position ? this.steps[position - 1].node : this.graph.root;
  }

  /** A node's gradient after so many steps, and whether it is unknown, partial (more to come) or complete. */
  gradientAt(place, position) {
    const { gradients, root, totals, problem } = this.graph;
    if (problem) return { gradient: NaN, status: "missing" };
    if (place === root) return { gradient: gradients[root], status: "complete" };
    const contributions = this.received[place];
    let known = 0;
    while (known < contributions.length && contributions[known].at <= position) known += 1;
    if (known === 0) return { gradient: NaN, status: "unknown" };
    return { gradient: totals[contributions[known - 1].edge], status: known === contributions.length ? "complete" : "partial" };
  }

  /** Whether a contribution is the first, or the last, that its receiver gets. */
  isFirst(contribution) {
    return this.received[contribution.from][0].edge === contribution.edge;
  }

  isLast(contribution) {
    return this.received[contribution.from].at(-1).edge === contribution.edge;
  }
}
