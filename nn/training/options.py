"""The arguments of ``fit``, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from engine import compiler
from nn.data import DataSet
from nn.schedules import EarlyStopping, ReduceOnPlateau
from nn.training.history import History
from nn.training.processes import Alone
from nn.validation import check_flag, check_int, shortened, unknown_argument

if TYPE_CHECKING:
    from nn.module import Module

Callback = Callable[["Module", History], object]

_MEANT = {  # arguments of other libraries, and what to type here
    **dict.fromkeys(("n_epochs", "max_iter", "nb_epoch"), "epochs="),
    **{"lr": "learning_rate=", "batch": "batch_size=", "random_state": "seed=", "patience": "early_stopping="},
    **{name: f"optimizer=Adam({name}=...)" for name in ("weight_decay", "l1", "l2", "clip_value", "clip_norm")},
    **dict.fromkeys(("clipnorm", "global_clipnorm", "max_norm"), "optimizer=Adam(clip_norm=...)"),
    **{"clipvalue": "optimizer=Adam(clip_value=...)", "momentum": "optimizer=SGD(momentum=...)"},
    **dict.fromkeys(("alpha", "kernel_regularizer"), "optimizer=Adam(l2=...)"),
}

OWN_TO_EACH = {"model", "X", "y", "validation_data", "sample_weight", "callbacks", "progress", "verbose", "optimizer"}
OWN_TO_EACH |= {"checkpoint", "checkpoint_every", "communicator", "unknown", "loss", "learning_rate", "early_stopping"}
"""The arguments of ``fit`` that may be others in each process, or are compared by what they hold."""


def refuse_unknown(unknown: dict[str, Any], names: Iterable[str]) -> None:
    """Raise a TypeError for the first unknown argument of fit, which has annotations of these *names*."""
    for name in unknown:
        raise unknown_argument("fit", name, [n for n in names if n not in ("model", "unknown", "return")], _MEANT)


def check_stopping(early_stopping: Any) -> EarlyStopping | None:
    if early_stopping is None or early_stopping is False:
        return None
    if isinstance(early_stopping, EarlyStopping):
        return early_stopping
    return EarlyStopping(10 if early_stopping is True else check_int("early_stopping", early_stopping, 1))


def check_verbose(verbose: Any, progress: bool) -> int:
    """The verbosity: 0 for nothing, 1 for a progress bar, 2 for a line an epoch."""
    shows = check_flag("progress", progress)
    if verbose is None:
        return int(shows)
    if not hasattr(verbose, "__index__") or not 0 <= verbose <= 2:
        raise ValueError(f"verbose must be 0 (nothing), 1 (progress bar) or 2 (a line an epoch), got {verbose!r}")
    return int(verbose)


def check_replay(replay: Any) -> bool | None:
    return None if replay is None else check_flag("replay", replay, "True, False or None")


def check_dtype(dtype: Any, replay: bool | None) -> str:
    name = dtype if isinstance(dtype, str) else str(getattr(dtype, "__name__", getattr(dtype, "name", "")))
    if name not in ("float64", "float32"):
        raise ValueError(f'dtype must be "float64" or "float32", got {shortened(dtype)}')
    if name == "float32" and replay is False:
        raise ValueError('dtype must be "float64" for eager training, got "float32" with replay=False; leave one out')
    return name


def check_backend(backend: Any, replay: bool | None, devices: Any) -> str:
    """The name of the backend; of JAX on several *devices* with their number."""
    if devices is not None:
        if backend != "jax":
            raise ValueError(f'devices must be left out unless backend is "jax", got {shortened(devices)}')
        backend = f"jax:{check_int('devices', devices, 1)}"
    compiler.backend_named(backend)
    if backend != "numpy" and replay is False:
        raise ValueError(f'backend must be "numpy" for eager training, got "{backend}" beside replay=False')
    return str(backend)


def check_alike(communicator: Any, replay: bool | None, validation_split: Any, class_weight: Any) -> None:
    """Refuse what several processes cannot do as one does."""
    if communicator is None:
        return
    if replay is False:
        raise ValueError("replay must be True or None with a communicator, got False; one process alone trains eagerly")
    if validation_split is not None:
        raise ValueError("validation_split must be left out with a communicator; give each process validation_data")
    if isinstance(class_weight, str):
        raise ValueError(
            f"class_weight must be a dict with a communicator, got {shortened(class_weight)}; a process counts its own "
            "examples alone"
        )


def check_pair(validation_data: Any, validation_split: Any) -> tuple[Any, Any]:
    """Inputs and targets of a pair, or of a DataSet or a named tuple, by their names X and y."""
    if validation_split is not None:
        raise ValueError("validation_split must be left out beside validation_data")
    names = getattr(validation_data, "_fields", ("X", "y") if isinstance(validation_data, DataSet) else ())
    if sorted(names) == ["X", "y"]:
        return validation_data.X, validation_data.y
    if names or not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data must be a pair (X, y), got {shortened(validation_data)}")
    return validation_data[0], validation_data[1]


def check_callbacks(callbacks: Any) -> list[Callback]:
    calls = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    for kind, name in ((EarlyStopping, "early_stopping"), (ReduceOnPlateau, "learning_rate")):
        if any(isinstance(call, kind) for call in calls):
            raise ValueError(f"callbacks must have no {kind.__name__}; give it as {name}=")
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
    from nn.training.teams import Team

    return Team(as_communicator(communicator))
