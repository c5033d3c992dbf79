"""Module: anything with parameters, such as a neuron, a layer or a whole network."""

from __future__ import annotations

import inspect
import math
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Self

from engine import Value, compiler
from engine.other_names import no_attribute
from engine.whole_files import as_path
from nn import training as fitting
from nn.configuration import OWN, remember_arguments
from nn.data import Table, as_table, by_name
from nn.examples import examples_by_name, input_names, output_numbers
from nn.exchange import files
from nn.lazy_numpy import np
from nn.losses import LOGITS
from nn.model_files import ModelFileError
from nn.noise import no_noise, noise_from, noise_source
from nn.other_names import OF_A_MODULE, UNREAD
from nn.parameters import HasParameters, dotted, parts_in
from nn.scaling import exponents
from nn.targets import predicted
from nn.validation import plain_label, shortened, without_addresses

if TYPE_CHECKING:
    from nn.data.columns import Columns
    from nn.targets import Label


class _OfTheClass(classmethod):  # type: ignore[type-arg]
    """A class method that is refused on an object: it returns another one, and leaves this one as it is."""

    def __get__(self, module: Any, kind: type | None = None) -> Any:
        if module is None:
            return super().__get__(module, kind)
        name, own = self.__func__.__name__, type(module).__name__

        def refuse(*_args: Any, **_options: Any) -> Any:
            raise TypeError(f"{name} returns a new {own}: write model = {own}.{name}(path)")

        return refuse


class Module(HasParameters):
    """Base of layers and networks; the leaves in its attributes are its parameters.

    A subclass sets Values, Modules, or lists, tuples, dicts or arrays of them as attributes. It defines ``__call__``,
    which takes the inputs of one example and returns a Value, or a list or an array of them. ``fit``, ``save`` and
    ``load`` then work. A subclass whose ``__init__`` takes other arguments than numbers, strings, lists and dicts
    overrides ``configuration``.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(1.0), Value(0.0)
    ...     def __call__(self, x):
    ...         return self.slope * x[0] + self.offset
    >>> [name for name, _ in Line().named_parameters()]
    ['slope', 'offset']
    """

    n_inputs: int | None = None
    """The number of inputs of an example, if fixed."""
    n_outputs: int | None = None
    """The number of outputs, if fixed."""
    loss: str | None = None
    """The name of the last training loss; it decides what ``predict`` and ``score`` mean."""
    classes: list[Label] | None = None
    """The label of each output, once trained to classify."""
    column_names: list[str] | None = None
    """The columns of the pandas frame that it was trained on; another frame is read by these names."""
    target_column_names: list[str] | None = None
    """The same of the frame of targets."""
    table: Columns | None = None
    """The columns of the CSV file that the command trained it on."""
    starting: ClassVar[tuple[str, ...]] = ()
    """The arguments that only decide how weights start; a file does not hold them."""
    _fixed: ClassVar[tuple[str, ...]] = ()  # attributes that only __init__ sets: parts would not follow a change
    _arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = remember_arguments(cls.__init__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Any:
        """The output for the inputs of one example: a Value or a list of Values."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, x)")

    def __repr__(self) -> str:
        args, options = self._arguments
        given = [("", value) for value in args] + [(f"{name}=", value) for name, value in options.items()]
        shown = [name + plain_label(without_addresses(repr(value)), 59) for name, value in given]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getattr__(self, name: str) -> Any:
        raise no_attribute(f"{type(self).__name__!r} object", name, OF_A_MODULE)

    def __setattr__(self, name: str, thing: object) -> None:
        if name in UNREAD and name not in self._weights and type(self).__module__ in OWN:
            self.__getattr__(name)
        if name in type(self)._fixed and name in vars(self):
            kind, advice = type(self).__name__, "or set the activation of each of its neurons"
            must = f"{name} must be given to {kind}(...), got {shortened(thing)} afterwards"
            raise AttributeError(f"{must}; make another {kind}, {advice}")
        super().__setattr__(name, thing)

    @property
    def training(self) -> bool | None:
        """Whether ``train()`` or ``eval()`` was called last; None for neither.

        Raises:
            RuntimeError: it is read in a step of ``fit``, which measures with the same graph.
        """
        if noise_source.get() not in (None, no_noise):
            raise RuntimeError(
                f"{type(self).__name__}.training must not be read in a step of fit, which measures with the same "
                "graph; use a Dropout, or call train() in a loop of your own"
            )
        return vars(self).get("training")

    @training.setter
    def training(self, mode: bool | None) -> None:
        vars(self)["training"] = mode

    fit = fitting.fit

    @noise_from(no_noise)
    def predict(self, X: Any, backend: str = "numpy") -> list[Any]:
        """The class for each row of *X*; without classes, the output or outputs.

        Where there are many rows, a program computes them, which the *backend* carries out: see ``engine.compile``.
        """
        outputs = _outputs(self, X, backend)
        _check_classes(self, outputs)
        return [predicted(self.classes, self.loss, row) for row in outputs]

    @noise_from(no_noise)
    def decision_function(self, X: Any, backend: str = "numpy") -> Any:
        """The outputs, such as logits: ``(n_examples, n_outputs)`` or ``(n_examples,)``."""
        n_outputs = self.n_outputs or len(self.classes or [0.0])  # where there is no row
        outputs = np.array(_outputs(self, X, backend) or np.empty((0, n_outputs)))
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict_proba(self, X: Any, backend: str = "numpy") -> Any:
        """The probability of each class for each example: ``(n_examples, n_classes)``.

        Of a model trained on answers to several questions it is the probability of each yes.

        Raises:
            ValueError: the model was not trained with a loss on logits.
        """
        return np.exp(self.predict_log_proba(X, backend))

    def predict_log_proba(self, X: Any, backend: str = "numpy") -> Any:
        """The logarithms of ``predict_proba``, exact where probabilities are close to 0."""
        if self.loss not in LOGITS:
            raise ValueError(
                "predict_proba must be asked of a model trained with cross_entropy or binary_cross_entropy, got one "
                f"trained with {self.loss or 'no loss'}; decision_function gives its outputs"
            )
        z = np.asarray(self.decision_function(X, backend))
        if self.loss == "cross_entropy":
            z = z - z.max(axis=-1, keepdims=True)
            return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        return -np.logaddexp(0.0, -z if z.ndim == 2 else np.stack([z, -z], axis=1))

    @noise_from(no_noise)
    def score(self, X: Any, y: Any, backend: str = "numpy") -> float:
        """The share of examples whose class is right, in [0, 1]; for numbers R**2.

        R**2 of a single example is NaN.
        """
        examples = examples_by_name(self, X, y, self.loss or "mse", keep_float32=True)
        outputs = _outputs_of(self, examples.table, backend)
        _check_classes(self, outputs)
        targets = examples.targets
        if targets.classes is not None:
            return float(targets.are_right(np.array(outputs)).mean())
        numbers = targets.columns()
        if numbers.shape[1] != len(outputs[0]):
            raise ValueError(
                f"y must have {len(outputs[0])} numbers an example for score, which compares each output with one, got "
                f"{numbers.shape[1]}; with this loss, measure by validation_data"
            )
        return _determination(np.array(outputs), numbers)

    def summary(self) -> None:
        """Print a table of the layers with the size of their outputs and their parameters.

        >>> from nn import MLP
        >>> MLP(2, [16, 1], seed=0).summary()
        layer           output  parameters
        layers.0 Layer      16          48
        layers.1 Layer       1          17
        total                           65
        """
        rows = [("layer", "output", "parameters"), *_rows(self), ("total", "", f"{len(self.parameters()):,}")]
        widths = [max(map(len, column)) for column in zip(*rows)]
        for name, size, n in rows:
            print(f"{name:<{widths[0]}}  {size:>{widths[1]}}  {n:>{widths[2]}}")

    def output_activations(self) -> dict[Value, tuple[str, ...]]:
        """The activations that follow each parameter in a call, by name, as far as known."""
        modules = [part for _, part in parts_in(self) if isinstance(part, Module)]
        return {parameter: names for part in modules for parameter, names in part.output_activations().items()}

    def train(self, mode: bool = True) -> Self:
        """Turn Dropout's noise on, for your own training loop; ``fit`` does it by itself."""
        if not isinstance(mode, bool):
            raise ValueError(f"mode must be True or False, got {shortened(mode)}; fit(X, y) trains on examples")
        self.training = mode
        for _, part in parts_in(self):
            if isinstance(part, Module):
                part.training = mode
        return self

    def eval(self) -> Self:
        """Turn the noise of Dropout off, as it is after ``fit`` and ``load``."""
        return Module.train(self, False)  # a subclass may have a train of its own

    def configuration(self) -> dict[str, Any]:
        """The arguments of ``__init__`` by name, which ``save`` writes and ``load`` reads.

        A subclass may override this; a file holds what JSON can, and layers of this library.
        """
        args, options = self._arguments
        signature = inspect.signature(type(self))
        bound = signature.bind_partial(*args, **options)
        bound.apply_defaults()
        plain = {name for name, parameter in signature.parameters.items() if parameter.default is None}
        return {
            name: value
            for name, value in bound.arguments.items()
            if name not in self.starting and not (value is None and name in plain)
        }

    def save(self, path: str | PathLike[str]) -> None:
        """Write configuration and parameters, whole or not at all.

        A path that ends with ``.onnx`` or ``.safetensors`` makes a file of that format (see ``nn.exchange``). Others
        make one of JSON: with ``.json``, ``.txt``, ``.model``, a version such as ``.v2``, or no ending.

        Raises:
            OSError: the file cannot be written.
            ValueError: a parameter is NaN or infinite; or ``load`` could not restore this module, as it holds a
                function of your own, or was changed after ``__init__``; or the format has no such layer; or the path
                has another ending.
            ImportError: the package onnx or safetensors is missing.
        """
        files.write_model(path, self)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The module that ``save`` wrote, every number exact; nothing in it is executed.

        An ``.onnx`` file may come from another tool, for MLP, Sequential and Layer.

        Raises:
            OSError: the file cannot be read.
            ModelFileError: it is not a whole model file of this kind.
            ImportError: the package onnx or safetensors is missing.
        """
        path = as_path("path", path)
        try:
            module: Self = files.load_model(path, cls)
        except ModelFileError:
            raise
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ModelFileError(f"{path}: {error}") from None
        return module.eval()


if not TYPE_CHECKING:
    Module.load = _OfTheClass(Module.load.__func__)


def _rows(module: Module) -> list[tuple[str, str, str]]:
    """A row for each outermost module or function, and one for all other parameters."""
    rows: list[tuple[str, str, str]] = []
    others = dict.fromkeys(module.parameters())
    sizes = getattr(module, "output_sizes", dict[int, int])()
    inside: set[int] = set()
    for path, part in parts_in(module):
        if id(part) in inside or not (isinstance(part, HasParameters) or id(part) in sizes):
            continue
        own = []
        if isinstance(part, HasParameters):
            own = part.parameters()
            inside.update(id(inner) for _, inner in parts_in(part))
        size = sizes.get(id(part), getattr(part, "n_outputs", None))
        kind = getattr(part, "__name__", type(part).__name__)
        rows.append((f"{dotted(path)} {kind}", "-" if size is None else str(size), f"{len(own):,}"))
        for parameter in own:
            others.pop(parameter, None)
    return [*rows, (type(module).__name__, "-", f"{len(others):,}")] if others else rows


def _outputs(model: Module, X: Any, backend: str) -> list[list[float]]:
    """The outputs for each row of *X*, of which there may be none; columns by the names that ``fit`` saw."""
    X = by_name(X, input_names(model), keep=False)
    table = as_table(X, "X", model.n_inputs, empty=True, keep_float32=True)
    return _outputs_of(model, table, backend)


def _check_classes(model: Module, outputs: list[list[float]]) -> None:
    """Raise a ValueError where no class follows from the outputs."""
    for row, numbers in enumerate(outputs if model.classes is not None else ()):
        if any(map(math.isnan, numbers)):
            raise ValueError(f"outputs must be numbers to choose a class, got {numbers} for row {row}")


def _outputs_of(model: Module, table: Table, backend: str) -> list[list[float]]:
    """The outputs for each example, by replay if there are many and the model can be recorded."""
    from nn.programs import replayed_outputs

    compiler.backend_named(backend)
    return replayed_outputs(model, table, backend) or [output_numbers(model(row.tolist())) for row in table]


def _determination(outputs: Table, targets: Table) -> float:
    """R**2 = 1 - squared error / squared distance from the mean, the mean over the outputs as in scikit-learn."""
    if len(targets) < 2:
        return math.nan  # not defined, as in scikit-learn
    are_right, unit = (outputs == targets).all(axis=0), -exponents(targets, 0)
    with np.errstate(all="ignore"):  # where an error is too large for a float, it is minus infinity
        outputs, targets = np.ldexp(outputs, unit), np.ldexp(targets, unit)  # so that squares stay in range
        error = ((outputs - targets) ** 2).sum(axis=0)
    spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    ratios = [1.0 - e / s if s else float(right) for e, s, right in zip(error, spread, are_right)]
    return float(np.mean(ratios))
