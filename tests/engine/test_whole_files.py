"""Names of files."""

import re

import numpy as np
import pytest

from engine import Value, compile, draw, stepper
from nn import MLP

X = Value(2.0, label="x")
SAVED = {
    "program": lambda path: compile(X * 3, [X]).save(path),
    "drawing": lambda path: draw(X * 3).save(path),
    "stepper": lambda path: stepper(X * 3).save(path),
    "model": lambda path: MLP(1, [1]).save(path),
    "load": MLP.load,
}


@pytest.mark.parametrize("path", [3, b"model.json", ["model.json"], np.float64(1.0)])
@pytest.mark.parametrize("save", SAVED.values(), ids=SAVED)
def test_what_is_no_file_name_is_refused_in_words(save, path):
    with pytest.raises(TypeError, match=re.escape(f" must be the name of a file, as a str or a Path, got {path!r}")):
        save(path)
