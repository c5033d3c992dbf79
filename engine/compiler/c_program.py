"""A recorded graph as a program in C99: straight-line text of its numbers and its gradient, from the one table."""

import re
from collections.abc import Iterable, Iterator, Sequence

from engine.compiler.statements import Statements, block_comment
from engine.compiler.trace import Record
from engine.expressions.c_functions import domain, function, parts_of, refusals, with_helpers
from engine.expressions.writers import c, c_number
from engine.operations import CONSTANT

_READ_ONLY = ("x", "w")
_PUBLIC = {"values": ["x", "w", "y", "work"], "gradient": ["x", "w", "y", "dx", "dw", "work"]}
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_COMMENT = """PREFIX: a graph of {n_computed:,} operations, for one example. Written by gradstep.

{values};
    writes the outputs into y.
{gradient};
    does so, and writes the derivatives of y[{output}] with respect to x and w into dx and dw.

{weights} work is memory for as many numbers as the last
#define says; calls that run at the same time need one each. Compile this without -ffast-math, which
would change numbers.

Both return 0. Where an operation refuses its operands they stop, and return n where it is the one that
computes v[n - 1]. Operations on a, or on a and b, that refuse some:
"""
_WEIGHTS = "w may be PREFIX_weights, or other numbers.", "There are no weights, and w may be NULL."


def c_text(
    record: Record, weights: Sequence[float], labels: Sequence[str], name: str, output: int = 0, comment: str = ""
) -> str:
    """A file in C99 that computes a graph and the gradient of one *output*, for one example; it needs libm alone.

    Parameters become a table of *weights*; *labels*, of inputs and then of parameters, go into the comment. Characters
    of the *name* that C has not in names become ``_``. Raises a ValueError if a function of Python computes a node.
    """
    program, prefix = _Program(record, output), re.sub(r"^(?![A-Za-z])", "program_", _NO_NAME.sub("_", name))
    code = program.table(weights) + "\n".join(program.functions())
    sizes = {"INPUTS": record.n_inputs, "PARAMETERS": record.n_parameters, "OUTPUTS": len(record.outputs)}
    sizes["WORK"] = max(1, program.n_computed + program.statements.n_gradients)
    defined = "".join(f"#define {prefix.upper()}_N_{what} {size}\n" for what, size in sizes.items())
    head = _comment(program, output, prefix, [*comment.splitlines(), *program.statements.labelled(labels)])
    text = f"#include <math.h>\n\n{defined}\n{with_helpers(code)}"
    return head + text.replace("PREFIX", prefix)


class _Program:
    """The functions of a program, and what they are made of."""

    def __init__(self, record: Record, output: int) -> None:
        self.record, self.statements = record, Statements(record, "C", c, c_number)
        self.names, self.n_computed = self.statements.names, self.statements.n_computed
        self.forward = list(self._forward())
        self.backward = list(self.statements.backward(output))

    def table(self, weights: Sequence[float]) -> str:
        if not weights:
            return ""
        numbers = "".join(f"    {c_number(number)},\n" for number in weights)
        return f"const double PREFIX_weights[{len(weights)}] = {{\n{numbers}}};\n\n"

    def functions(self) -> Iterator[str]:
        """Those that do the work, bounded in length, and those that people call."""
        calls: dict[str, list[str]] = {}
        for name, statements in (("forward", self.forward), ("backward", self.backward)):
            calls[name] = []
            for index, body in enumerate(parts_of(statements)):
                part, arrays = f"PREFIX_{name}{index}", _used(body, ["x", "w", "v", "g", "dx", "dw"])
                call, returns = f"{part}({', '.join(arrays)});", bool(_used(body, ["return"]))
                calls[name] += [f"refused = {call}", "if (refused) return refused;"] if returns else [call]
                signature = _signature("long" if returns else "void", part, arrays)
                yield function(f"static {signature}", [*body, *["return 0;"] * returns])
        results = [f"y[{i}] = {self.names[place]};" for i, place in enumerate(self.record.outputs)]
        sizes = {"dx": self.record.n_inputs, "dw": self.record.n_parameters}
        zeros = [f"for (i = 0; i < {size}; i++) {array}[i] = 0.0;" for array, size in sizes.items() if size]
        yield self._public("values", [*calls["forward"], *results])
        yield self._public("gradient", [*calls["forward"], *results, *zeros, *calls["backward"]])

    def _public(self, name: str, body: list[str]) -> str:
        """A function that people call: what it declares is what its body uses."""
        declared = {"i": "long i;", "refused": "long refused;", "v": "double *v = work;"}
        declared["g"] = f"double *g = work + {self.n_computed};"
        used = [declared[variable] for variable in _used(body, declared)]
        arrays = _PUBLIC[name]
        unused = [f"(void){array};" for array in arrays if array not in _used([*used, *body], arrays)]
        return function(_signature("long", f"PREFIX_{name}", arrays), [*used, *unused, *body, "return 0;"])

    def _forward(self) -> Iterator[str]:
        """A statement for each node, and a return where its operation refuses its operands."""
        record, keys = self.record, self.statements.keys
        for count, (place, statement) in enumerate(self.statements.forward(), 1):
            operands = self.statements.operands[place]
            numbers = [record.numbers[i] if record.ops[i] == CONSTANT else None for i in operands]
            yield statement
            for condition in refusals(keys[place], self.names[place], [self.names[i] for i in operands], numbers):
                yield f"if ({condition}) return {count};"


def _used(lines: Iterable[str], names: Iterable[str]) -> list[str]:
    words = set(re.findall(r"\w+", "\n".join(lines)))
    return [name for name in names if name in words]


def _signature(kind: str, name: str, arrays: Sequence[str]) -> str:
    arguments = (f"const double *{array}" if array in _READ_ONLY else f"double *{array}" for array in arrays)
    return f"{kind} {name}({', '.join(arguments)})"


def _comment(program: _Program, output: int, prefix: str, words: Sequence[str]) -> str:
    """What a reader needs to know to call the functions, and *words* that users may have chosen."""
    signatures = {name: _signature("long", f"PREFIX_{name}", arrays) for name, arrays in _PUBLIC.items()}
    signatures["weights"] = _WEIGHTS[program.record.n_parameters == 0]
    lines = _COMMENT.format(n_computed=program.n_computed, output=output, **signatures).splitlines()
    lines += [f"    {need}" for need in sorted({*map(domain, program.statements.keys)} - {""})] or ["    none"]
    lines = [line.replace("PREFIX", prefix) for line in lines]
    return block_comment([*lines, ""], words)
