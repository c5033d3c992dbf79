"""The arguments of ``gradstep``."""

import argparse
import re
from functools import cache
from itertools import pairwise
from typing import Any, NoReturn

from engine import __version__
from nn.cli import export, formulas, predict, train
from nn.validation import did_you_mean, plain_label, shortened

LONGEST = 1000  # characters of a message, which may repeat an argument
_MOST_WEIGHTS = 100_000_000  # take 20 GB

_EXAMPLES = {
    "train": """
  gradstep train digits
  gradstep train moons --hidden 16,16 --epochs 50 --out moons.json
  gradstep train houses.csv --target price --drop id
  gradstep train houses.csv --coordinator 10.0.0.1:1234 --processes 2 --process 0
""",
    "predict": """
  gradstep predict houses.json new.csv > prices.txt
  gradstep predict digits.json new.csv --probabilities
""",
    "export": """
  gradstep export houses.json houses.c
  gradstep export digits.json firmware/digits.c
  gradstep export houses.json page/houses.js
  gradstep export houses.json houses.onnx
""",
    "draw": """
  gradstep draw "tanh(x*w + b)" x=2 w=-3 b=6.88 --derivatives
  gradstep draw "(a - b)**2" a=1 b=3 --out square.png --theme print
""",
    "step": """
  gradstep step "tanh(x*w + b)" x=2 w=-3 b=6.88
  gradstep step "tanh(x*w + b)" x=2 w=-3 b=6.88 --html backprop.html
""",
}
_MEANT = {"--layers": "--hidden", "--units": "--hidden"}
_SHELLS = ("bash", "zsh", "tcsh")


class _Parser(argparse.ArgumentParser):
    """Prints errors in one line."""

    options: tuple[str, ...] = ()

    def error(self, message: str) -> NoReturn:
        for kind, wanted in (("int", "an int"), ("float", "a number")):
            message = message.replace(f": invalid {kind} value: ", f": must be {wanted}, got ")
        message = re.sub(r", maybe you meant '.*?'\?", "", message)  # Python 3.15 does as below
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        unknown = re.match(r"unrecognized arguments: (--[^ =]+)", message)
        given = choice or unknown
        names = re.findall(r"\w+", choice[2]) if choice else self.options
        meant = did_you_mean(_MEANT.get(given[1], given[1]), names) if given else ""
        self.exit(2, f"gradstep: {plain_label(message, LONGEST)}{meant}; {self.prog} --help tells more\n")


class _Help(argparse.HelpFormatter):
    """Keeps the lines of the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else super()._fill_text(text, width, indent)


class _PrintCompletion(argparse.Action):
    """Prints what makes a shell complete the command's options, by shtab."""

    def __call__(self, command: argparse.ArgumentParser, *arguments: object) -> None:
        try:
            import shtab
        except ImportError:
            command.error('completion needs shtab: pip install "gradstep[completion]"')
        print(shtab.complete(command, shell=str(arguments[1])))
        command.exit()


@cache
def parser() -> argparse.ArgumentParser:
    """The subcommands; the help of each begins with its function's docstring."""
    top = _Parser(
        prog="gradstep",
        description="Neural networks and backprop, made of single numbers that you can look at.",
        epilog="\n".join(["examples:", *(lines.splitlines()[1] for lines in _EXAMPLES.values())]),
        formatter_class=_Help,
    )
    top.add_argument("--version", action="version", version=f"gradstep {__version__}")
    top.add_argument(
        "--print-completion", choices=_SHELLS, action=_PrintCompletion, help="print the shell's completion of all this"
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, run, describe in (
        ("train", train.train, _describe_train),
        ("predict", predict.predict, _describe_predict),
        ("export", export.export, _describe_export),
        ("draw", formulas.draw, _describe_draw),
        ("step", formulas.step, _describe_step),
    ):
        about = run.__doc__ or ""
        words: dict[str, Any] = {"help": about.partition("\n")[0], "description": about, "formatter_class": _Help}
        command = commands.add_parser(name, epilog=f"examples:{_EXAMPLES[name]}", **words)
        command.set_defaults(run=run)
        describe(command)
        top.options = (*top.options, *re.findall(r"--[\w-]+", command.format_help()))
    return top


def _describe_train(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "data",
        metavar="DATA",
        type=_file,
        help="digits (1,797 handwritten digits, needs scikit-learn), moons, xor, mnist (60,000 handwritten digits, "
        "with --data), or a CSV file of numbers and texts, gzipped or not, whose last column is the target; names in "
        "its first line are recognised; - is standard input",
    )
    add("--data", metavar="FOLDER", dest="folder", help="the folder with the four files of MNIST, for mnist")
    add("--target", metavar="COLUMN", help="the column to predict (default: the last one)")
    add("--drop", metavar="COLUMN", action="append", default=[], help="leave this column out; may be given again")
    _describe_header(command)
    task = command.add_mutually_exclusive_group()
    task.set_defaults(regression=None)
    task.add_argument("--regression", action="store_true", help="the target is a number (default: looks at it)")
    task.add_argument("--classification", action="store_false", dest="regression", help="the target is a class")
    add("--hidden", metavar="32,16", type=_sizes, help="sizes of the hidden layers (default: fits the data)")
    add("--activation", default="relu", help="of the hidden layers: relu, tanh, sigmoid, gelu, ... (default: relu)")
    add("--epochs", type=int, help="how often to go through the examples (default: fits the data)")
    add("--batch-size", type=int, help="how many examples make a step (default: 32, for mnist 128)")
    add("--rate", "--lr", "--learning-rate", type=float, help="learning rate (default: fits the optimizer)")
    add("--optimizer", choices=["adam", "adamw", "sgd"], help="how steps are taken (default: adam, for mnist adamw)")
    add("--seed", type=int, default=0, help="same seed, same result (default: 0)")
    add("--test-share", type=float, help="the share of the examples that is held out (default: 0.2)")
    add("--out", metavar="MODEL", help="where the model goes (default: DATA.json in this folder)")
    add("--checkpoint", metavar="FILE", help="keep the run here after each epoch, or go on with the one that is here")
    _describe_backend(command)
    add("--quiet", action="store_true", help="no progress bar")
    several = command.add_argument_group("several processes, on one machine or many, by JAX")
    add = several.add_argument
    add("--coordinator", metavar="HOST:PORT", help="the address of process 0 and a free port; the same in all of them")
    add("--processes", metavar="N", type=int, help="how many there are; start this command in each")
    add("--process", metavar="I", type=int, help="which of them this is, 0 to N - 1; process 0 writes the model")


def _describe_predict(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a file that `gradstep train` wrote")
    what = "the rows, - for standard input; names in the first line are recognised"
    command.add_argument("file", metavar="FILE.csv", type=_file, help=what)
    _describe_header(command)
    _describe_backend(command)
    command.add_argument("--probabilities", action="store_true", help="print those of each class, under its name")


def _describe_export(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a file that `gradstep train` wrote")
    what = "where the program goes: .c, .js or .onnx; in C its names begin with the file's name"
    command.add_argument("out", metavar="FILE", help=what)


def _describe_header(command: argparse.ArgumentParser) -> None:
    what = "the first line has the names of the columns, or has not (default: looks at it)"
    command.add_argument("--header", action=argparse.BooleanOptionalAction, help=what)


def _describe_backend(command: argparse.ArgumentParser) -> None:
    what = "what computes many examples at a time: numpy, c, jax, or jax:4 for 4 devices (default: numpy)"
    command.add_argument("--backend", default="numpy", help=what)


def _describe_draw(command: argparse.ArgumentParser) -> None:
    _describe_formula(command)
    add = command.add_argument
    add("--out", metavar="FILE", default="graph.svg", help="svg, png, pdf or dot by its ending (default: graph.svg)")
    add("--theme", default="auto", help="auto, light, dark or print (default: auto)")
    add("--direction", default="LR", help="LR, RL, TB or BT: the way that arrows point (default: LR)")
    add("--precision", type=int, default=4, help="significant digits of the numbers (default: 4)")
    add("--derivatives", action="store_true", help="write the local derivatives beside the arrows")
    add("--most", type=int, default=150, help="fold what is far away beyond so many boxes (default: 150)")
    add("--timeout", type=float, default=20.0, help="give up after so many seconds (default: 20)")


def _describe_step(command: argparse.ArgumentParser) -> None:
    _describe_formula(command)
    command.add_argument("--html", metavar="FILE", help="write a page for the browser, or an animation: .gif or .mp4")


def _describe_formula(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "formula",
        metavar="FORMULA",
        help="a formula of numbers, names, + - * / ** and functions such as tanh, exp, relu; it is parsed and never "
        "executed (quote it for the shell)",
    )
    command.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", help="a number for each name in the formula")


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(size) for size in text.split(",")]
    except ValueError:
        sizes = [0]
    if min(sizes) < 1 or sum(a * b for a, b in pairwise([1, *sizes, 1])) > _MOST_WEIGHTS:
        must = f"must be sizes above 0, such as 32,16, with at most {_MOST_WEIGHTS:,} weights"
        raise argparse.ArgumentTypeError(f"{must}, got {shortened(text)}")
    return sizes


def _file(text: str) -> str:
    return "/dev/stdin" if text == "-" else text
