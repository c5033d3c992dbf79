"""The arguments of ``fit``, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from engine import compiler
from nn.data import DataSet
from nn.schedules import EarlyStopping, ReduceOnPlateau
from nn.training.history import History
from nn.training.teams import Alone, Team
from nn.validation import check_flag, check_int, float_type, shortened

if TYPE_CHECKING:
    from nn.module import Module

Callback = Callable[["Module", History], object]


class Options:
    """How ``fit`` trains: those of the arguments *given* to it that have no data, checked."""

    def __init__(self, given: dict[str, Any]) -> None:
        epochs, self.replay = given["epochs"], _check_replay(given["replay"])
        if given["communicator"] is not None:
            _check_alike(self.replay, given["validation_split"], given["class_weight"])
        self.batch_size = check_int("batch_size", given["batch_size"], 1)
        self.epochs = None if epochs is None else check_int("epochs", epochs, 0)
        self.stopping = _check_stopping(given["early_stopping"])
        self.callbacks = _check_callbacks(given["callbacks"])
        self.verbose = _check_verbose(given["verbose"], given["progress"])
        self.dtype = _check_dtype(given["dtype"], self.replay)
        self.backend = _check_backend(given["backend"], self.replay, given["devices"])
        self.seed: int | None = given["seed"]


OWN_TO_EACH = {"model", "X", "y", "validation_data", "sample_weight", "callbacks", "progress", "verbose", "optimizer"}
OWN_TO_EACH |= {"checkpoint", "checkpoint_every", "communicator", "unknown", "loss", "learning_rate", "early_stopping"}
"""The arguments of ``fit`` that may be others in each process, or are compared by what they hold."""


def _check_stopping(early_stopping: Any) -> EarlyStopping | None:
    if early_stopping is None or early_stopping is False:
        return None
    if isinstance(early_stopping, EarlyStopping):
        return early_stopping
    return EarlyStopping(10 if early_stopping is True else check_int("early_stopping", early_stopping, 1))


def _check_verbose(verbose: Any, progress: bool) -> int:
    """The verbosity: 0 for nothing, 1 for a progress bar, 2 for a line an epoch."""
    shows = check_flag("progress", progress)
    if verbose is None:
        return int(shows)
    if not hasattr(verbose, "__index__") or not 0 <= verbose <= 2:
        raise ValueError(f"verbose must be 0 (nothing), 1 (progress bar) or 2 (a line an epoch), got {verbose!r}")
    return int(verbose)


def _check_replay(replay: Any) -> bool | None:
    return None if replay is None else check_flag("replay", replay, "True, False or None")


def _check_dtype(dtype: Any, replay: bool | None) -> str:
    name = float_type(dtype)
    if name == "float32" and replay is False:
        raise ValueError('dtype must be "float64" for eager training, got "float32" with replay=False; leave one out')
    return name


def _check_backend(backend: Any, replay: bool | None, devices: Any) -> str:
    """The name of the backend; of JAX on several *devices* with their number."""
    if devices is not None:
        if backend != "jax":
            raise ValueError(f'devices must be left out unless backend is "jax", got {shortened(devices)}')
        backend = f"jax:{check_int('devices', devices, 1)}"
    compiler.backend_named(backend)
    if backend != "numpy" and replay is False:
        raise ValueError(f'backend must be "numpy" for eager training, got "{backend}" beside replay=False')
    return str(backend)


def _check_alike(replay: bool | None, validation_split: Any, class_weight: Any) -> None:
    """Refuse what several processes cannot do as one does."""
    if replay is False:
        raise ValueError("replay must be True or None with a communicator, got False; one process alone trains eagerly")
    if holds_out(validation_split):
        raise ValueError("validation_split must be left out with a communicator; give each process validation_data")
    if isinstance(class_weight, str):
        raise ValueError(
            f"class_weight must be a dict with a communicator, got {shortened(class_weight)}; a process counts its own "
            "examples alone"
        )


def holds_out(validation_split: Any) -> bool:
    """Whether a share of the examples is held out: 0 is none, as in Keras."""
    return validation_split not in (None, 0)


def check_pair(validation_data: Any, validation_split: Any) -> tuple[Any, Any]:
    """Inputs and targets of a pair, or of a DataSet or a named tuple, by their names X and y."""
    if holds_out(validation_split):
        raise ValueError("validation_split must be left out beside validation_data")
    names = getattr(validation_data, "_fields", ("X", "y") if isinstance(validation_data, DataSet) else ())
    if sorted(names) == ["X", "y"]:
        return validation_data.X, validation_data.y
    if names or not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data must be a pair (X, y), got {shortened(validation_data)}")
    return validation_data[0], validation_data[1]


def _check_callbacks(callbacks: Any) -> list[Callback]:
    calls = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    for kind, name in ((EarlyStopping, "early_stopping"), (ReduceOnPlateau, "learning_rate")):
        if any(isinstance(call, kind) or call is kind for call in calls):
            raise ValueError(f"callbacks must have no {kind.__name__}; give it as {name}=")
    for call in calls:
        if isinstance(call, type):
            raise ValueError(f"callbacks must have no class, got {call.__name__}; write {call.__name__}()")
    if not isinstance(callbacks, Iterable) or not all(map(callable, calls)):
        raise ValueError(f"callbacks must be a list of functions (model, history), got {shortened(callbacks)}")
    return calls


def is_true(answer: Any) -> bool:
    """Whether a callback answers True, also by a bool of numpy, PyTorch or JAX."""
    kind = str(getattr(answer, "dtype", type(answer).__name__)).rpartition(".")[2]
    return kind == "bool" and not getattr(answer, "ndim", 0) and bool(answer)


def team_of(communicator: Any) -> Alone:
    """The processes of ``fit``'s *communicator*."""
    if communicator is None:
        return Alone()
    from nn.training.communicators import as_communicator

    return Team(as_communicator(communicator))
