"""The arguments of ``gradstep``."""

from __future__ import annotations

import argparse
from typing import NoReturn

from engine import __version__
from nn.cli import formulas, predict, train
from nn.validation import plain_label

_FORMULA_HELP = (
    "a formula of numbers, names, + - * / ** and functions such as tanh, exp, relu; "
    "it is parsed and never executed (quote it for the shell)"
)

LONGEST = 1000  # characters of a message, which may repeat what was given


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gradstep: {plain_label(message, LONGEST)}; {self.prog} --help tells more\n")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of an argument, where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        tells_none = action.default in (None, []) or isinstance(action.default, bool)
        return action.help if tells_none else super()._get_help_string(action)


def parser() -> argparse.ArgumentParser:
    """Every subcommand with its arguments and help."""
    main_parser: argparse.ArgumentParser = _Parser(
        prog="gradstep", description="Neural networks and backprop, made of single numbers that you can look at."
    )
    main_parser.add_argument("--version", action="version", version=f"gradstep {__version__}")
    subcommands = main_parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_train(subcommands)
    _add_predict(subcommands)
    _add_draw(subcommands)
    _add_step(subcommands)
    return main_parser


def _add_train(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = subcommands.add_parser(
        "train",
        help="train a multilayer perceptron and test it on examples held out",
        description="Train a multilayer perceptron of Values; report its accuracy on examples it has never seen; write "
        "the model and a picture of the graph of one neuron.",
        formatter_class=_Help,
    )
    command.set_defaults(run=train.train)
    command.add_argument(
        "data",
        metavar="DATA",
        help="digits (1,797 handwritten digits, needs scikit-learn), moons, xor, mnist (60,000 handwritten digits, "
        "with --data), or a CSV file of numbers and texts, whose last column is the target; names in its first line "
        "are recognised",
    )
    command.add_argument(
        "--data",
        metavar="FOLDER",
        dest="folder",
        help="the folder with the four files of the MNIST database, for mnist",
    )
    command.add_argument("--target", metavar="COLUMN", help="the column to predict (default: the last one)")
    command.add_argument(
        "--drop", metavar="COLUMN", action="append", default=[], help="leave this column out; may be given again"
    )
    _add_header(command)
    task = command.add_mutually_exclusive_group()
    task.add_argument(
        "--regression", action="store_true", default=None, help="the target is a number to meet (default: looks at it)"
    )
    task.add_argument(
        "--classification", action="store_false", dest="regression", default=None, help="the target is a class"
    )
    command.add_argument("--hidden", metavar="32,16", help="sizes of the hidden layers (default: fits the data)")
    command.add_argument("--activation", default="relu", help="of the hidden layers: relu, tanh, sigmoid, gelu, ...")
    command.add_argument("--epochs", type=int, help="how often to go through the examples (default: fits the data)")
    command.add_argument("--batch-size", type=int, help="how many examples make a step (default: 32, for mnist 128)")
    command.add_argument(
        "--rate", "--lr", "--learning-rate", type=float, help="learning rate (default: fits the optimizer)"
    )
    command.add_argument(
        "--optimizer", choices=["adam", "adamw", "sgd"], help="how steps are taken (default: adam, for mnist adamw)"
    )
    command.add_argument("--seed", type=int, default=0, help="same seed, same result")
    command.add_argument("--test-share", type=float, help="the share of the examples that is held out (default: 0.2)")
    command.add_argument("--out", metavar="MODEL", help="where the model goes (default: DATA.json in this folder)")
    command.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="keep the run in this file after each epoch; where it is there, the run goes on from it",
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_predict(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = subcommands.add_parser(
        "predict",
        help="what a trained model says to the rows of a CSV file",
        description="Print a class, or a number, for each row of a CSV file, one a line. The columns are those of "
        "training, by name in any order; the target may be among them or not.",
    )
    command.set_defaults(run=predict.predict)
    command.add_argument("model", metavar="MODEL", help="a file that `gradstep train` wrote")
    command.add_argument("file", metavar="FILE.csv", help="the rows; names in the first line are recognised")
    _add_header(command)
    command.add_argument(
        "--probabilities", action="store_true", help="print a probability for each class, under a line of the classes"
    )


def _add_header(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="the first line has the names of the columns, or has not (default: looks at it)",
    )


def _add_draw(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    draw = subcommands.add_parser(
        "draw",
        help="draw the computation graph of a formula",
        description='Draw a formula, data and gradient on every node: gradstep draw "tanh(x*w + b)" x=2 w=-3 b=6.88',
    )
    draw.set_defaults(run=formulas.draw)
    _add_formula(draw)
    draw.add_argument(
        "--out", metavar="FILE", default="graph.svg", help="svg, png, pdf or gv by its ending (default: graph.svg)"
    )
    draw.add_argument("--theme", default="light", help="light, dark or print (default: light)")
    draw.add_argument("--direction", default="LR", help="LR, RL, TB or BT: the way that arrows point (default: LR)")
    draw.add_argument("--precision", type=int, default=4, help="significant digits of the numbers (default: 4)")
    draw.add_argument("--derivatives", action="store_true", help="write the local derivatives beside the arrows")
    draw.add_argument("--most", type=int, default=150, help="fold what is far away beyond so many boxes (default: 150)")
    draw.add_argument("--timeout", type=float, default=20.0, help="give up after so many seconds (default: 20)")


def _add_step(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    step = subcommands.add_parser(
        "step",
        help="walk through the backprop of a formula",
        description="Print backprop one step a row: a node whose gradient is complete, the local derivative with "
        "respect to each operand, and what it hands to whom. With --html, write a page to walk through it instead.",
    )
    step.set_defaults(run=formulas.step)
    _add_formula(step)
    step.add_argument(
        "--html", metavar="FILE", help="write a page for the browser; with the ending .gif, an animation for a slide"
    )


def _add_formula(subcommand: argparse.ArgumentParser) -> None:
    subcommand.add_argument("formula", metavar="FORMULA", help=_FORMULA_HELP)
    subcommand.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", help="a number for each name in the formula")
