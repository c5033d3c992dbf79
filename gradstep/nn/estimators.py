"""The same module as ``nn.estimators``: gradstep/__init__.py sees to it. This file is for editors and type checkers."""

from nn.estimators import *  # noqa: F403
