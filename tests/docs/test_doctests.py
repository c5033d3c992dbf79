"""Every example in a docstring runs, compiled and plain.

doctest finds nothing in compiled functions, so the docstrings are read from the source files beside the modules.
"""

import ast
import contextlib
import doctest
import importlib
import io
import warnings
from functools import cache
from pathlib import Path

import pytest

import engine

NEEDS = {
    "engine.compiler.program": "onnx",
    "nn.estimators": "sklearn",
    "nn.exchange.files": "onnx",
    "nn.exchange.pytorch": "torch",
    "nn.exchange.safetensors_files": "safetensors",
    "nn.exchange.scikit_learn": "sklearn",
}
"""The packages that the examples of a module need."""
FLAGS = doctest.ELLIPSIS


def documented(module, tree):
    """The module, its classes, functions and methods, each with a dotted name, a docstring and a line."""
    yield module, ast.get_docstring(tree, clean=False), 0
    waiting = [(module, node) for node in tree.body]
    while waiting:
        outer, node = waiting.pop(0)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            name = f"{outer}.{node.name}"
            yield name, ast.get_docstring(node, clean=False), node.body[0].lineno - 1
            waiting += [(name, inner) for inner in node.body]
        elif isinstance(node, ast.If):
            waiting += [(outer, inner) for inner in node.body + node.orelse]


def source_files(package):
    for folder in map(Path, package.__path__):
        for file in sorted(folder.rglob("*.py")):
            parts = [package.__name__, *file.relative_to(folder).with_suffix("").parts]
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def examples():
    """Each docstring that has examples."""
    packages = [engine]
    with contextlib.suppress(ImportError):
        packages.append(importlib.import_module("nn"))
    for package in packages:
        for module, file in source_files(package):
            text = file.read_text(encoding="utf-8")
            for name, docstring, line in documented(module, ast.parse(text)) if ">>>" in text else ():
                if ">>>" in (docstring or ""):
                    yield pytest.param(module, name, docstring, str(file), line, id=name)


EXAMPLES = list(examples())


@cache
def public_names(package_name):
    with contextlib.suppress(ImportError):
        package = importlib.import_module(package_name)
        return {name: getattr(package, name) for name in getattr(package, "__all__", [])}
    return {}


@pytest.mark.parametrize(("module", "name", "docstring", "file", "line"), EXAMPLES)
def test_docstring(module, name, docstring, file, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    if module in NEEDS:
        pytest.importorskip(NEEDS[module])
    names = {**public_names("engine"), **public_names("nn"), **vars(importlib.import_module(module))}
    test = doctest.DocTestParser().get_doctest(docstring, names, name, file, line)
    report = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.write)
    assert results.attempted > 0
    assert results.failed == 0, report.getvalue()


def test_examples_are_found():
    """The search itself: a place of every kind."""
    found = {case.id for case in EXAMPLES}
    assert {"engine", "engine.value.Value", "engine.value.Value.backward", "engine.functions.tanh"} <= found
    assert "engine.provenance.Provenance.local_derivatives" in found, "a property"
    assert len(found) > 40


def test_a_wrong_example_is_a_failure(monkeypatch, tmp_path):
    with pytest.raises(AssertionError, match="Expected"):
        test_docstring("engine", "wrong", ">>> 1 + 1\n3\n", "wrong.py", 0, tmp_path, monkeypatch)
