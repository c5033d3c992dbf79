"""Small networks and what may not happen to them: what the tests of nn share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nn import MLP, Module

XOR_X, XOR_Y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]


def small(n_outputs: int = 1, seed: int = 0) -> MLP:
    """A network of 2 inputs and 3 tanh neurons before the outputs."""
    return MLP(2, [3, n_outputs], activation="tanh", seed=seed)


def condition(model: Module) -> tuple[dict[str, str], str | None, list | None]:
    """All that training changes; the numbers to the last bit."""
    return {name: number.hex() for name, number in model.state_dict().items()}, model.loss, model.classes


@contextmanager
def refused(model: Module, words: str, kind: type[Exception] = ValueError) -> Iterator[None]:
    """What happens inside is to fail with these words (a regular expression) and to leave the model as it is."""
    before = condition(model)
    with pytest.raises(kind, match=words):
        yield
    assert condition(model) == before


def file_of(model: Module, folder: Path) -> dict:
    """What a model's file holds."""
    model.save(folder / "model.json")
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))
