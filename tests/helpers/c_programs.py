"""Programs in C, compiled by the machine's compiler and run, for the tests that compare them with the engine."""

import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from engine.compiler import Program

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(CC is None, reason="there is no C compiler here")
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
_FRAME = """#include <stdio.h>
#include <stdlib.h>
#include <math.h>

%s
static double number(void)
{
    char text[64];
    return scanf("%%63s", text) == 1 ? strtod(text, NULL) : (exit(1), 0.0);
}

static void show(const double *numbers, int n)
{
    while (n--) printf("%%a ", *numbers++);
}

#define RUN(count, name, n_x, n_w, n_y, n_work) { \\
    static double x[n_x + 1], w[n_w + 1], y[n_y], z[n_y], dx[n_x + 1], dw[n_w + 1], work[n_work]; \\
    long refused; \\
    int i, row; \\
    for (row = 0; row < count; row++) { \\
    for (i = 0; i < n_work; i++) work[i] = NAN; \\
    for (i = 0; i < n_x; i++) x[i] = number(); \\
    for (i = 0; i < n_w; i++) w[i] = number(); \\
    refused = name##_gradient(x, w, y, dx, dw, work); \\
    if (name##_values(x, w, z, work) != refused) return 2; \\
    printf("%%ld ", refused); \\
    if (!refused) { \\
        for (i = 0; i < n_y; i++) if (z[i] != y[i] && !isnan(z[i])) return 3; \\
        show(y, n_y); show(dx, n_x); show(dw, n_w); \\
    } \\
    putchar('\\n'); \\
} }

int main(void)
{
%s    return 0;
}
"""
_DECLARED = """long {0}_values(const double *x, const double *w, double *y, double *work);
long {0}_gradient(const double *x, const double *w, double *y, double *dx, double *dw, double *work);
"""


def size_of(folder: Any, name: str, what: str) -> int:
    """A number that a program's file defines."""
    text = (folder / f"{name}.c").read_text("utf-8")
    return int(text.partition(f"_N_{what} ")[2].partition("\n")[0])


def run(folder: Any, names: Sequence[str], rows: Sequence[Sequence[Sequence[float]]]) -> list[list[Any]]:
    """What the programs of these files make of their rows of inputs and weights.

    For each row the outputs, the gradient in the inputs and that in the weights; or the place of what was refused.
    """
    sizes = [[size_of(folder, name, what) for what in ("INPUTS", "PARAMETERS", "OUTPUTS", "WORK")] for name in names]
    body = "".join(
        f"    RUN({len(row)}, {name}, {', '.join(map(str, size))})\n"
        for name, size, row in zip(names, sizes, rows, strict=True)
    )
    (folder / "main_.c").write_text(_FRAME % ("".join(_DECLARED.format(name) for name in names), body))
    compile_c(folder, *(f"{name}.c" for name in names), "main_.c", "-lm", "-o", "main_")
    numbers = " ".join(repr(float(x)) for program in rows for row in program for x in row)
    done = subprocess.run([folder / "main_"], input=numbers, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = iter(done.stdout.splitlines())
    return [[_read(next(lines)) for _ in row] for row in rows]


def compile_c(folder: Any, *arguments: str) -> None:
    """Compile, with every warning an error."""
    done = subprocess.run([CC, *FLAGS, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_one(folder: Any, program: Program, rows: Sequence[Sequence[float]], output: int = 0) -> list[Any]:
    """What one program makes of rows of inputs, with its own weights."""
    program.save(folder / "one.c", output)
    weights = program.weights.tolist()
    return run(folder, ["one"], [[[*row, *weights] for row in rows]])[0]


def _read(line: str) -> Any:
    refused, *numbers = line.split()
    return int(refused) or [float.fromhex(number) for number in numbers]
