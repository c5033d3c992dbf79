"""The same module as ``nn.data``: gradstep/__init__.py sees to it. This file is for editors and type checkers."""

from nn.data import *  # noqa: F403
