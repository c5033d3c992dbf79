"""The pictures of the README, into this folder: ``python pictures/make.py``.

The graphs need the extra ``pictures``, the animation Pillow; the network needs the extras ``demo`` and ``plot``.
"""

from pathlib import Path

from engine import Value, draw, stepper, tanh
from nn import MLP

HERE = Path(__file__).parent


def neuron() -> None:
    """The computation graph of a neuron, its local derivatives along the arrows."""
    x1, w1, x2, w2, b = Value(2.0), Value(-3.0), Value(0.0), Value(1.0), Value(6.88)
    y = tanh(x1 * w1 + x2 * w2 + b)
    y.backward()
    draw(y, names=locals(), derivatives=True).save(HERE / "neuron.svg")


def walk() -> None:
    """Backprop through a smaller neuron, as an animation."""
    x, w, b = Value(2.0), Value(-3.0), Value(6.88)
    stepper(tanh(x * w + b), names=locals()).save(HERE / "walk.gif", seconds=1.6)


def folded() -> None:
    """A multilayer perceptron and its loss on one example, folded into its neurons."""
    model = MLP(2, [5, 4, 1], activation="tanh", seed=3)
    x1, x2 = Value(0.5), Value(-1.0)
    loss = (model([x1, x2]) - 1.0) ** 2
    loss.backward()
    draw(loss, names=locals(), depth=2).save(HERE / "folded.svg")


def network() -> None:
    """A network that has learned digits, as it reads one, beside the right answer."""
    import matplotlib as mpl

    from nn.data import digits
    from nn.pictures import network as drawn

    examples = digits()
    model = MLP(64, [16, 10], seed=0)
    model.fit(examples.X / 16, examples.y, loss="cross_entropy", learning_rate=0.01, epochs=4, seed=0, progress=False)
    figure = drawn(model, examples.X[3] / 16, target=examples.y[3], image_shape=(8, 8))
    with mpl.rc_context({"svg.hashsalt": "gradstep"}):  # or the file would change from run to run
        figure.savefig(HERE / "network.svg", metadata={"Date": None})


def main() -> None:
    """All of them."""
    for make in (neuron, walk, folded, network):
        make()
        print(f"{make.__name__}: {make.__doc__}")


if __name__ == "__main__":
    main()
