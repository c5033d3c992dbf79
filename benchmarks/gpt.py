"""Training a character-level GPT of 4,192 scalar parameters, written once and run on two kinds of numbers.

    python benchmarks/gpt.py [--quick] [--names FILE] [--steps N]

One is ``Bare``, a class of some forty lines (bare.py), the other ``engine.Value``. They take turns, step by step, with
the garbage collector as it comes, and once more without it; their losses must agree to the last digit.

The model is a decoder of one layer: 16-dimensional embeddings of characters and places, four heads of attention, and an
MLP four times as wide, with RMS normalisation before both and no biases. It learns to continue names, a letter at a
time.
"""

import argparse
import gc
import math
import random
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bare import Bare
from timing import Row, clock, for_this_build, options, report

from engine import Value, leaves

WIDTH, HEADS, BLOCK = 16, 4, 16  # of an embedding; of attention; the longest text in characters
HEAD = WIDTH // HEADS
N_PARAMETERS = 4192
LEARNING_RATE, BETA1, BETA2, EPSILON = 0.01, 0.9, 0.95, 1e-8

Numbers = Sequence[Any]
Matrix = list[list[Any]]


def matrix(kind: type, n_outputs: int, n_inputs: int, numbers: random.Random) -> Matrix:
    """A matrix of leaves, small and normally distributed."""
    return [[kind(numbers.gauss(0.0, 0.08)) for _ in range(n_inputs)] for _ in range(n_outputs)]


def product(weights: Matrix, x: Numbers) -> list[Any]:
    """A matrix times a vector."""
    return [sum(wi * xi for wi, xi in zip(w, x)) for w in weights]


def normalised(x: Numbers) -> list[Any]:
    """*x* over its root mean square."""
    mean_square = sum(xi * xi for xi in x) / len(x)
    scale = (mean_square + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def softmax(scores: Numbers) -> list[Any]:
    """Positive shares of 1, from scores."""
    largest = max(score.data for score in scores)
    powers = [(score - largest).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


class GPT:
    """The model, its parameters being numbers of the given *kind*."""

    def __init__(self, kind: type, vocabulary: int) -> None:
        numbers = random.Random(42)  # the same start for every kind
        self.characters = matrix(kind, vocabulary, WIDTH, numbers)
        self.places = matrix(kind, BLOCK, WIDTH, numbers)
        self.query, self.key, self.value, self.merge = (matrix(kind, WIDTH, WIDTH, numbers) for _ in range(4))
        self.widen = matrix(kind, 4 * WIDTH, WIDTH, numbers)
        self.narrow = matrix(kind, WIDTH, 4 * WIDTH, numbers)
        self.output = matrix(kind, vocabulary, WIDTH, numbers)
        self.parameters = [p for weights in vars(self).values() for row in weights for p in row]
        if len(self.parameters) != N_PARAMETERS:
            raise ValueError(f"{len(self.parameters)} parameters instead of {N_PARAMETERS}: other names than expected?")

    def attention(self, x: Numbers, keys: Matrix, values: Matrix) -> list[Any]:
        """What the place with embedding *x* gathers from itself and from the places before it."""
        query = product(self.query, x)
        keys.append(product(self.key, x))
        values.append(product(self.value, x))
        gathered = []
        for head in range(0, WIDTH, HEAD):
            part = slice(head, head + HEAD)
            scores = [sum(q * k for q, k in zip(query[part], key[part])) / math.sqrt(HEAD) for key in keys]
            shares = softmax(scores)
            gathered += [sum(s * v[i] for s, v in zip(shares, values)) for i in range(head, head + HEAD)]
        return product(self.merge, gathered)

    def scores(self, character: int, place: int, keys: Matrix, values: Matrix) -> list[Any]:
        """A score for each character that may come next; *keys* and *values* remember the text so far."""
        x = normalised([c + p for c, p in zip(self.characters[character], self.places[place])])
        x = [a + b for a, b in zip(x, self.attention(normalised(x), keys, values))]
        hidden = [h.relu() for h in product(self.widen, normalised(x))]
        x = [a + b for a, b in zip(x, product(self.narrow, hidden))]
        return product(self.output, x)

    def loss(self, text: Sequence[int]) -> Any:
        """The mean surprise, -log(share of the right character), over the characters of a text."""
        keys: Matrix = []
        values: Matrix = []
        n = min(BLOCK, len(text) - 1)
        surprises = [-softmax(self.scores(text[i], i, keys, values))[text[i + 1]].log() for i in range(n)]
        return sum(surprises) / n


class Adam:
    """Adam (Kingma and Ba, 2015), its learning rate falling to 0 over *n_steps* steps."""

    def __init__(self, parameters: Numbers, n_steps: int) -> None:
        self.parameters, self.n_steps, self.step = parameters, n_steps, 0
        self.means, self.squares = [0.0] * len(parameters), [0.0] * len(parameters)

    def update(self) -> None:
        """Move every parameter against its gradient, and set that to 0."""
        rate = LEARNING_RATE * (1 - self.step / self.n_steps)
        self.step += 1
        correction1, correction2 = 1 - BETA1**self.step, 1 - BETA2**self.step
        for i, p in enumerate(self.parameters):
            gradient = p.grad
            self.means[i] = mean = BETA1 * self.means[i] + (1 - BETA1) * gradient
            self.squares[i] = square = BETA2 * self.squares[i] + (1 - BETA2) * gradient * gradient
            p.data -= rate * (mean / correction1) / (math.sqrt(square / correction2) + EPSILON)
            p.grad = 0.0


class Trainer:
    """A model and its optimizer, on one kind of number."""

    def __init__(self, kind: type, vocabulary: int, n_steps: int) -> None:
        self.model = GPT(kind, vocabulary)
        self.adam = Adam(self.model.parameters, n_steps)
        self.losses: list[float] = []
        self.seconds: list[float] = []

    def step(self, text: Sequence[int]) -> None:
        """Learn from one text, and remember the loss and how long it took, the freeing of the graph included."""
        begin = clock()
        loss = self.model.loss(text)
        loss.backward()
        self.adam.update()
        self.losses.append(loss.data)
        del loss
        self.seconds.append(clock() - begin)


def texts(names: Path) -> tuple[list[list[int]], int]:
    """The names of the file as numbers in a random order, with a mark (the last number) before and after each; and how
    many different characters there are, the mark included."""
    lines = [line.strip() for line in names.read_text(encoding="utf-8").splitlines() if line.strip()]
    alphabet = sorted(set("".join(lines)))
    mark, number = len(alphabet), {character: i for i, character in enumerate(alphabet)}
    random.Random(0).shuffle(lines)
    return [[mark, *(number[c] for c in line), mark] for line in lines], mark + 1


def loss_of_a_name(names: Path) -> tuple[Value, list[Value]]:
    """The loss for the longest of the first names, and the parameters that it is computed from."""
    documents, vocabulary = texts(names)
    model = GPT(Value, vocabulary)
    loss = model.loss(max(documents[:50], key=len))
    used = set(leaves(loss))
    return loss, [parameter for parameter in model.parameters if parameter in used]


def add_names(parser: argparse.ArgumentParser) -> None:
    """Let a command line take the file of names."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "names.txt"
    parser.add_argument("--names", type=Path, default=default, metavar="FILE", help="a text file, one name to a line")


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = options("Training a character-level GPT of 4,192 scalar parameters.")
    add_names(parser)
    parser.add_argument("--steps", type=int, metavar="N", help="how many steps to train (default 40, quick 4)")
    chosen = parser.parse_args()
    chosen.steps = chosen.steps or (4 if chosen.quick else 40)
    return chosen


def measured(names: Path, n_steps: int) -> list[Row]:
    """Train on both kinds of numbers in turns; the rows say how they compare."""
    documents, vocabulary = texts(names)
    rows = [Row(f"losses that agree to the last digit, of {n_steps}", float(n_steps), "steps", at_least=float(n_steps))]
    for collect, words in ((True, ""), (False, ", garbage collector off")):
        bare, ours = trained(documents, vocabulary, n_steps, collect)
        medians = [1e3 * statistics.median(trainer.seconds) for trainer in (bare, ours)]
        print(
            f"  milliseconds a step on this machine (median){words}: bare {medians[0]:.1f}, gradstep {medians[1]:.1f}"
        )
        ratio = statistics.median(b / o for b, o in zip(bare.seconds, ours.seconds))
        bar = for_this_build(compiled=6.0) if collect else None
        rows.append(Row(f"training step, against a bare Value class{words}", ratio, "x faster", at_least=bar))
    return rows


def trained(documents: list[list[int]], vocabulary: int, n_steps: int, collect: bool) -> tuple[Trainer, Trainer]:
    """Both trainers, after *n_steps* steps in turns."""
    bare, ours = Trainer(Bare, vocabulary, n_steps), Trainer(Value, vocabulary, n_steps)
    for i in range(n_steps):
        for trainer in (bare, ours):
            if not collect:
                gc.collect()
                gc.disable()
            trainer.step(documents[i % len(documents)])
            gc.enable()
        if bare.losses[i] != ours.losses[i]:
            raise AssertionError(
                f"step {i + 1}: the loss is {ours.losses[i]!r}, and on bare numbers {bare.losses[i]!r}"
            )
        if collect and (i < 3 or i == n_steps - 1):
            print(f"  step {i + 1:3}: the loss is {ours.losses[i]!r} on both, to the last digit")
    return bare, ours


def main() -> None:
    """Measure and print."""
    chosen = arguments()
    sys.setrecursionlimit(100_000)  # the bare class sorts by recursion
    if chosen.names.is_file():
        print(f"A GPT of {N_PARAMETERS:,} parameters, {chosen.steps} steps of one name each")
        rows = measured(chosen.names, chosen.steps)
    else:
        print(
            f"There is no file {chosen.names}: give one with --names, a text file with one lower-case name to a line."
        )
        rows = [Row("training step, against a bare Value class", None, note="no file of names", at_least=6.0)]
    report("Training a GPT of 4,192 scalar parameters", rows, chosen.rows)


if __name__ == "__main__":
    main()
