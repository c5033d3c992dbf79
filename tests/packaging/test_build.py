"""The installation that runs, compiled or plain: docstrings, signatures, what importing it loads."""

import ast
import gc
import inspect
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from checkout import ROOT

import engine
from engine import Value

FOLDER = Path(next(iter(engine.__path__)))
PUBLIC = sorted(set(engine.__all__) - {"COMPILED"})


def run(program):
    """What a new Python prints; it imports the same installation."""
    paths = f"import sys; sys.path[:0] = [{str(FOLDER.parent)!r}]\n"
    return subprocess.run([sys.executable, "-c", paths + program], capture_output=True, text=True, check=True).stdout


def definitions(file):
    """The functions and classes of a source file, and the methods of its classes, by name."""
    found = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not _is_setter(member):
                    found[f"{node.name}.{member.name}"] = member
    return found


def _is_setter(function):
    return any(isinstance(decorator, ast.Attribute) for decorator in function.decorator_list)


@cache
def sources():
    return {name: node for file in sorted(FOLDER.rglob("*.py")) for name, node in definitions(file).items()}


OF_VALUES = {
    name: node for file in ("node", "provenance", "value") for name, node in definitions(FOLDER / f"{file}.py").items()
}
VALUE_METHODS = {
    name: f"{cls.__name__}.{name}"
    for cls in Value.__mro__
    for name in vars(cls)
    if (not name.startswith("_") or name in ("_prev", "_op", "_backward")) and f"{cls.__name__}.{name}" in OF_VALUES
}
"""Where the source of each method of Value is."""


def modules_loaded_by(program):
    return set(json.loads(run(f"import sys, json\n{program}\nprint(json.dumps(sorted(sys.modules)))")))


def test_importing_loads_nothing_of_others():
    loaded = modules_loaded_by("import engine") - modules_loaded_by("pass")
    others = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"engine"}
    if engine.COMPILED:
        others = {name for name in others if not name.endswith("__mypyc")}  # the library that all its modules are in
    assert others == set()
    for module in ("numpy", "graphviz", "pygraphviz", "tqdm", "mypy_extensions", "pandas", "sklearn", "matplotlib"):
        assert module not in loaded


def test_importing_loads_little_of_pythons_own():
    loaded = modules_loaded_by("import engine") - modules_loaded_by("pass")
    assert not {"engine.drawing", "inspect", "dataclasses", "asyncio", "unittest", "logging"} & loaded


def test_a_program_loads_no_scipy_before_it_has_an_error_function():
    loaded = modules_loaded_by(
        "import nn.__main__, sys; assert 'numpy' not in sys.modules; import engine.compiler.program"
    )
    assert "numpy" in loaded
    assert "scipy" not in loaded


def test_pictures_are_loaded_when_they_are_asked_for():
    pytest.importorskip("graphviz")
    loaded = modules_loaded_by("import engine; assert 'graphviz' not in sys.modules; engine.draw")
    assert {"engine.drawing", "graphviz"} <= loaded


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_docstrings_as_in_the_source(name):
    if name == "draw":
        pytest.importorskip("graphviz")
    thing = getattr(engine, name)
    assert thing.__doc__
    assert inspect.cleandoc(_without_signature(thing, name)) == ast.get_docstring(sources()[name])


@pytest.mark.parametrize("name", VALUE_METHODS)
def test_methods_have_docstrings_as_in_the_source(name):
    method = inspect.getattr_static(Value, name)
    assert method.__doc__
    assert inspect.cleandoc(method.__doc__) == ast.get_docstring(OF_VALUES[VALUE_METHODS[name]])


def _without_signature(thing, name):
    """The docstring; a compiled class's begins with its signature, which Python leaves out of a function's."""
    head, line, rest = thing.__doc__.partition("\n--\n\n")
    return rest if line and head.startswith(name) else thing.__doc__


def test_every_method_is_looked_at():
    assert {"exp", "data", "grad", "label", "op", "operands", "backward", "leaky_relu", "item"} <= VALUE_METHODS.keys()
    assert len(VALUE_METHODS) > 35


@pytest.mark.parametrize("name", [n for n in PUBLIC if inspect.isroutine(getattr(engine, n, None))])
def test_functions_have_signatures_as_in_the_source(name):
    _check_signature(getattr(engine, name), sources()[name])


@pytest.mark.parametrize("name", [n for n in VALUE_METHODS if inspect.isroutine(inspect.getattr_static(Value, n))])
def test_methods_have_signatures_as_in_the_source(name):
    _check_signature(getattr(Value, name), OF_VALUES[VALUE_METHODS[name]])


def _check_signature(function, definition):
    parameters = inspect.signature(function).parameters.values()
    arguments = definition.args
    starred = [arguments.vararg] if arguments.vararg else []
    expected = [a.arg for a in arguments.posonlyargs + arguments.args + starred + arguments.kwonlyargs]
    expected += [arguments.kwarg.arg] if arguments.kwarg else []
    assert [p.name for p in parameters] == expected
    count = len(arguments.defaults) + sum(d is not None for d in arguments.kw_defaults)
    assert sum(p.default is not inspect.Parameter.empty for p in parameters) == count


def test_the_class_says_how_it_is_called():
    names = ["data", "children", "op", "label", "local_grads", "_children", "_op"]
    assert list(inspect.signature(Value).parameters) == names


def test_compiled_tells_the_truth():
    is_python = inspect.isfunction(Value.tanh)
    assert engine.COMPILED is not is_python
    assert engine.COMPILED is (not engine.value.__file__.endswith(".py"))


def test_the_sources_are_there_to_be_read():
    for module in ("value", "functions", "node", "validation"):
        assert (FOLDER / f"{module}.py").is_file()
    assert (FOLDER / "py.typed").is_file()


def test_values_are_none_of_the_collectors_business():
    """Compiled, Values are outside the cyclic garbage collector; they hold nothing that can form a cycle."""
    x = Value(1.0)
    if engine.COMPILED:
        assert not gc.is_tracked(x)
        assert not gc.is_tracked(x * x + 1)
    assert gc.get_referents(x) == [] or not engine.COMPILED


@pytest.mark.slow
def test_memory_is_given_back():
    """A graph made and dropped many times: what is allocated does not grow."""
    program = """
import resource
from engine import Value
def once():
    x = y = Value(1.0, label="x")
    for _ in range(50_000):
        y = y * x + 1.0
    y.backward()
for _ in range(3):
    once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(12):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / before)
"""
    pytest.importorskip("resource")
    assert float(run(program)) < 1.3


def test_operands_live_as_long_as_they_are_needed():
    y = Value(2.0, label="x") * 3.0
    y = y + y
    gc.collect()
    made = [Value(i) for i in range(1000)]  # memory of what died is used again
    assert [v.data for v in y.operands[0].operands] == [2.0, 3.0]
    assert y.operands[0].operands[0].label == "x"
    assert [v.data for v in made] == list(range(1000))
    assert all((v.grad, v.label, v.op, v.operands) == (0.0, "", "", ()) for v in made)


def test_odd_calls_raise_errors_and_do_not_crash():
    """A short run of proof/api_fuzz.py, in a Python of its own."""
    script = ROOT / "proof" / "api_fuzz.py"
    if not script.is_file():
        pytest.skip("proof/ is not here")
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    command = [sys.executable, str(script), "--calls", "1000", "--batches", "2", "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout
