"""The command ``gradstep``: train, predict, export, draw a formula, walk through its backprop."""

import os
import sys
import warnings
from collections.abc import Sequence

from nn.cli.arguments import LONGEST, parser
from nn.cli.messages import message_of
from nn.validation import plain_label


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; errors are one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["draw"], ["step"]):  # argparse takes -x for an option, and " -x" not
        given = [f" {text}" if text[:1] == "-" and text[:2] != "--" and text != "-h" else text for text in given]
    try:
        options = parser().parse_args(given)
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)  # what gradstep says itself; it is never an error here
            warnings.showwarning = lambda message, *_: _complain(str(message))
            options.run(options)
        print(end="", flush=True)  # sys.stdout is None where it was closed
    except KeyboardInterrupt as error:
        _complain(message_of(error))
        return 130
    except (ValueError, TypeError, ArithmeticError, OSError, ModuleNotFoundError, RuntimeError, MemoryError) as error:
        if isinstance(error, BrokenPipeError) and error.filename is None:  # as `| head` closes the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        _complain(message_of(error))
        return 1
    return 0


def _complain(message: str) -> None:
    print(f"gradstep: {plain_label(message, LONGEST)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
