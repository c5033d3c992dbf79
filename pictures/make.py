"""The pictures of the README, into this folder: ``python pictures/make.py``.

The graph needs the extra ``pictures``, the animation Pillow.
"""

from pathlib import Path

from engine import Value, draw, stepper, tanh

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


def main() -> None:
    """All of them."""
    for make in (neuron, walk):
        make()
        print(f"{make.__name__}: {make.__doc__}")


if __name__ == "__main__":
    main()
