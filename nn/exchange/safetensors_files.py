"""safetensors files: two tensors for each layer, named as in ``to_torch(model).state_dict()``."""

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

from engine.optional_packages import optional_package
from nn.configuration import set_parameters
from nn.exchange.network import KEY, Linear, Step, numbers_in, steps_of
from nn.model_files import ModelFileError, check_size
from nn.validation import first_names, plain_label

HOLDS = (Linear,)


def package() -> Any:
    """The package safetensors; raises an ImportError if it is missing."""
    return optional_package("safetensors", "a .safetensors file")


def load_weights(model: Any, path: str | PathLike[str]) -> None:
    """Set a model's weights to those of a safetensors file, such as one of PyTorch.

    The tensors are named and shaped as in ``to_torch(model).state_dict()``: ``0.weight`` (n_outputs, n_inputs),
    ``0.bias`` (n_outputs,), and so on; they are float32 or float64.

    Raises:
        OSError: the file cannot be read.
        ModelFileError: it is no safetensors file, or has other tensors than the model; the model stays as it is.
        ImportError: the package safetensors is missing.

    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], seed=0)
    >>> model.save("weights.safetensors")
    >>> again = MLP(2, [3, 1], seed=1)
    >>> load_weights(again, "weights.safetensors")
    >>> again.state_dict() == model.state_dict()
    True
    """
    shapes = {name: array.shape for name, array in _arrays(steps_of(model)).items()}
    try:
        arrays, _ = _read(path)
        if shapes.keys() != arrays.keys():
            raise ValueError(f"the tensors must be {first_names(shapes)} for this model, got {first_names(arrays)}")
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise ValueError(f"the tensor {name} must have the shape {shape}, got {arrays[name].shape}")
    except ValueError as error:
        raise ModelFileError(f"{path}: {error}") from None
    set_parameters(model, numbers_in(_steps(arrays)))


def to_bytes(steps: Sequence[Step], text: str) -> bytes:
    """The file of the weights, with this text in its metadata."""
    package()
    from safetensors.numpy import save

    return bytes(save(_arrays(steps), {KEY: text}))


def read(path: str | PathLike[str]) -> tuple[list[Step], str]:
    """The weights in a file, and the text that this library wrote there."""
    arrays, text = _read(path)
    if text is None:
        raise ValueError("the file has weights alone; make the model, and load_weights(model, path) of nn.exchange")
    return _steps(arrays), text


def _arrays(steps: Sequence[Step]) -> dict[str, Any]:
    numbered = [(index, step) for index, step in enumerate(steps) if isinstance(step, Linear)]
    parts = [zip((f"{index}.weight", f"{index}.bias"), step.arrays()) for index, step in numbered]
    return {name: array for part in parts for name, array in part}


def _steps(arrays: dict[str, Any]) -> list[Step]:
    """The weights in the order of the numbers in their names."""
    names = {name.removesuffix(".weight") for name in arrays if name.endswith(".weight")}
    if not all(len(name) < 10 and name.isdecimal() for name in names) or arrays.keys() != {
        f"{name}.{part}" for name in names for part in ("weight", "bias")
    }:
        raise ValueError(f"the tensors must be named 0.weight, 0.bias and so on, got {first_names(arrays)}")
    steps: list[Step] = []
    for name in sorted(names, key=int):
        weights, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
        if weights.ndim != 2 or 0 in weights.shape or bias.shape != weights.shape[:1]:
            raise ValueError(f"weight and bias {name} must fit each other, got {weights.shape} and {bias.shape}")
        steps.append(Linear(weights.tolist(), bias.tolist()))
    return steps


def _read(path: str | PathLike[str]) -> tuple[dict[str, Any], str | None]:
    """The arrays of a file, by name, and its text."""
    safetensors = package()
    check_size(path)
    try:
        with safetensors.safe_open(fspath(path), framework="numpy") as file:
            names = sorted(file.keys())
            for name in names:
                if (kind := file.get_slice(name).get_dtype()) not in ("F32", "F64"):
                    raise ValueError(f"the tensor {plain_label(name, 40)} must be float32 or float64, got {kind}")
            arrays, text = {name: file.get_tensor(name) for name in names}, (file.metadata() or {}).get(KEY)
    except safetensors.SafetensorError as error:
        raise ValueError(f"not a whole safetensors file ({plain_label(str(error), 80)})") from None
    for name, array in arrays.items():
        if not (abs(array) < float("inf")).all():
            raise ValueError(f"the tensor {plain_label(name, 40)} must have finite numbers, got NaN or infinity")
    return arrays, text
