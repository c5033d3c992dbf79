"""The same module as ``nn``: gradstep/__init__.py sees to it. This file is for editors and type checkers."""

from nn import *  # noqa: F403
