"""What the Training page asks Python for: a network as programs in JavaScript, and what is inside of it.

All that goes in and out is plain data. The network is one of ``nn``, made of Values; the page trains it by programs
that the engine writes from its graphs.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import nn
from engine import Value, constant, size
from engine.compiler.javascript_module import javascript_module
from engine.compiler.trace import recorded
from engine.expressions.nodes import Derivative, Equation, Formula, Name, Number, Operation
from engine.expressions.writers import mathml, picture_text, text
from engine.node import common_order
from nn.losses import LOGITS, LOSSES, recorded_form
from nn.optimizers import OPTIMIZERS
from walk_data import DIGITS, MOST_STEPS, walk_data

Answer = dict[str, Any]

FEATURES: dict[str, Callable[[Value, Value], Value]] = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "x²": lambda x, y: x * x,
    "y²": lambda x, y: y * y,
    "xy": lambda x, y: x * y,
    "sin x": lambda x, y: x.sin(),
    "sin y": lambda x, y: y.sin(),
}
"""What a network can be given of a point."""
FIRST: dict[str, Any] = {
    **{"features": ["x", "y"], "hidden": [4, 4], "activation": "tanh", "loss": "binary_cross_entropy", "seed": 1},
    **{"optimizer": "sgd", "momentum": 0.9, "l1": 0.0, "l2": 0.0},
}
"""The settings that the page begins with."""


def build(settings: dict[str, Any]) -> Answer:
    """A network as three programs, and its weights as they start.

    ``training`` has the loss of an example (x, y, target) and its gradient, ``picture`` the score and each neuron's
    number at a point (x, y), and ``step`` a step of the optimizer for one weight. A score above 0 means class 1.
    """
    network = _network(settings)
    parameters = network.model.parameters()
    index = {parameter: i for i, parameter in enumerate(parameters)}

    leaves, outputs = _optimizer(settings).step_graph()
    point, target = [Value(0.5), Value(-0.5)], [Value(number) for number in network.targets[1]]
    run = network.run(point, target)
    neurons = [neuron for layer in run.layers for neuron in layer]
    return {
        "training": _program([run.loss, run.score], [*point, *target], parameters),
        "picture": _program([run.score, *neurons], point, parameters),
        "step": _program([*outputs, *common_order(outputs)], leaves),  # all numbers, of which none may be infinite
        "remembered": len(outputs) - 1,
        "weights": [parameter.data for parameter in parameters],
        "targets": network.targets,
        "layers": [
            [{"weights": [index[w] for w in neuron.w], "bias": index[neuron.b]} for neuron in layer.neurons]
            for layer in network.model.layers
        ],
        "names": network.names(),
        "nodes": size(run.loss),
    }


def _program(outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value] = ()) -> str:
    weights = [parameter.data for parameter in parameters]
    return javascript_module(recorded(outputs, inputs, parameters), weights, [], "program.js")


class _Pass(NamedTuple):
    """The numbers of one example: of the inputs and of each layer's neurons, the score, and the loss."""

    layers: list[list[Value]]
    score: Value
    loss: Value


class _Network:
    """A model of ``nn``, what it is given of a point, and its loss."""

    def __init__(self, model: nn.MLP, features: Sequence[str], loss: str) -> None:
        self.model, self.features, self.loss = model, list(features), loss
        self.takes_logits = loss in LOGITS
        low = 0.0 if self.takes_logits else -1.0
        self.targets = [[1.0, 0.0], [0.0, 1.0]] if loss == "cross_entropy" else [[low], [1.0]]

    def names(self) -> list[list[str]]:
        """What pictures and formulas call the inputs and neurons.

        Layers and neurons count from 0, as everywhere: ``h0_2``; ``z`` is the output.
        """
        *hidden, last = [len(layer.neurons) for layer in self.model.layers]
        named = [[f"h{layer}_{i}" for i in range(n)] for layer, n in enumerate(hidden)]
        return [self.features, *named, ["z"] if last == 1 else [f"z{i}" for i in range(last)]]

    def run(self, point: Sequence[Value], target: Sequence[Value] = ()) -> _Pass:
        """One example; without a target the loss is 0."""
        layers = [[FEATURES[feature](*point) for feature in self.features]]
        for layer in self.model.layers:
            outputs = layer(layers[-1])
            layers.append(outputs if isinstance(outputs, list) else [outputs])
        outputs = layers[-1]
        z = outputs[1] - outputs[0] if len(outputs) == 2 else outputs[0]
        score = 2.0 * z.sigmoid() - 1.0 if self.takes_logits else z
        loss = constant(0.0, "loss")
        if target:
            function, _ = recorded_form(LOSSES[self.loss], len(outputs))
            loss = function(outputs, target) if len(outputs) > 1 else function(outputs[0], target[0])
        return _Pass(layers, score, loss)


def _network(settings: dict[str, Any], weights: Sequence[float] = ()) -> _Network:
    features, loss = list(settings["features"]), settings["loss"]
    sizes = [*map(int, settings["hidden"]), 2 if loss == "cross_entropy" else 1]
    model = nn.MLP(len(features), sizes, activation=settings["activation"], seed=int(settings["seed"]))
    for parameter, weight in zip(model.parameters(), weights):
        parameter.data = float(weight)
    return _Network(model, features, loss)


def _optimizer(settings: dict[str, Any]) -> nn.Optimizer:
    name = settings["optimizer"]
    options = {"momentum": float(settings["momentum"])} if name == "sgd" else {}
    return OPTIMIZERS[name](l1=float(settings["l1"]), l2=float(settings["l2"]), **options)


# ---------------------------------------------------------------------------------------------------- what is inside


def explain(
    settings: dict[str, Any],
    weights: Sequence[float],
    point: Sequence[float],
    label: int,
    layer: int,
    neuron: int,
    weight: int,
    whole: bool,
    direction: str = "LR",
) -> Answer:
    """A neuron and one of its weights for one example, as a stepper's ``walk``, words and formulas.

    Args:
        settings: as for ``build``.
        weights: all numbers of the parameters.
        point: the example, x and y.
        label: its class, 0 or 1.
        layer: which layer of neurons, 1 for the first.
        neuron: which neuron of the layer, from 0.
        weight: which of its weights, from 0; the bias comes after the last.
        whole: whether the graph is that of the loss, instead of the neuron's own, unless it is too large to be walked
            through.
        direction: of the graph, as in ``stepper``.
    """
    network = _network(settings, weights)
    point_values = [Value(float(number), label=name) for name, number in zip("xy", point)]
    target = [constant(number, "target") for number in network.targets[label]]
    run = network.run(point_values, target)
    _label(network, run)
    run.loss.backward()
    chain = _Chain(network, run, layer, neuron, weight)
    walk = walk_data(run.loss, network.model, direction) if whole else None
    nodes, root = size(run.loss), run.loss
    if walk is None:
        root = chain.own_graph()
        walk = walk_data(root, direction=direction)
    sizes = {"nodes": size(root), "loss_nodes": nodes, "most_nodes": MOST_STEPS}
    return chain.told() | sizes | {"walk": walk, "is_whole": root is run.loss}


def _label(network: _Network, run: _Pass) -> None:
    """Give everything in the graph of a loss the name by which the page calls it."""
    names = network.names()
    for row, row_names in zip(run.layers, names):
        for value, name in zip(row, row_names):
            value.label = name
    for layer, inputs, outputs in zip(network.model.layers, names, names[1:]):
        for neuron, output in zip(layer.neurons, outputs):
            neuron.b.label = f"b {output}"
            for w, name in zip(neuron.w, inputs):
                w.label = f"w {name}→{output}"
    run.loss.label = "loss"


class _Chain:
    """The chain rule for one weight and one example."""

    def __init__(self, network: _Network, run: _Pass, layer: int, neuron: int, weight: int) -> None:
        self.run, self.names, self.layer = run, network.names(), layer
        self.model_layers = network.model.layers
        self.neuron = self.model_layers[layer - 1].neurons[neuron]
        self.place, self.weight = neuron, weight
        self.is_bias = weight == len(self.neuron.w)
        self.name = self.names[layer][neuron]
        self.activation = str(self.neuron.activation)
        self.output = run.layers[layer][neuron]
        self.sum = self._sum_of(self.output, self.activation)
        self.chosen = self.neuron.b if self.is_bias else self.neuron.w[weight]

    @staticmethod
    def _sum_of(output: Value, activation: str) -> Value:
        return output if activation == "linear" else output.operands[0]

    def own_graph(self) -> Value:
        """The neuron with its inputs as leaves."""
        inputs = [Value(value.data, label=name) for value, name in zip(self.run.layers[self.layer - 1], self._inputs)]
        for i, w in enumerate(self.neuron.w):
            w.label = f"w{i + 1}"
        self.neuron.b.label = "b"
        root: Value = self.neuron(inputs)
        root.label = self.name
        return root

    @property
    def _inputs(self) -> list[str]:
        return self.names[self.layer - 1]

    def told(self) -> Answer:
        rows = [
            {"name": f"weight of {name}", "input": value.data, "weight": w.data, "gradient": w.grad}
            for name, value, w in zip(self._inputs, self.run.layers[self.layer - 1], self.neuron.w)
        ]
        b = self.neuron.b
        rows.append({"name": "bias", "input": 1.0, "weight": b.data, "gradient": b.grad})
        equations = [*self._forward(), *self._backward()]
        return {
            "name": self.name,
            "rows": rows,
            "formulas": [{"math": mathml(each, DIGITS), "text": text(each, DIGITS)} for each in equations],
            "words": self._words(),
            "loss": self.run.loss.data,
            "score": self.run.score.data,
        }

    def _forward(self) -> list[Formula]:
        parts = [_product(Name(f"w{i + 1}"), Name(name)) for i, name in enumerate(self._inputs)]
        total: Formula = parts[0]
        for part in [*parts[1:], Name("b")]:
            total = total + part
        shown = [total] if len(parts) <= 5 else []
        equations: list[Formula] = [Equation(self._total, (*shown, Number(self.sum.data)))]
        if self.activation != "linear":
            applied = Operation(self.activation, (self._total,))
            equations.append(Equation(Name(self.name), (applied, Number(self.output.data))))
        return equations

    def _backward(self) -> list[Formula]:
        loss, out, total, chosen = Name("L"), Name(self.name), self._total, Name(self._weight_name)
        factors: list[tuple[Formula, float]] = [(Derivative(loss, out), self.output.grad)]
        if self.activation != "linear":
            factors.append((Derivative(out, total), self.output.local_derivatives[0]))
        equations = self._where_it_comes_from(factors[0][0])
        factors.append((Derivative(total, chosen), self._input))
        product, numbers = factors[0][0], Number(factors[0][1])
        in_numbers: Formula = numbers
        for formula, number in factors[1:]:
            product, in_numbers = _product(product, formula), _product(in_numbers, Number(number))
        rest = Number(self.chosen.grad)
        return [*equations, Equation(Derivative(loss, chosen), (product, in_numbers, rest))]

    def _where_it_comes_from(self, derivative: Formula) -> list[Formula]:
        """The sum over the neurons of the next layer, where there are few."""
        if self.layer == len(self.model_layers):
            return [Equation(derivative, (Number(self.output.grad),))]
        layer, outputs = self.model_layers[self.layer], self.run.layers[self.layer + 1]
        terms = [
            _product(Number(self._sum_of(output, str(neuron.activation)).grad), Number(neuron.w[self.place].data))
            for neuron, output in zip(layer.neurons, outputs)
        ]
        if len(terms) > 4:
            return [Equation(derivative, (Number(self.output.grad),))]
        total: Formula = terms[0]
        for term in terms[1:]:
            total = total + term
        return [Equation(derivative, (total, Number(self.output.grad)))]

    @property
    def _weight_name(self) -> str:
        return "b" if self.is_bias else f"w{self.weight + 1}"

    @property
    def _input(self) -> float:
        return 1.0 if self.is_bias else self.run.layers[self.layer - 1][self.weight].data

    @property
    def _total(self) -> Name:
        """The name of the neuron's sum: without an activation, that of the neuron."""
        return Name(self.name if self.activation == "linear" else "s")

    def _words(self) -> list[str]:
        total = self._total.text
        words = [
            f"{self.name} adds up its inputs, each times its weight, and its bias: {total} = {_said(self.sum.data)}."
        ]
        if self.is_bias:
            words.append(f"If the bias grows by a little, {total} grows by as much.")
        else:
            name = self._inputs[self.weight]
            words.append(
                f"If the weight of {name} grows by a little, {total} grows {name} = {_said(self._input)} times that."
            )
        if self.activation != "linear":
            slope, result = self.output.local_derivatives[0], self.output.data
            words.append(
                f"{self.activation} gives {_said(result)}, and passes a small change on {_said(slope)} times as large."
            )
        after = "" if self.layer == len(self.model_layers) else ", through the next layer"
        words.append(f"If {self.name} grows by a little, the loss grows {_said(self.output.grad)} times that{after}.")
        words.append(f"The product is the derivative of this example's loss: {_said(self.chosen.grad)}.")
        return words


def _said(number: float) -> str:
    return picture_text(Number(number), DIGITS)


def _product(a: Formula, b: Formula) -> Formula:
    return Operation("*", (a, b))
