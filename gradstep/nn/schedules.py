"""The same module as ``nn.schedules``: gradstep/__init__.py sees to it. This file is for editors and type checkers."""

from nn.schedules import *  # noqa: F403
