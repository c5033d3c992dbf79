"""Packages that only some uses need."""

from importlib import import_module
from typing import Any


def optional_package(name: str, what: str, install: str = '"gradstep[exchange]"') -> Any:
    """The module *name* of an optional package, which *what* needs; a ModuleNotFoundError says why there is none."""
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:  # mpi4py raises the other one where MPI is missing
        told = f"{what} must have the package {name} ({error}): pip install {install}"
        raise ModuleNotFoundError(told) from None
