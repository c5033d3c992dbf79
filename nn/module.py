"""Module: anything with parameters, such as a neuron, a layer or a whole network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from engine import Value
from engine.validation import as_float
from nn import model_files, training
from nn.data.columns import Columns

if TYPE_CHECKING:
    from nn.targets import Label


class Module:
    """Base of neurons, layers and networks; the Values in its attributes that no operation made are its parameters.

    A subclass sets Values, Modules, or lists of either as attributes and defines ``__call__``, which takes the inputs
    of one example and gives a Value or a list of Values. It then has names for all its parameters, can be trained with
    ``fit``, saved and loaded; where its ``__init__`` takes arguments, it says them in ``configuration``.

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
    loss: str | None = None
    """The name of the loss it was trained for last; it decides what ``predict`` and ``score`` mean."""
    classes: list[Label] | None = None
    """The label that each output stands for, once trained to classify."""
    table: Columns | None = None
    """What the columns of a CSV file are, once the command trained it on one."""

    def __call__(self, x: Any) -> Any:
        """The output for the inputs of one example: a Value or a list of Values."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, x)")

    # ------------------------------------------------------------------------------------------------------ parameters

    def parameters(self) -> list[Value]:
        """All parameters in a fixed order, each once."""
        return list(dict.fromkeys(_values(vars(self).values())))

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with its name, such as ``layers.0.neurons.3.w.5``; one that two names share comes once."""
        met: set[Value] = set()
        for name, parameter in _named(vars(self)):
            if parameter not in met:
                met.add(parameter)
                yield name, parameter

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, as before each ``backward()`` of a training loop."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter, by name."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter to the number of its name.

        Raises:
            ValueError: names are missing or unknown, or something is not a number; then no parameter is changed.
        """
        if not isinstance(state, Mapping):
            raise ValueError(f"a number for each name is wanted, as state_dict() gives, not {type(state).__name__}")
        named = dict(self.named_parameters())
        if named.keys() != state.keys():
            missing = [name for name in named if name not in state]
            unknown = [name for name in state if name not in named]
            raise ValueError(
                f"the parameters do not fit this {type(self).__name__}: "
                f"{len(missing)} missing {missing[:3]}, {len(unknown)} unknown {unknown[:3]}"
            )
        numbers = {name: _parameter(name, number) for name, number in state.items()}
        for name, number in numbers.items():
            named[name].data = number

    # ----------------------------------------------------------------------------------------------------------- files

    def configuration(self) -> dict[str, Any]:
        """The arguments that make a module of this shape again, by name; what ``save`` writes beside the parameters.

        A subclass whose ``__init__`` takes arguments overrides this; what it gives is to be of JSON's types.
        """
        return {}

    @classmethod
    def _from_configuration(cls, configuration: dict[str, Any], n_parameters: int) -> Self:
        """A module of that shape. Overridden where a file could ask for something absurd."""
        if configuration and cls.configuration is Module.configuration:
            raise ValueError(f"{cls.__name__} has no configuration, but the file has one")
        return cls(**configuration)

    def _n_classes(self) -> int | None:
        """How many classes the outputs can tell apart, where that is fixed."""
        return None

    def save(self, path: str | PathLike[str]) -> None:
        """Write shape and parameters as JSON; where that fails half way, the file that was there before stays.

        Raises:
            OSError: the file cannot be written.
            ValueError: a parameter is NaN or infinite, or the module holds a function of your own, which a file cannot
            hold.
        """
        table = None if self.table is None else self.table.to_json()
        shape, state = self.configuration(), self.state_dict()
        model_files.write_model(path, type(self).__name__, shape, self.loss, self.classes, state, table)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The module that ``save`` wrote there, every number exact. Nothing in the file is executed.

        Raises:
            OSError: the file cannot be read.
            ModelFileError: it is not a whole model file of this kind.
        """
        content = model_files.read_model(path, cls.__name__)
        try:
            module = cls._from_configuration(content.configuration, len(content.parameters))
            module.load_state_dict(content.parameters)
            table = None if content.table is None else Columns.from_json(content.table)
            if table is not None and module.n_inputs not in (None, table.n_inputs):
                raise ValueError(f"a table of {table.n_inputs} inputs for a model of {module.n_inputs}")
            n_classes = module._n_classes()
            if content.classes is not None and n_classes not in (None, len(content.classes)):
                raise ValueError(f"{len(content.classes)} classes for a model that tells {n_classes} apart")
        except (TypeError, ValueError, OverflowError) as error:
            raise model_files.ModelFileError(f"{path}: {error}") from None
        module.loss, module.classes, module.table = content.loss, content.classes, table
        return module

    # -------------------------------------------------------------------------------------------------------- training

    fit = training.fit
    predict = training.predict
    predict_proba = training.predict_proba
    predict_log_proba = training.predict_log_proba
    decision_function = training.decision_function
    score = training.score


def _named(attributes: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    for name, item in attributes.items():
        if isinstance(item, Value):
            if not item.op:  # an output that a module keeps to look at is no parameter
                yield name, item
        elif isinstance(item, Module):
            yield from ((f"{name}.{inner}", parameter) for inner, parameter in item.named_parameters())
        elif isinstance(item, (list, tuple)):
            inside = {str(place): part for place, part in enumerate(item)}
            yield from ((f"{name}.{inner}", parameter) for inner, parameter in _named(inside))


def _values(items: Iterable[object]) -> Iterator[Value]:
    """The parameters as ``_named`` finds them, without names: making those would take half of a small training step."""
    for item in items:
        if isinstance(item, Value):
            if not item.op:
                yield item
        elif isinstance(item, Module):
            yield from item.parameters()
        elif isinstance(item, (list, tuple)):
            yield from _values(item)


def _parameter(name: str, number: object) -> float:
    try:
        if isinstance(number, bool):
            raise TypeError(f"its data must be one real number, got bool {number}")
        return as_float(number, "its data")
    except (TypeError, OverflowError) as error:
        raise ValueError(f"the parameter {name}: {error}") from None
