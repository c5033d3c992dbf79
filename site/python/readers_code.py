"""Lines of Python that a reader wrote: run, with their errors in words, and made into a script for elsewhere."""

import ast
import builtins
import io
import traceback
import warnings
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import engine
from engine import Value

_NAME = "<code>"
_LONGEST_PRINTED = 10_000  # characters
_MOST_ROOTS = 50
_HERE = "this page has gradstep's engine and nn, and Python's standard library"


class CodeError(Exception):
    """What went wrong in a reader's lines, in words; *line* counts from 1, 0 where it is none of them."""

    def __init__(self, message: str, line: int, printed: str) -> None:
        super().__init__(message)
        self.line, self.printed = line, printed


class Done(NamedTuple):
    """What the lines made: the graph's root, its *name* ("" for the last expression), and all variables."""

    root: Value
    name: str
    roots: list[str]
    variables: dict[str, Any]
    printed: str


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed."""

    def write(self, text: str) -> int:
        room = _LONGEST_PRINTED - self.tell()
        if room > 0:
            super().write(text if len(text) <= room else text[:room] + "\n… and more")
        return len(text)


def run_code(code: str, root: str = "") -> Done:
    """Run the lines; all public names of ``engine`` are there without an import.

    Raises:
        CodeError: Python raised an error, or there is no Value to draw.
    """
    printed = _Printed()
    try:
        with redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            variables, last = _execute(code)
    except BaseException as error:  # SystemExit, too, is the reader's
        raise CodeError(*_in_words(error, code), printed.getvalue()) from None
    made = _made_in_order(code, variables)
    if root and root not in made:
        raise CodeError(f"the variable {root} must be a Value, got none of that name", 0, printed.getvalue())
    if not root and not isinstance(last, Value) and not made:
        got = "nothing" if last is None else f"{type(last).__name__} {last!r:.60}"
        advice = "the last line must be a Value, such as x * y, or some line must give one a name"
        raise CodeError(f"{advice}; the last line gives {got}", 0, printed.getvalue())
    name = root or ("" if isinstance(last, Value) else made[-1])
    chosen = made[-_MOST_ROOTS:]
    return Done(variables[name] if name else last, name, chosen, variables, printed.getvalue())


def standalone(code: str, name: str) -> str:
    """The lines as a script that draws the same graph: with the imports, and what to do with the root."""
    tree = ast.parse(code)
    lines = code.rstrip().splitlines()
    if not name:
        last = tree.body[-1]
        lines[last.lineno - 1] = _before(lines[last.lineno - 1], last.col_offset, "result = ")
        name = "result"
    names = sorted({*_from_engine(tree), "draw", "stepper"} - _imported(tree))
    imports = f"from engine import {', '.join(names)}\n\n" if names else ""
    ends = [f"if {name}.grad == 0.0:", f"    {name}.backward()"]
    ends += [f'draw({name}, names=globals()).save("graph.svg")']
    ends += [f'stepper({name}, names=globals()).save("backprop.html")  # in Jupyter, stepper({name}) shows it']
    return imports + "\n".join([*lines, "", *ends, ""])


def _from_engine(tree: ast.Module) -> set[str]:
    """The public names of ``engine`` that the lines use, without those of Python itself, such as ``compile``."""
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return (used & {*engine.__all__}) - {*dir(builtins)}


def _imported(tree: ast.Module) -> set[str]:
    imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name for n in imports for alias in n.names}


def _before(line: str, offset: int, text: str) -> str:
    """A line with a text at an offset that counts bytes, as those of ``ast`` do."""
    data = line.encode()
    return (data[:offset] + text.encode() + data[offset:]).decode()


def _execute(code: str) -> tuple[dict[str, Any], Any]:
    """Run the lines; all variables, and the value of the last line where it is an expression."""
    tree = ast.parse(code, _NAME)
    given = {name: getattr(engine, name) for name in _from_engine(tree)} | {"input": _refuse_input}
    space: dict[str, Any] = {"__name__": "__main__", **given}
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, _NAME, "exec"), space)
    value = None
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), _NAME, "eval"), space)
    own = {name: thing for name, thing in space.items() if given.get(name) is not thing and name[:2] != "__"}
    return own, value


def _refuse_input(*_: object) -> str:
    raise RuntimeError("a page cannot ask for input; write it in the code, such as x = 2.0")


def _made_in_order(code: str, variables: dict[str, Any]) -> list[str]:
    """The variables that are Values with operands, the one that was bound last at the end."""
    bound: list[str] = []
    for statement in ast.parse(code).body:
        bound += [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    order = list(dict.fromkeys(reversed(bound)))[::-1]
    return [name for name in order if isinstance(value := variables.get(name), Value) and value.operands]


def _in_words(error: BaseException, code: str) -> tuple[str, int]:
    """The error with the line that it comes from, and that line's number."""
    message = " ".join(str(error).split()) or "no more is said"
    if isinstance(error, SyntaxError):
        line, message = error.lineno or 0, error.msg or message
    else:
        places = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _NAME]
        line = places[-1] or 0 if places else 0
    if isinstance(error, ModuleNotFoundError):
        message += f"; {_HERE}" + ("; write: from engine import Value" if "micrograd" in message else "")
    if isinstance(error, RecursionError):
        message = "a function calls itself too often, or the graph is too deep for a browser"
    if isinstance(error, SystemExit):
        message = "the code ended itself"
    text = code.splitlines()[line - 1].strip() if 0 < line <= len(code.splitlines()) else ""
    where = f"line {line}, {text[:80]}\n" if text else ""
    return f"{where}{type(error).__name__}: {message}", line
