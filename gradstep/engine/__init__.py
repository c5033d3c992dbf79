"""The same module as ``engine``: gradstep/__init__.py sees to it. This file is for editors and type checkers."""

from engine import *  # noqa: F403
