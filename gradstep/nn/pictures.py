"""The same module as ``nn.pictures``: gradstep/__init__.py sees to it. This file is for editors and type checkers."""

from nn.pictures import *  # noqa: F403
