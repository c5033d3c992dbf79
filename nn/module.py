"""Module: anything with parameters, such as a neuron, a layer or a whole network."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nn import model_files
from nn import training as fitting
from nn.data.columns import Columns
from nn.initialization import random_kept
from nn.parameters import HasParameters, check_made, dotted, parts_in
from nn.summary import summary as print_summary
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.targets import Label


class Module(HasParameters):
    """Base of neurons, layers and networks; the leaf Values in its attributes are its parameters.

    A subclass sets Values, Modules, or lists, tuples, dicts or arrays of them as attributes and defines ``__call__``,
    which takes the inputs of one example and gives a Value or a list of Values. It then has names for all its
    parameters, can be trained with ``fit``, saved and loaded. Where its ``__init__`` takes other arguments than
    numbers, strings, lists and dicts, it says in ``configuration`` what a file shall hold.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(1.0), Value(0.0)
    ...     def __call__(self, x):
    ...         return self.slope * x[0] + self.offset
    >>> [name for name, _ in Line().named_parameters()]
    ['slope', 'offset']
    """

    n_inputs: int | None = None
    """How many inputs an example has, where that is fixed."""
    n_outputs: int | None = None
    """How many outputs it has, where that is fixed."""
    loss: str | None = None
    """The name of the loss it was trained for last; it decides what ``predict`` and ``score`` mean."""
    classes: list[Label] | None = None
    """The label that each output stands for, once trained to classify."""
    table: Columns | None = None
    """What the columns of a CSV file are, once the command trained it on one."""
    training: bool | None = None
    """Whether ``train()`` or ``eval()`` was called last; None for neither."""
    starting: ClassVar[tuple[str, ...]] = ()
    """The arguments that decide how weights start and nothing else, so that a file does not hold them."""
    _arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _remembering(cls.__init__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Any:
        """The output for the inputs of one example: a Value or a list of Values."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, x)")

    def __repr__(self) -> str:
        args, options = self._arguments
        return f"{type(self).__name__}({', '.join([*map(shortened, args), *map(_option, options.items())])})"

    summary = print_summary

    def output_sizes(self) -> dict[int, int]:
        """How many outputs each layer gave, by its id, where layers are called one behind the other."""
        return {}

    # -------------------------------------------------------------------------------------------------------- training

    fit = fitting.fit
    predict = fitting.predict
    predict_proba = fitting.predict_proba
    predict_log_proba = fitting.predict_log_proba
    decision_function = fitting.decision_function
    score = fitting.score

    def train(self, mode: bool = True) -> Self:
        """Say that what follows is a training loop of your own: the noise of Dropout is on; ``fit`` needs it not."""
        self.training = mode
        for _, part in parts_in(self):
            if isinstance(part, Module):
                part.training = mode
        return self

    def eval(self) -> Self:
        """Say that what follows is no training: the noise of Dropout is off, as it is after ``fit`` and ``load``."""
        return self.train(False)

    # ----------------------------------------------------------------------------------------------------------- files

    def configuration(self) -> dict[str, Any]:
        """The arguments that make a module of this shape again, by name; what ``save`` writes beside the parameters.

        They are those that it was made with. A subclass may override this; a file holds what JSON can.

        Raises:
            ValueError: one of them is something that a file cannot hold.
        """
        args, options = self._arguments
        signature = inspect.signature(type(self))
        bound = signature.bind_partial(*args, **options)
        bound.apply_defaults()
        kept = {}
        for name, value in bound.arguments.items():
            if name not in self.starting and not (value is None and signature.parameters[name].default is None):
                kept[name] = _in_file(f"{type(self).__name__}({name}=...)", value)
        return kept

    def save(self, path: str | PathLike[str]) -> None:
        """Write shape and parameters as JSON; where that fails half way, the file that was there before stays.

        Raises:
            OSError: the file cannot be written.
            ValueError: a parameter is NaN or infinite; or ``load`` could not make this module again, as where it holds
                a function of your own, or was changed after it was made.
        """
        table = None if self.table is None else self.table.to_json()
        configuration, state = self.configuration(), self.state_dict()
        self._check_comes_back(json.loads(json.dumps(configuration)), len(state))
        model_files.write_model(path, type(self).__name__, configuration, self.loss, self.classes, state, table)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The module that ``save`` wrote there, every number exact. Nothing in the file is executed.

        Raises:
            OSError: the file cannot be read.
            ModelFileError: it is not a whole model file of this kind.
        """
        content = model_files.read_model(path, cls.__name__)
        try:
            module: Self = _made(cls, content.configuration, Zeros(len(content.parameters)))
            if json.loads(json.dumps(module.configuration())) != content.configuration:
                raise ValueError(f"the configuration must be that of {shortened(module)}, got another")
            module.load_state_dict(content.parameters)
            table = None if content.table is None else Columns.from_json(content.table)
            if table is not None and module.n_inputs not in (None, table.n_inputs):
                raise ValueError(f"a table of {table.n_inputs} inputs for a model of {module.n_inputs}")
            n = module.n_outputs
            if content.classes is not None and n is not None and max(2, n) != len(content.classes):
                raise ValueError(f"{len(content.classes)} classes for a model that tells {max(2, n)} apart")
        except (TypeError, ValueError, OverflowError) as error:
            raise model_files.ModelFileError(f"{path}: {error}") from None
        module.loss, module.classes, module.table = content.loss, content.classes, table
        module.eval()
        return module

    def _check_comes_back(self, configuration: dict[str, Any], n_parameters: int) -> None:
        """Make the module that a file with this configuration would give, and compare it with this one."""
        kind = type(self).__name__
        advice = (
            f"so that a file cannot hold it; write a class whose __init__ makes it, or leave a {kind} as it was made"
        )
        try:
            with random_kept():
                twin = _outline(_made(type(self), configuration, Zeros(n_parameters)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{kind}(...) cannot be made again from its configuration ({error}), {advice}") from error
        own = _outline(self)
        for name in dict.fromkeys([*own, *twin]):
            if own.get(name) != twin.get(name):
                there, new = _words(own.get(name)), _words(twin.get(name))
                raise ValueError(f"{name} is {there}, and a new {kind} has {new} there, {advice}")


class Zeros:
    """Starting weights for a module that a file describes; no more of them than the file has parameters."""

    def __init__(self, n_parameters: int) -> None:
        self.n_parameters = self.left = n_parameters

    def __call__(self, n_inputs: int, n_outputs: int, rng: object) -> float:
        self.left -= 1
        if self.left < 0:
            raise ValueError(
                f"a model of this shape has more parameters than the file, which has {self.n_parameters:,}"
            )
        return 0.0


def _made(kind: type[Any], configuration: dict[str, Any], zeros: Zeros) -> Any:
    """The module that a configuration describes.

    Raises:
        TypeError, ValueError: it describes none.
    """
    signature = inspect.signature(kind)
    unknown = configuration.keys() - signature.parameters.keys()
    if unknown:
        raise TypeError(f"{kind.__name__}() got an unexpected keyword argument {shortened(min(unknown))}")
    arguments = {name: _from_file(value, zeros) for name, value in configuration.items()}
    if "init" in kind.starting and "init" in signature.parameters:
        arguments["init"] = zeros
    bound = inspect.BoundArguments(signature, arguments)
    return kind(*bound.args, **bound.kwargs)


def _remembering(init: Callable[..., None]) -> Callable[..., None]:
    """An ``__init__`` that keeps its arguments for ``configuration``, and looks at what it made of them."""

    @functools.wraps(init)
    def remembering(self: Module, *args: Any, **options: Any) -> None:
        outermost = "_arguments" not in vars(self)
        if outermost:
            kept = {name: _plain(value) for name, value in options.items() if name not in self.starting}
            self._arguments = tuple(map(_plain, args)), kept
        init(self, *args, **options)
        if outermost:
            check_made(self)

    return remembering


class _Unsaved:
    """An argument that a file cannot hold; only its repr is kept, lest the module keep alive what it does not use."""

    def __init__(self, thing: object) -> None:
        self.words = shortened(thing)

    def __repr__(self) -> str:
        return self.words


_MOST = 1_000  # elements of a list that is an argument: longer ones are data


def _plain(thing: Any) -> Any:
    """A copy of an argument that a file can hold, modules as they are; else an _Unsaved."""
    if thing is None or isinstance(thing, (bool, int, float, str, Module)):
        return thing
    if getattr(thing, "size", 1) <= _MOST and hasattr(thing, "tolist"):  # a number or an array of numpy's
        return _plain(thing.tolist())
    if isinstance(thing, (list, tuple, range)) and len(thing) <= _MOST:
        return [_plain(part) for part in thing]
    if isinstance(thing, dict) and len(thing) <= _MOST and all(type(key) is str for key in thing):
        return {key: _plain(part) for key, part in thing.items()}
    return _Unsaved(thing)


def _in_file(name: str, thing: Any) -> Any:
    """An argument as a file holds it: a module as its kind and configuration."""
    thing = _plain(thing)
    if isinstance(thing, Module):
        if type(thing) is not _kinds().get(type(thing).__name__):
            raise ValueError(
                f"a file cannot hold {name} with a {type(thing).__name__}, a class of your own; write a class whose "
                "__init__ makes it"
            )
        return {"kind": type(thing).__name__, "configuration": thing.configuration()}
    if isinstance(thing, _Unsaved):
        raise ValueError(
            f"a file cannot hold {name} with {thing}; give activations by name, or override configuration()"
        )
    if isinstance(thing, list):
        return [_in_file(name, part) for part in thing]
    return {key: _in_file(name, part) for key, part in thing.items()} if isinstance(thing, dict) else thing


def _from_file(thing: Any, zeros: Zeros) -> Any:
    if isinstance(thing, dict) and thing.keys() == {"kind", "configuration"}:
        kind, configuration = _kinds().get(str(thing["kind"])), thing["configuration"]
        if kind is None or not isinstance(configuration, dict):
            raise ValueError(f"a part must be one of {', '.join(_kinds())}, got {shortened(thing['kind'])}")
        return _made(kind, configuration, zeros)
    return [_from_file(part, zeros) for part in thing] if isinstance(thing, list) else thing


def _kinds() -> dict[str, type[Module]]:
    """The classes of this library, which a file may name as parts of a module."""
    waiting, found = [Module], {}
    while waiting:
        kinds = waiting.pop().__subclasses__()
        waiting += kinds
        found.update({kind.__name__: kind for kind in kinds if kind.__module__ in ("nn.layers", "nn.mlp")})
    return found


def _outline(module: Module) -> dict[str, Any]:
    """What a file must bring back besides numbers: modules, parameters and functions, and where they are."""
    own = {f"{type(module).__name__}.{dotted(path)}": part for path, part in parts_in(module)}
    outline: dict[str, Any] = {"the module": _described(module)}
    for name, part in own.items():
        if isinstance(part, Module):
            outline[name] = _described(part)
        elif isinstance(part, HasParameters) or callable(part):
            outline[name] = part
    return outline | {f"{type(module).__name__}.{name}": "a parameter" for name, _ in module.named_parameters()}


def _described(module: Module) -> tuple[type, dict[str, Any]]:
    """The class of a module, and those of its arguments that it has as attributes."""
    names = [name for name in inspect.signature(type(module)).parameters if name not in module.starting]
    plain = {name: vars(module).get(name) for name in names}
    return type(module), {name: part for name, part in plain.items() if isinstance(part, (bool, int, float, str))}


def _words(part: Any) -> str:
    """A part of an outline for a message."""
    if isinstance(part, tuple):
        return f"{part[0].__name__}({', '.join(map(_option, part[1].items()))})"
    return "nothing" if part is None else part if isinstance(part, str) else shortened(part)


def _option(item: tuple[str, Any]) -> str:
    return f"{item[0]}={shortened(item[1])}"
