"""The figures of the documentation, made from the code that its pages show: ``figures.make(folder)``."""

from pathlib import Path

from engine import Value, compile, draw, stepper, tanh
from nn import MLP


def product() -> Value:
    """A product, as in the tutorial."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b
    c.label = "c"
    c.backward()
    return c


def neuron() -> Value:
    """A neuron with one input."""
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    y = tanh(x * w + b)
    y.label = "y"
    y.backward()
    return y


def network() -> tuple[MLP, Value]:
    """A network and its loss for one example."""
    model = MLP(2, [4, 1], activation="tanh", seed=1)
    loss = (model([Value(0.5, label="x1"), Value(-1.0, label="x2")]) - 1.0) ** 2
    loss.backward()
    return model, loss


def make(folder: Path) -> None:
    """Write all figures, and the pages that are shown within a page."""
    pages = folder / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    draw(product(), derivatives=True).save(folder / "product.svg")
    draw(neuron(), derivatives=True).save(folder / "neuron.svg")
    model, loss = network()
    draw(loss, names={"model": model}, depth=2).save(folder / "network.svg")
    x, target = [Value(0.0, label="x1"), Value(0.0, label="x2")], Value(0.0, label="target")
    loss = (model(x) - target) ** 2
    compile(loss, inputs=[*x, target], parameters=model.parameters()).draw().save(folder / "program.svg")
    stepper(neuron()).save(pages / "stepper.html")
