"""The command ``gradstep``: train a network, predict with it, draw a formula's graph, walk through its backprop."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine import __version__
from engine.validation import plain_label
from nn import commands

_FORMULA_HELP = (
    "a formula of numbers, names, + - * / ** and functions such as tanh, exp, relu; "
    "it is parsed and never executed (quote it for the shell)"
)

_LONGEST = 1000  # characters of a message, which may repeat what was given


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gradstep: {plain_label(message, _LONGEST)}; {self.prog} --help tells more\n")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of an argument, where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


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
    train = subcommands.add_parser(
        "train",
        help="train a multilayer perceptron and test it on examples held out",
        description="Train a multilayer perceptron of Values; report its accuracy on examples it has never seen; write "
        "the model and a picture of the graph of one neuron.",
        formatter_class=_Help,
    )
    train.set_defaults(run=commands.train)
    train.add_argument(
        "data",
        metavar="DATA",
        help="digits (1,797 handwritten digits, needs scikit-learn), moons, xor, mnist (60,000 handwritten digits, "
        "with --data), or a CSV file: numbers, and in the last column the class; a header row is recognised",
    )
    train.add_argument(
        "--data",
        metavar="FOLDER",
        dest="folder",
        help="the folder with the four files of the MNIST database, for mnist",
    )
    train.add_argument("--regression", action="store_true", help="the last column is a number to be met, not a class")
    train.add_argument("--hidden", metavar="32,16", help="sizes of the hidden layers (default: fits the data)")
    train.add_argument("--activation", default="relu", help="of the hidden layers: relu, tanh, sigmoid, gelu, ...")
    train.add_argument("--epochs", type=int, help="how often to go through the examples (default: fits the data)")
    train.add_argument("--batch-size", type=int, help="how many examples make a step (default: 32, for mnist 128)")
    train.add_argument("--rate", type=float, help="learning rate (default: fits the optimizer)")
    train.add_argument(
        "--optimizer", choices=["adam", "adamw", "sgd"], help="how steps are taken (default: adam, for mnist adamw)"
    )
    train.add_argument("--seed", type=int, default=0, help="same seed, same result")
    train.add_argument("--test-share", type=float, help="the share of the examples that is held out (default: 0.2)")
    train.add_argument("--out", metavar="MODEL", help="where the model goes (default: DATA.json in this folder)")
    train.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="keep the run in this file after each epoch; where it is there, the run goes on from it",
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_predict(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    predict = subcommands.add_parser(
        "predict",
        help="what a trained model says to the rows of a CSV file",
        description="Print a class, or a number, for each row of a CSV file, one a line. A target column after the "
        "inputs is left out of account.",
    )
    predict.set_defaults(run=commands.predict)
    predict.add_argument("model", metavar="MODEL", help="a file that `gradstep train` wrote")
    predict.add_argument("file", metavar="FILE.csv", help="the rows; a header row is recognised")


def _add_draw(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    draw = subcommands.add_parser(
        "draw",
        help="draw the computation graph of a formula",
        description='Draw a formula, data and gradient on every node: gradstep draw "tanh(x*w + b)" x=2 w=-3 b=6.88',
    )
    draw.set_defaults(run=commands.draw)
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
    step.set_defaults(run=commands.step)
    _add_formula(step)
    step.add_argument(
        "--html", metavar="FILE", help="write a page for the browser; with the ending .gif, an animation for a slide"
    )


def _add_formula(subcommand: argparse.ArgumentParser) -> None:
    subcommand.add_argument("formula", metavar="FORMULA", help=_FORMULA_HELP)
    subcommand.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", help="a number for each name in the formula")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0, or 1 where something was wrong, said in one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["draw"], ["step"]):  # a space before a formula such as -x tells argparse that it is no option
        given = [f" {text}" if text[:1] == "-" and text[:2] != "--" and text != "-h" else text for text in given]
    options = parser().parse_args(given)
    try:
        options.run(options)
    except RecursionError:
        print("gradstep: the input is nested too deeply", file=sys.stderr)
        return 1
    except (ValueError, TypeError, ArithmeticError, OSError, ModuleNotFoundError, RuntimeError) as error:
        message = str(error)
        if isinstance(error, OSError) and error.strerror:
            message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        print(f"gradstep: {plain_label(message, _LONGEST)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("gradstep: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
