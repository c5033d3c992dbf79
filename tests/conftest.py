"""Settings for every test."""

import pytest
from hypothesis import settings

settings.register_profile("gradstep", deadline=None)  # no timed assertions: machines differ
settings.load_profile("gradstep")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one meanwhile."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
