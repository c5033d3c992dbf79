// Graphs to begin with.

export const EXAMPLES = [
  { title: "A neuron", formula: "tanh(x*w + b)", numbers: { x: "2", w: "-3", b: "6.88" } },
  { title: "A product", formula: "x * y", numbers: { x: "2", y: "-3" } },
  { title: "A number used twice", formula: "x*x + 3*x", numbers: { x: "2" } },
  { title: "The sigmoid from its parts", formula: "1 / (1 + exp(-x))", numbers: { x: "0.5" } },
  { title: "The squared error of a line", formula: "(w*x + b - y)**2", numbers: { w: "1.5", x: "2", b: "-1", y: "3" } },
  { title: "A kink: relu at 0", formula: "relu(x) * w", numbers: { x: "0", w: "2" } },
  { title: "A gradient that vanishes", formula: "sigmoid(w3*sigmoid(w2*sigmoid(w1*x)))", numbers: { w3: "4", w2: "4", w1: "4", x: "2" } },
  {
    title: "Python: cross-entropy of three logits",
    python: `# The loss of a classifier whose right answer is the second class.
logits = [Value(2.0, label="a"), Value(0.5, label="b"), Value(-1.0, label="c")]
probabilities = softmax(logits)
loss = -log(probabilities[1])
loss
`,
  },
  {
    title: "Python: a small network",
    python: `from nn import MLP

model = MLP(2, [3, 1], activation="tanh", seed=0)
x = [Value(1.0, label="x1"), Value(-2.0, label="x2")]
loss = (model(x) - 1.0) ** 2
loss
`,
  },
  {
    title: "Python: Newton's square root, three times",
    python: `# How does the result depend on a, and on where the search began?
a = Value(2.0, label="a")
start = Value(1.0, label="start")
root = start
for _ in range(3):
    root = 0.5 * (root + a / root)
root
`,
  },
  {
    title: "Python: a derivative's own graph",
    python: `# The gradient is a Value with a graph, and so has a gradient, too.
x = Value(0.5, label="x")
y = tanh(x) * x
slope = gradients(y, [x])[0]
slope
`,
  },
];

/** Whether a text of Python came with this page, and so may be run at once. */
export const isOurs = (code) => EXAMPLES.some(({ python }) => python?.trim() === code.trim());
