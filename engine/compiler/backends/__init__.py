"""Backends: each is a module that carries out plans by ``share`` and ``bind`` (see ``plan``), and is chosen by name.

One that may not run here has ``why_not()``, which says why in words, and names another in ``OTHERWISE``, which does its
work, with a warning. One that has settings is a class ``Backend`` of its module. What it makes of a plan is in
``Plan.kept``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from engine.callers import warn_user
from engine.optional_packages import optional_package
from engine.validation import shortened

if TYPE_CHECKING:
    from engine.compiler.plan import Backend

_NAMES = "numpy", "c", "jax"


def backend_named(given: Any, warns: bool = True) -> Backend:
    """The backend of that name, or the one that does its work where it cannot run; ``"jax:4"`` is JAX on 4 devices.

    Where that was said before, nothing *warns* again. Raises a ValueError for another name or too many devices, and an
    ImportError for a missing package.
    """
    name, colon, n_devices = given.partition(":") if isinstance(given, str) else ("", "", "")
    if name not in _NAMES or (colon and not (name == "jax" and n_devices.isdecimal() and int(n_devices))):
        known = " or ".join(f'"{each}"' for each in _NAMES)
        raise ValueError(f'backend must be {known}, or "jax:N" for JAX on N devices, got {shortened(given)}')
    if name == "jax":
        optional_package("jax", 'backend "jax"', '"gradstep[jax]"')
    module = import_module(f"engine.compiler.backends.{name}")
    if reason := getattr(module, "why_not", str)():
        if warns:
            warn_user(f'backend "{name}" cannot run: {reason}; "{module.OTHERWISE}" does its work')
        return backend_named(module.OTHERWISE)
    return cast("Backend", module.Backend(int(n_devices or 1)) if hasattr(module, "Backend") else module)
