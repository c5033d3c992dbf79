"""Settings for every test."""

import pytest
from hypothesis import settings

from engine.derivatives import RULES
from engine.primitive import PRIMITIVES

settings.register_profile("gradstep", deadline=None)  # no timed assertions: machines differ
settings.load_profile("gradstep")


@pytest.fixture(autouse=True)
def no_operations_left_behind():
    """What a test, or an example in a docstring, makes with ``@primitive`` is gone after it."""
    yield
    for name in list(PRIMITIVES):
        del PRIMITIVES[name], RULES[name]
