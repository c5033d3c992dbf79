"""Break the engine in every small way that cosmic-ray knows: does a test notice each change of a number?

    pip install -e ".[test]" cosmic-ray
    python proof/mutants.py            # engine/value.py, derivatives.py and node.py, where every number is made
    python proof/mutants.py node       # one of them

Each mutant is one change of one module (another operator, another number, a condition turned round) in a copy of the
project, and runs against the tests that pin that module's numbers, until one fails. What survives is shown as a diff,
unless ``mutants.toml`` beside this file says why it is equivalent: why nobody could tell it from the original by a
number. The status is 1 if another one survives, or if an entry there is out of date.

Three kinds are not run. A change within an annotation computes nothing. A class or an operation is equal to itself
alone, so that ``type(x) == float`` is ``type(x) is float``. And where all arithmetic is of floats, as in value.py and
derivatives.py, an operator of bits in place of ``+ - * / **`` is a TypeError wherever the changes to other arithmetic
are noticed.

Needs ``os.fork``: the tests' libraries are imported once, and a process for each mutant has them at once. Each
processor runs mutants in a copy of its own.
"""

import argparse
import ast
import difflib
import gc
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
EQUIVALENT = Path(__file__).with_name("mutants.toml")
COPIED = ("engine", "nn", "tests", "proof", "docs", "pyproject.toml")
TESTS = {  # the quickest to notice come first
    "value": (
        *("proof/test_accuracy", "engine/test_value", "engine/test_errors", "engine/test_operations"),
        *("engine/test_functions", "engine/test_numpy", "engine/test_micrograd_code"),
        *("engine/debugging/test_gradcheck", "engine/test_calculus", "engine/test_equality"),
        *("engine/test_copying", "engine/compiler/test_recording", "nn/training/test_recorded"),
    ),
    "derivatives": ("proof/test_accuracy", "engine/test_rules", "engine/test_calculus", "engine/compiler/test_program"),
    "node": (
        *("engine/test_micrograd_code", "engine/debugging/test_gradcheck", "engine/test_threads"),
        *("engine/test_calculus", "engine/test_errors", "engine/test_backprop", "engine/compiler/test_passes"),
        *("engine/test_graph", "engine/test_gradient_graphs", "engine/test_reentrancy", "engine/test_equality"),
    ),
}
SLOW = "mpmaths or finite_differences or second_path"  # parts of test_operations.py; test_accuracy.py measures the same
LIMITED = "no_memory_left"  # sets a limit of memory itself
OF_FLOATS = ("value", "derivatives")  # the modules with no arithmetic of whole numbers, but for shifts
FLOAT_TO_BITS = re.compile(r".*_(Add|Sub|Mul|Div|Pow)_(RShift|LShift|BitOr|BitAnd|BitXor)")
ANYTHING = "*"
LONGEST = 120  # seconds of processor time for a mutant; the tests need ten
LARGEST = 6 * 2**30  # bytes; a mutant may build a graph without end


class Mutant(NamedTuple):
    """A change, known by its text, so that it is the same one after the lines around it moved."""

    module: str
    where: str  # the function or class
    line: str
    becomes: str


class Bare(ast.NodeTransformer):
    """A tree with no annotations, in which classes and operations are compared by ``is``."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("annotation", "returns"):
            if getattr(node, field, None) is not None:
                setattr(node, field, ast.Constant(None))
        return super().generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        asks_type = isinstance(node.left, ast.Call) and getattr(node.left.func, "id", "") == "type"
        if asks_type or getattr(node.left, "attr", "") == "_operation":
            alike = {ast.Eq: ast.Is, ast.NotEq: ast.IsNot}
            node.ops = [alike.get(type(op), type(op))() for op in node.ops]
        return self.generic_visit(node)


def bare(code: str) -> str:
    """What of the code can compute something."""
    try:
        return ast.dump(Bare().visit(ast.parse(code)))
    except SyntaxError:
        return code


def code_of(line: str) -> str:
    """A line without its comment."""
    return line.partition("  # ")[0].strip()


def mutants(module: str, path: Path, folder: Path) -> Iterator[tuple[Mutant, str, str]]:
    """Each mutant, with the code and the diff."""
    from cosmic_ray.commands import init
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    from cosmic_ray.work_db import use_db

    original = path.read_text(encoding="utf-8")
    unchanged = bare(original)
    with use_db(folder / f"{module}.sqlite") as session:
        init([path], session, {})
        changes = [change for item in session.work_items for change in item.mutations]
    for change in sorted(changes, key=lambda change: (change.start_pos, change.operator_name, change.occurrence)):
        if module in OF_FLOATS and FLOAT_TO_BITS.fullmatch(change.operator_name):
            continue
        code = mutate_code(original, get_operator(change.operator_name)(), change.occurrence)
        if code is None or bare(code) == unchanged:
            continue
        diff = list(difflib.unified_diff(original.splitlines(), code.splitlines(), path.name, path.name, "", "", 2, ""))
        old, new = (" ".join(code_of(line[1:]) for line in diff[2:] if line[0] == sign) for sign in "-+")
        yield Mutant(module, change.definition_name or "", old, new), code, "\n".join(diff)


def noticed(copy: Path, module: str, silent: bool = True) -> bool:
    """Whether a test fails, in a process of its own that starts with what is imported here."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    status = 1  # an import that fails is noticed as well
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        resource.setrlimit(resource.RLIMIT_AS, (LARGEST, LARGEST))
        if silent:
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.chdir(copy)
        sys.path[0] = str(copy)
        import pytest

        options = ["-x", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants"]
        options += ["-k", f"not ({SLOW} or {LIMITED})"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is imported already
        status = int(pytest.main([*options, *(f"tests/{name}.py" for name in TESTS[module])]))
    finally:
        os._exit(status)


def copy_project(folder: Path) -> None:
    folder.mkdir()
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd"))
        else:
            shutil.copy2(source, target)


def prepare() -> None:
    """Import what the tests import, but nothing of gradstep; and let hypothesis choose the same examples each time."""
    import hypothesis
    import mpmath  # noqa: F401
    import numpy  # noqa: F401
    import pandas  # noqa: F401
    import pytest  # noqa: F401

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # the first failure is enough, however long
    hypothesis.settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=phases)
    gc.freeze()


OWN: list[Path] = []
"""The copy of the project in which this process breaks modules."""


def take(copies: "multiprocessing.SimpleQueue[Path]") -> None:
    OWN.append(copies.get())


def survives(module: str, code: str) -> bool:
    OWN[0].joinpath("engine", f"{module}.py").write_text(code, encoding="utf-8")
    return not noticed(OWN[0], module)


def survivors(module: str, folder: Path, known: set[Mutant]) -> tuple[int, list[Mutant]]:
    """How many mutants were run, and those which no test noticed; shows each that is not known."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    copies = [folder / f"{module}{number}" for number in range(os.cpu_count() or 1)]
    for copy in copies:
        copy_project(copy)
        queue.put(copy)
    if noticed(copies[0], module, silent=False):
        sys.exit(f"{module}: the tests fail before anything is broken")
    sys.dont_write_bytecode = True  # or a mutant made within the same second would run as the one before it
    made = list(mutants(module, copies[0] / "engine" / f"{module}.py", folder))
    found = []
    with context.Pool(len(copies), take, (queue,)) as pool:
        survive = pool.imap(partial(survives, module), [code for _, code, _ in made])
        for count, ((mutant, _, diff), alive) in enumerate(zip(made, survive), 1):
            if alive:
                found.append(mutant)
                if not entries_for(mutant) & known:
                    print(f"\n{module}, {mutant.where}: no test notices\n{diff}", flush=True)
            if count % 100 == 0:
                print(f"{module}: {count} of {len(made)} mutants so far, {len(found)} survive", flush=True)
    return len(made), found


def entries_for(mutant: Mutant) -> set[Mutant]:
    """The entries of mutants.toml that would speak of it."""
    return {mutant, mutant._replace(becomes=ANYTHING)}


def known_to_be_equivalent(module: str) -> set[Mutant]:
    """The entries of mutants.toml for a module; one that does not say what becomes of its line has ANYTHING there."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return {
        Mutant(module, entry["where"], entry["line"], text)
        for entry in entries
        for text in entry.get("becomes", [ANYTHING])
        if entry["module"] == module and entry["why"]
    }


def judged(module: str, folder: Path) -> bool:
    """Whether every survivor is known to be equivalent, and every one that is known survives; says which are not."""
    known = known_to_be_equivalent(module)
    count, found = survivors(module, folder, known)
    met = known & {entry for mutant in found for entry in entries_for(mutant)}
    left = [mutant for mutant in found if not entries_for(mutant) & known]
    killed, equivalent = count - len(found), len(found) - len(left)
    print(f"{module}: {count} mutants, {killed} killed, {equivalent} equivalent, {len(left)} that no test notices")
    for entry in known - met:
        print(f"\n{EQUIVALENT.name} has one that does not survive, or is gone: {module}, {entry.where}:")
        print(f"-{entry.line}\n+{entry.becomes}")
    return not left and known == met


def main() -> int:
    """The status is 0 if nothing was found."""
    parser = argparse.ArgumentParser(description="Look for changes of the engine's numbers that no test notices.")
    parser.add_argument("module", nargs="?", choices=list(TESTS), help="what to break (all, unless given)")
    module = parser.parse_args().module
    prepare()
    with tempfile.TemporaryDirectory(prefix="gradstep-mutants-") as folder:
        good = [judged(each, Path(folder)) for each in ([module] if module else TESTS)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
