"""gradstep under one name: everything of ``engine`` and ``nn``, which are the same modules under either name.

>>> from gradstep import MLP, Value, tanh
>>> from gradstep.engine import Value as also_value
>>> also_value is Value
True
>>> from gradstep.nn.data import moons
>>> len(moons(20, seed=0).y)
20
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

import nn as nn

if nn.__file__ is None or Path(nn.__file__).parents[1] != Path(__file__).parents[1]:
    raise ImportError(f"{nn.__file__} hides gradstep's package nn: rename that file, or start Python elsewhere")

import engine as engine  # nn has made sure that it is gradstep's
from engine import __version__ as __version__
from engine.other_names import OF_ENGINE, missing_name
from nn.other_names import OF_NN

if TYPE_CHECKING:
    from engine import *  # noqa: F403
    from engine.functions import *  # noqa: F403 - mypy does not find them through engine
    from nn import *  # noqa: F403

__all__: list[str] = []
__all__ += engine.__all__
__all__ += nn.__all__


if not TYPE_CHECKING:  # type checkers know all names already

    def __getattr__(name: str) -> object:
        """Ask engine, then nn: what loads other packages, such as ``draw``, comes when it is first asked for."""
        for module in (engine, nn):
            if name in dir(module):
                thing = globals()[name] = getattr(module, name)
                return thing
        raise missing_name("gradstep", name, OF_ENGINE | OF_NN, __dir__())


def __dir__() -> list[str]:
    return ["engine", "nn", *dir(engine), *dir(nn)]


class _SameModule:
    """Finds ``gradstep.engine...`` and ``gradstep.nn...``: the modules without that first name, not copies."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        top, _, own = name.partition(".")
        if top != __name__ or own.partition(".")[0] not in ("engine", "nn"):
            return None
        spec = find_spec(own)
        if spec is None:
            return None
        return ModuleSpec(name, _SameModule(), is_package=spec.submodule_search_locations is not None)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python: the module that it makes is replaced at once."""

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(module.__name__.partition(".")[2])

    def get_code(self, name: str) -> CodeType | None:
        """The code of a module that ``python -m`` runs."""
        spec = find_spec(name.partition(".")[2])
        return spec.loader.get_code(spec.name) if spec and isinstance(spec.loader, InspectLoader) else None


sys.meta_path.insert(0, _SameModule)  # before the finder that would load the same file again
