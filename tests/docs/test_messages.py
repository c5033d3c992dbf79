"""Every message of every ``raise`` is in one voice: no old phrases, no full stop, and what was given."""

import ast
import re
from pathlib import Path

import pytest

import engine
import nn

OLD = re.compile(
    r"\b(is|are) (wanted|to be)\b|\bhas to\b|\bwhatever\b|\bnobody\b|\b[Ii]nvalid\b|\b[Pp]lease\b|\b(and|it) gave\b"
)


def literal(node):
    """The text of a message, with {} for what is filled in; None if it is put together elsewhere."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return f"{literal(node.left) or '{}'}{literal(node.right) or '{}'}"
    return None


def messages():
    for package in (engine, nn):
        for folder in map(Path, package.__path__):
            for file in sorted(folder.rglob("*.py")):
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                        message = literal(node.exc.args[0])
                        if message:
                            yield message, f"{package.__name__}/{file.relative_to(folder)}:{node.lineno}"


def is_in_another_voice(message):
    return OLD.search(message) or (message.rstrip().endswith((".", "!")) and not message.endswith("..."))


def test_messages_are_in_the_projects_voice():
    found = list(messages())
    assert len(found) > 300
    assert [each for each in found if is_in_another_voice(each[0])] == []


@pytest.mark.parametrize("message", ["X: a list is wanted, not 3", "f has to give one Value", "X must be 3."])
def test_other_voices_are_noticed(message):
    assert is_in_another_voice(message)
