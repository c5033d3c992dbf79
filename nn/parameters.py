"""Parameters of modules: search, names, and errors for Values that cannot be one."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from engine import Value, leaves
from nn.validation import as_number, shortened

Path = tuple[Any, ...]
"""The path to an object: the path to its holder, and its attribute, key or index there; () is the root."""
Inner = Callable[[Any, Path], Iterable[tuple[Any, Any]]]
Run = tuple[Path, Sequence[Any], Sequence[Any]]
More = TypeVar("More")
PLAIN: frozenset[type] = frozenset({bool, int, float, str, type(None)})
_MOST = 100_000  # objects among which a hidden Value is searched


class HasParameters:
    """Has as parameters the leaf Values in its attributes, and in lists, dicts, arrays and modules there."""

    _weights: ClassVar[tuple[str, ...]] = ()  # attributes that must hold nothing but parameters

    def parameters(self) -> list[Value]:
        """All parameters in a fixed order, each once."""
        found: dict[int, Value] = {}
        for _, _, parts in runs_in(self):
            found |= {id(part): part for part in parts if isinstance(part, Value) and not part.op}
        return list(found.values())

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with its name, such as ``layers.0.neurons.3.w.5``.

        A shared parameter comes once, with its first name.

        Raises:
            ValueError: two parameters have one name.
            TypeError: parameters are in a set, which has no order.
        """
        met: set[Value] = set()
        taken: set[str] = set()
        for path, keys, parts in runs_in(self):
            holder = f"{dotted(path)}." if path else ""
            for key, value in zip(keys, parts):
                if not isinstance(value, Value) or value.op or value in met:
                    continue
                met.add(value)
                name = dotted((path, key)) if type(key) is tuple else f"{holder}{key}"
                if name in taken:
                    raise ValueError(f"{type(self).__name__} must have one parameter of a name, got two called {name}")
                taken.add(name)
                yield name, value

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, as before each ``backward()``."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter, by name."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter to the number of its name.

        Raises:
            ValueError: a name is missing or unknown, or a value is not a number; no parameter is changed.
        """
        if not isinstance(state, Mapping):
            raise ValueError(f"state must be a number for each name, as state_dict() gives, got {type(state).__name__}")
        named = dict(self.named_parameters())
        if named.keys() != state.keys():
            missing = [name for name in named if name not in state]
            unknown = [name for name in state if name not in named]
            raise ValueError(
                f"the parameters do not fit this {type(self).__name__}: "
                f"{len(missing)} missing {missing[:3]}, {len(unknown)} unknown {unknown[:3]}"
            )
        numbers = {name: as_number(f"the parameter {name}", number) for name, number in state.items()}
        for name, number in numbers.items():
            named[name].data = number


# ---------------------------------------------------------------------------------------------------------- the search


def _parts(thing: Any, path: Path) -> Iterable[tuple[Any, Any]]:
    """The direct parts of a container or a module, each with its key."""
    if isinstance(thing, HasParameters):
        own, common = type(thing), HasParameters
        if path and (own.parameters, own.named_parameters) != (common.parameters, common.named_parameters):
            names = {value: name for name, value in thing.named_parameters()}  # it selects its parameters
            return [(names.get(value, str(index)), value) for index, value in enumerate(thing.parameters())]
        return [item for item in vars(thing).items() if item[0] != "_arguments"]
    if isinstance(thing, (list, tuple, deque)):
        return enumerate(thing)
    if isinstance(thing, Mapping):
        return list(thing.items())
    if getattr(getattr(thing, "dtype", None), "kind", "") == "O" and hasattr(thing, "ravel"):
        return zip(product(*map(range, thing.shape)), thing.ravel().tolist())
    if isinstance(thing, (set, frozenset)) and any(isinstance(part, (Value, HasParameters, tuple)) for part in thing):
        raise TypeError(f"{dotted(path)} must have an order to hold parameters, got a set; use a list")
    return ()


def values_in(root: HasParameters) -> Iterator[tuple[Path, Value]]:
    """Every Value in the attributes of *root*, and in containers and modules there, with its path."""
    return (found for found in parts_in(root) if isinstance(found[1], Value))


def parts_in(root: HasParameters, plain: bool = False, inner: Inner = _parts) -> Iterator[tuple[Path, Any]]:
    """Every part of *root* with its path, outer before inner; numbers and strings only if *plain*.

    Each container is searched once, so that modules may refer to each other. *inner* gives the direct parts of a thing.
    """
    runs = runs_in(root, plain, inner)
    return (((path, key), part) for path, keys, parts in runs for key, part in zip(keys, parts))


def runs_in(root: HasParameters, plain: bool = False, inner: Inner = _parts) -> Iterator[Run]:
    """The same in runs: the path of their holder, their keys, and the parts. A list of Values is one run."""
    left_out = frozenset() if plain else PLAIN
    met: dict[int, Any] = {id(root): root}  # kept alive: no id is reused
    open_parts: list[tuple[Path, Iterator[tuple[Any, Any]]]] = [((), iter(inner(root, ())))]
    while open_parts:
        path, parts = open_parts[-1]
        for key, part in parts:
            kind = type(part)
            if kind in left_out:
                continue
            yield path, (key,), (part,)
            if kind not in PLAIN and not isinstance(part, Value) and id(part) not in met:
                if kind is list and set(map(type, part)) == {Value}:
                    met[id(part)] = part
                    yield (path, key), range(len(part)), part
                elif found := inner(part, (path, key)):
                    met[id(part)] = part
                    open_parts.append(((path, key), iter(found)))
                    break
        else:
            open_parts.pop()


def dotted(path: Path) -> str:
    """A path as a name.

    >>> dotted(((((), "nets"), "a"), (0, 3)))
    'nets.a.0.3'
    """
    keys: list[str] = []
    while path:
        path, key = path
        keys += [str(index) for index in reversed(key)] if isinstance(key, tuple) else [str(key)]
    return ".".join(reversed(keys))


# ------------------------------------------------------------------------------------------------ what is no parameter


def check_attributes(module: HasParameters) -> None:
    """Raise an error if a Value among the attributes was made by an operation, or some of them are in a set."""
    for path, value in values_in(module):
        if value.op:
            raise _not_a_leaf(module, path, value)


def check_call(module: HasParameters, call: Callable[[], tuple[Any, More]]) -> tuple[Any, More]:
    """The results of *call*, the outputs first, after a check of the leaves under them.

    If one of them is no parameter, a second call tells lasting Values from those that each call creates.
    """
    _check_trained(module)
    before = module.parameters()
    outputs, more = call()
    own = set(module.parameters())
    strangers = _strangers(module, own, outputs)
    if not strangers and own == set(before):
        return outputs, more
    again, more = call()
    now = set(module.parameters())
    for name, parameter in module.named_parameters():
        if parameter not in own and parameter in now:
            raise ValueError(
                f"{type(module).__name__}.{name} must last from call to call to be a parameter, got another Value in "
                "each; keep its number (.data) there, or no attribute"
            )
    lasting = set(_strangers(module, now, again))
    for value in strangers:
        if value in lasting:
            raise _hidden(module, value)
    return again, more


def check_own_names(module: HasParameters) -> None:
    """Raise a ValueError if the user's model has something else under a name that fit sets."""
    for name in ("loss", "classes", "column_names", "target_column_names"):
        held = getattr(module, name, None)
        parts = held if isinstance(held, (list, tuple)) else [held]
        if callable(held) or isinstance(held, (int, float)) or any(isinstance(part, Value) for part in parts):
            must = f"{type(module).__name__}.{name} must be left to fit, which sets it"
            raise ValueError(f"{must}, got {shortened(held)}; call it something else")


def _check_trained(module: HasParameters) -> None:
    """Raise a ValueError if a weight is a plain number."""
    for path, part in [((), module), *parts_in(module)]:
        for name in type(part)._weights if isinstance(part, HasParameters) else ():
            held = vars(part).get(name, ())
            for place, value in enumerate(held) if hasattr(held, "__len__") else [((), held)]:
                if not isinstance(value, Value):
                    where = dotted(((path, name), place))
                    raise ValueError(f"{where} must be a Value to be trained, got {value!r}; set its number, .data")


def _strangers(module: HasParameters, own: set[Value], outputs: Any) -> list[Value]:
    """The leaves under the outputs that are not parameters; *own* has what ``parameters()`` gives now."""
    values = [z for z in (outputs if isinstance(outputs, (list, tuple)) else [outputs]) if isinstance(z, Value)]
    found = [leaf for leaf in leaves(sum(values)) if leaf not in own] if values else []
    if found:  # a module may select its parameters
        own = {value for _, value in module.named_parameters()}
    return [leaf for leaf in found if leaf not in own]


def _not_a_leaf(module: HasParameters, path: Path, value: Value) -> ValueError:
    return ValueError(
        f"{type(module).__name__}.{dotted(path)} must be a leaf to be a parameter, got the result of {value.op!r}; "
        "compute with plain numbers first, and make one Value of the result"
    )


def _hidden(module: HasParameters, leaf: Value) -> ValueError:
    """The error for a leaf that is no parameter; names the attribute that has it or depends on it."""
    for path, value in values_in(module):
        if value.op and leaf in leaves(value):
            return _not_a_leaf(module, path, value)
    kind = type(module).__name__
    searched = islice(parts_in(module, inner=_all_inside), _MOST)
    name = next((dotted(path) for path, part in searched if part is leaf), "")
    where = f"{kind}.{name}" if name else f"a Value outside of {kind} ({leaf.label or format(leaf.data, '.6g')})"
    return ValueError(
        f"{where} must be a parameter to reach the outputs; have it in an attribute of the module, or in a list, dict, "
        "array or module there, and where it is not to be trained, have a plain number"
    )


def _all_inside(thing: Any, path: Path) -> list[tuple[Any, Any]]:
    """The parts of any object, and the class attributes of the root."""
    if isinstance(thing, (type, ModuleType)):
        return []
    inside = [*getattr(thing, "__dict__", {}).items()]
    inside += enumerate(thing) if isinstance(thing, (set, frozenset)) else _parts(thing, path)
    return inside if path else inside + [item for kind in type(thing).__mro__[:-1] for item in vars(kind).items()]
