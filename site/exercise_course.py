"""The course: from one product to a two-layer net. An exercise is a graph and the node whose gradient is asked for.

No answer stands here: the engine computes all of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from engine import Value, exp, log, maximum, relu, sigmoid, softmax, tanh


class Exercise(NamedTuple):
    """A graph, the node that is asked about, and what the page says before and after the answer.

    With a *rate* the question is how much the root changes, to first order, in one step of gradient descent on the node
    alone; otherwise it is the node's gradient.
    """

    title: str
    text: str
    root: Value
    asked: Value
    after: str = ""
    rate: float | None = None


def course() -> Iterator[Exercise]:
    """All exercises of the course, in order."""
    yield from _one_operation()
    yield from _functions()
    yield from _choices()
    yield from _networks()


def _leaves(**numbers: float) -> Iterator[Value]:
    return (Value(float(number), label=name) for name, number in numbers.items())


def _one_operation() -> Iterator[Exercise]:
    x, w = _leaves(x=3, w=-2)
    text = "A product of two numbers. How many times as fast as x does L grow?"
    yield Exercise("One product", text, x * w, x, "The value of x plays no part: L is a line in x, and w is its slope.")

    a, b = _leaves(a=4, b=-1)
    text = "A sum. Let a grow a little: how does L follow?"
    yield Exercise("One sum", text, a + b, a, "A sum hands its gradient on to each of its terms, unchanged.")

    x, w = _leaves(x=3, w=-2)
    text = "Here x is used twice: it is a factor and a term. Both ways lead to L."
    yield Exercise("A number used twice", text, x * w + x, x, "Gradients of several uses add up.")

    a, b, c = _leaves(a=2, b=5, c=3)
    text = "A difference, and then a product. What happens to L as b grows?"
    yield Exercise("A negative slope", text, (a - b) * c, b, "What is subtracted has the local derivative -1.")

    (x,) = _leaves(x=2)
    yield Exercise(
        "A power", "L is the cube of x.", x**3, x, "The slope of a power changes with x: at 3 it would be 27."
    )

    x, w, b = _leaves(x=2, w=-1.5, b=4.5)
    text = "Three operations in a row. The chain rule multiplies the local derivatives from L back to w."
    yield Exercise(
        "A chain", text, (x * w + b) ** 2, w, "Each node needs only its own gradient and its local derivatives."
    )

    a, b = _leaves(a=3, b=2)
    text = "A quotient. The denominator b is asked for: does L grow or fall with it?"
    yield Exercise(
        "A denominator", text, a / b, b, "A larger denominator makes a smaller quotient: the sign is negative."
    )


def _functions() -> Iterator[Exercise]:
    w, x = _leaves(w=2.5, x=0)
    text = "tanh is steepest at 0. What does it hand back to x there?"
    yield Exercise(
        "tanh at 0", text, tanh(w * x), x, "At 0 the slope of tanh is 1, so the gradient goes through whole."
    )

    w, x = _leaves(w=0.8, x=2.5)
    text = "The same function, further out, where it is nearly flat. Its result is in the picture."
    yield Exercise("tanh, saturated", text, tanh(w * x), w, "A saturated tanh lets little of a gradient through.")

    w, x = _leaves(w=3, x=0.5)
    text = "exp is its own derivative. Mind what stands inside."
    yield Exercise(
        "exp", text, exp(w * x), x, "The derivative of exp is its result, times the derivative of the inside."
    )

    a, b = _leaves(a=4, b=0.5)
    text = "A logarithm of a product. The factors look as if both mattered."
    yield Exercise("log", text, log(a * b), a, "log(a * b) = log(a) + log(b): b has cancelled.")

    w, x = _leaves(w=-2, x=0.5)
    text = "The sigmoid of a product. Its slope is written with its result alone."
    yield Exercise("Sigmoid", text, sigmoid(w * x), w, "y * (1 - y) is never more than 0.25.")


def _choices() -> Iterator[Exercise]:
    w, x, b = _leaves(w=3, x=2, b=-5)
    text = "A relu with a positive operand, and a factor after it."
    yield Exercise("relu, on", text, relu(w * x + b) * 2, x, "Where relu is on, it is as if it were not there.")

    w, x, b = _leaves(w=3, x=1, b=-5)
    text = "The same graph with another x, where the operand is negative."
    yield Exercise(
        "relu, off", text, relu(w * x + b) * 2, x, "A relu that is off stops the gradient for all before it."
    )

    (x,) = _leaves(x=2)
    text = "Exactly at the kink: the operand of relu is 0. From the left the slope is 0, from the right it is 3."
    after = "At the kink the engine takes 0, as PyTorch does. Any number between the two slopes could be defended."
    yield Exercise("relu at its kink", text, relu(x * 3 - 6), x, after)

    a, b = _leaves(a=1.5, b=1.5)
    text = "The larger of two equal numbers, times 4. Who gets the gradient? The engine treats both alike."
    after = "In a tie the engine gives each operand half, as PyTorch and JAX do."
    yield Exercise("A tie", text, maximum(a, b) * 4, a, after)

    a, b = _leaves(a=1, b=2)
    text = (
        "Two logits a and b; softmax makes probabilities of them, and the loss is -log of the first. The detached "
        "maximum keeps exp from overflowing, and is a plain number for backprop."
    )
    after = "Softmax with cross-entropy: the gradient of the right class is its probability minus 1."
    yield Exercise("Softmax and cross-entropy", text, -log(softmax([a, b])[0]), a, after)


def _networks() -> Iterator[Exercise]:
    x1, x2, w1, w2, b = _leaves(x1=2, x2=-1, w1=0.5, w2=1.5, b=0.8)
    text = "One neuron: two inputs, two weights, a bias and tanh."
    neuron = tanh(x1 * w1 + x2 * w2 + b)
    yield Exercise("One neuron", text, neuron, w1, "A weight's gradient is its input times the neuron's.")

    x, w, b = _leaves(x=2, w=0.5, b=-0.6)
    text = "A neuron that should answer 1, and the squared error. In which direction should w move?"
    after = "The gradient is negative: a larger w makes the loss smaller."
    yield Exercise("A neuron and its error", text, (tanh(x * w + b) - 1) ** 2, w, after)

    w, x = _leaves(w=2, x=1)
    text = "The same weight w is used twice, once inside the other: both uses count."
    yield Exercise("A shared weight", text, tanh(w * x) * w, w, "As in a recurrent network: a term for each use.")

    (x,) = _leaves(x=1)
    text = "Four sigmoids in a row. Each multiplies the gradient by less than 0.25: what is left for x?"
    chain = sigmoid(sigmoid(sigmoid(sigmoid(x))))
    yield Exercise("A vanishing gradient", text, chain, x, "Every layer takes its share: gradients vanish with depth.")

    loss, weight = _two_layers()
    text = "Two inputs, two hidden neurons, one output, and the squared error. Go back to w1, in the first layer."
    after = "Backprop walks each path once, for all weights together."
    yield Exercise("A two-layer net", text, loss, weight, after)

    x, w = _leaves(x=2, w=1.5)
    text = (
        "One step of gradient descent with rate 0.05: w moves by -0.05 * dL/dw. Does L rise or fall? Predict by how "
        "much, to first order: slope times move."
    )
    yield Exercise(
        "A step downhill", text, (x * w - 1) ** 2, w, "A small step along the negative gradient lowers L.", 0.05
    )


def _two_layers() -> tuple[Value, Value]:
    x1, x2 = _leaves(x1=1, x2=-2)
    w1, w2, w3, w4 = _leaves(w1=0.5, w2=-0.25, w3=1, w4=0.75)
    u1, u2, b = _leaves(u1=1.5, u2=-2, b=0.5)
    hidden1, hidden2 = tanh(x1 * w1 + x2 * w2), relu(x1 * w3 + x2 * w4 + 2)
    return (hidden1 * u1 + hidden2 * u2 + b - 1) ** 2, w1
