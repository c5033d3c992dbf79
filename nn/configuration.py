"""Configurations: the arguments of a module's ``__init__`` as JSON."""

import functools
import inspect
import json
import math
from collections.abc import Callable
from typing import Any

from engine import Value
from nn.data.columns import Columns
from nn.initialization import random_kept
from nn.model_files import NAMES, check_learned
from nn.other_names import OF_AN_ARGUMENT
from nn.parameters import PLAIN, HasParameters, check_attributes, check_own_names, dotted, parts_in
from nn.validation import plain_label, refuse_unknown, shortened, without_addresses

_MOST = 1_000  # elements of a list argument: longer ones are data
OWN = ("nn.layers", "nn.mlp")  # where this library's modules are
_SHARED = "part of this file"
_MOST_CALLS = 10_000  # of layers by one part: of 60 Sequentials, each with the one before twice, a call never ends
_IN_THE_FILE = {"loss", "classes", *NAMES, "training"}  # attributes that need no arguments


def remember_arguments(init: Callable[..., None]) -> Callable[..., None]:
    """An ``__init__`` that keeps its arguments, and checks the attributes it set."""
    code: Any = getattr(init, "__code__", None)
    takes_any = code is None or code.co_flags & (inspect.CO_VARKEYWORDS | inspect.CO_VARARGS)
    names = () if takes_any else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    meant = {other: own for other, own in OF_AN_ARGUMENT.items() if own.rstrip("=") in names}

    @functools.wraps(init)
    def init_and_remember(self: Any, *args: Any, **options: Any) -> None:
        is_outermost = "_arguments" not in vars(self)
        if is_outermost:
            if names:
                refuse_unknown(type(self).__name__, options, names[1:], meant)
            kept = {name: _copy(value) for name, value in options.items() if name not in self.starting}
            self._arguments = tuple(map(_copy, args)), kept
        init(self, *args, **options)
        if is_outermost:
            check_attributes(self)

    return init_and_remember


class _Unsaved:
    """The repr of an argument that a file cannot hold; the argument itself is not kept alive."""

    def __init__(self, thing: object) -> None:
        self.words = shortened(thing)

    def __repr__(self) -> str:
        return self.words


def _copy(thing: Any) -> Any:
    """A copy of an argument that a file can hold, modules as they are; else an _Unsaved."""
    if isinstance(thing, float) and not math.isfinite(thing):
        return _Unsaved(thing)
    if type(thing) in PLAIN or isinstance(thing, (int, float, str, HasParameters, _Unsaved)):
        return thing
    if getattr(thing, "size", 1) <= _MOST and hasattr(thing, "tolist"):  # a number or an array of numpy's
        return _copy(thing.tolist())
    if isinstance(thing, (list, tuple, range)) and len(thing) <= _MOST:
        return [_copy(part) for part in thing]
    if isinstance(thing, dict) and len(thing) <= _MOST and all(type(key) is str for key in thing):
        return {key: _copy(part) for key, part in thing.items()}
    return _Unsaved(thing)


def encode(module: Any, made: list[Any] | None) -> dict[str, Any]:
    """The configuration of a module as JSON, modules in it by kind and configuration.

    *made* has the modules that were encoded before, in the order in which ``build`` makes them; one that occurs again
    is encoded as its index there. None encodes each in full.
    """

    def part(thing: Any) -> dict[str, Any]:
        kind = type(thing)
        if not isinstance(thing, HasParameters):
            shown = without_addresses(str(thing))
            raise ValueError(f"{where} with {shown}; give activations by name, or override configuration()")
        if kind is not kinds().get(kind.__name__):
            raise ValueError(
                f"{where} with a {kind.__name__}, a class of your own; write a class whose __init__ makes it"
            )
        for index, other in enumerate(made or ()):
            if other is thing:
                return {"kind": _SHARED, "configuration": index}
        found = {"kind": kind.__name__, "configuration": encode(thing, made)}
        if made is not None:
            made.append(thing)
        return found

    configuration = {}
    for name, argument in module.configuration().items():
        where = f"a file cannot hold {type(module).__name__}({name}=...)"
        configuration[name] = json.loads(json.dumps(_copy(argument), default=part))
    return configuration


def build(kind: type[Any], configuration: dict[str, Any], n_parameters: int) -> Any:
    """The module that an encoded configuration describes, its weights 0; a ValueError beyond *n_parameters* of them."""
    made: list[Any] = []
    calls: dict[int, int] = {}  # by id, of the layers that a call of each part calls
    left = iter(range(n_parameters))

    def zero(n_inputs: int, n_outputs: int, rng: object) -> float:
        if next(left, None) is None:
            raise ValueError(f"a model of this shape must have {n_parameters:,} parameters, as the file has, got more")
        return 0.0

    def instantiate(kind: type[Any], arguments: dict[str, Any]) -> Any:
        signature = inspect.signature(kind)
        unknown = arguments.keys() - signature.parameters.keys()
        if unknown:
            raise TypeError(f"{kind.__name__}() got an unexpected keyword argument {shortened(min(unknown))}")
        if "init" in kind.starting and "init" in signature.parameters:
            arguments["init"] = zero
        bound = inspect.BoundArguments(signature, arguments)
        return kind(*bound.args, **bound.kwargs)

    def part(found: dict[str, Any]) -> Any:
        if found.keys() != {"kind", "configuration"}:
            return found
        name, content = str(found["kind"]), found["configuration"]
        if name == _SHARED and type(content) is int and 0 <= content < len(made):
            return made[content]
        kind = kinds().get(name)
        if kind is None or not isinstance(content, dict):
            raise ValueError(f"a part must be one of {', '.join(kinds())}, got {shortened(found['kind'])}")
        module = instantiate(kind, content)
        n = calls[id(module)] = 1 + sum(calls.get(id(layer), 1) for layer in vars(module).get("layers", ()))
        if n > _MOST_CALLS:
            raise ValueError(f"a part must call at most {_MOST_CALLS:,} layers, got {n:,}")
        made.append(module)
        return module

    arguments = {name: json.loads(json.dumps(value), object_hook=part) for name, value in configuration.items()}
    return instantiate(kind, arguments)


def kinds(root: type[HasParameters] = HasParameters) -> dict[str, type]:
    """The classes of this library, which a file may name."""
    found: dict[str, type] = {root.__name__: root} if root.__module__ in OWN else {}
    for subclass in root.__subclasses__():
        found |= kinds(subclass)
    return found


def describe(module: Any) -> dict[str, Any]:
    """The content of a model file; a ValueError if ``restore`` could not make the module from it again."""
    check_own_names(module)
    configuration, state = encode(module, []), module.state_dict()
    check_restorable(module, configuration, len(state))
    table = module.table if isinstance(module.table, Columns) else None  # of a module of the user's it may be anything
    names = {name: held for name in NAMES if (held := getattr(module, name)) is not None}
    learned = {"loss": module.loss, "classes": module.classes, **names}
    learned |= {"table": table.to_json()} if table else {}
    content = {"kind": type(module).__name__, "configuration": configuration, **learned, "parameters": state}
    check_learned(content)
    _check_sizes(module, content, table)
    return content


def restore(kind: type[Any], content: dict[str, Any]) -> Any:
    """The module that the checked content of a model file describes; parameters are by name, or a list in order."""
    configuration, parameters = content["configuration"], content["parameters"]
    module = build(kind, configuration, len(parameters))
    if encode(module, []) != configuration:
        raise ValueError(f"the configuration must be that of {shortened(module)}, got another")
    set_parameters(module, parameters)
    table = Columns.from_json(content["table"]) if content.get("table") is not None else None
    _check_sizes(module, content, table)
    module.loss, module.classes = content["loss"], content["classes"]
    module.column_names, module.target_column_names = map(content.get, NAMES)
    if table is not None:
        module.table = table
    return module


def _check_sizes(module: Any, content: dict[str, Any], table: Columns | None) -> None:
    """Raise a ValueError unless there is a name for each input and target, and an output for each class."""
    n_columns = 0 if table is None else len(table.by_input)
    if table is not None and module.n_inputs not in (None, n_columns):
        raise ValueError(f"the table must have {module.n_inputs} inputs, got {n_columns}")
    n, classes = module.n_outputs, content["classes"]
    for name, n_names in zip(NAMES, (module.n_inputs, n)):
        if name in content and n_names not in (None, len(content[name])):
            raise ValueError(f"{name} must be {n_names} names, got {len(content[name])}")
    if classes is not None and n is not None and max(2, n) != len(classes):
        raise ValueError(f"classes must be {max(2, n)}, as this model tells so many apart, got {len(classes)}")


def set_parameters(module: HasParameters, numbers: dict[str, float] | list[float]) -> None:
    """Set every parameter to the number of its name, or to the number at its place; none after a ValueError."""
    if isinstance(numbers, list):
        names = [name for name, _ in module.named_parameters()]
        if len(names) != len(numbers):
            kind = type(module).__name__
            raise ValueError(f"this {kind} must have {len(numbers):,} parameters for these weights, got {len(names):,}")
        numbers = dict(zip(names, numbers))
    module.load_state_dict(numbers)


def check_restorable(module: HasParameters, configuration: dict[str, Any], n_parameters: int) -> None:
    """Raise a ValueError if a module of this configuration differs from this one in more than numbers of parameters."""
    kind = type(module).__name__
    try:
        with random_kept():
            twin = _outline(build(type(module), configuration, n_parameters))
    except Exception as error:  # __init__ may be the user's
        raise ValueError(
            f"{kind}(...) must come back from its configuration to be saved, got {type(error).__name__}: {error}; a "
            "file gives __init__ lists for arrays; override configuration() where it needs something else"
        ) from error
    own = _outline(module)
    for name in dict.fromkeys([*own, *twin]):
        if own.get(name) != twin.get(name):
            there, new = _words(own.get(name)), _words(twin.get(name, "a list" if f"{name}.0" in twin else None))
            raise ValueError(
                f"{name} is {there}, and a new {kind} has {new} there, so that a file cannot hold it; have __init__ "
                "make it from its arguments (an array from a list: numpy.array(...)), or begin its name with _ where "
                "no output depends on it"
            )


def _outline(module: Any) -> dict[str, Any]:
    """The class, code or repr of each part that a file must restore, by name."""
    left_out = {*_IN_THE_FILE, *type(module).starting}
    outline: dict[str, Any] = {}
    shared: dict[Value, str] = {}
    for path, part in parts_in(module, plain=True):
        name = dotted(path)
        if isinstance(part, Value):
            found: Any = None if part.op else shared.get(part, "a parameter")
            shared.setdefault(part, f"the parameter {name}")
        elif isinstance(part, HasParameters):
            found = type(part)
        elif callable(part):
            code = getattr(part, "__code__", None)  # the same from one call of __init__ to the next
            found = part if code is None or part.__closure__ or part.__defaults__ or part.__kwdefaults__ else code
        elif any(key[:1] == "_" or key in left_out for key in name.split(".")):
            continue
        else:
            is_array = getattr(getattr(part, "dtype", None), "kind", "O") != "O"
            found = f"the array {part.tolist()}" if is_array else None
            if type(part) in PLAIN and part is not None:
                found = repr(part)
        if found is not None:
            outline[f"{type(module).__name__}.{name}"] = found
    return outline


def _words(part: Any) -> str:
    """A part of an outline in words."""
    if part is None or isinstance(part, str):
        return plain_label(part or "nothing", 80)
    return part.__name__ if isinstance(part, type) else shortened(part)
