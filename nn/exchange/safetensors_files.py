"""safetensors files: two tensors for each layer, named as in ``to_torch(model).state_dict()``."""

from collections.abc import Sequence
from functools import partial
from os import PathLike, fspath
from typing import Any

from engine.optional_packages import optional_package
from nn.configuration import restore, set_parameters
from nn.exchange.network import KEY, Step, linear, numbers_in, steps_of, tensors_of
from nn.model_files import ModelFileError, check_size, parse_model
from nn.validation import first_names, plain_label

package = partial(optional_package, "safetensors", "a .safetensors file")


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
    steps_of(model)  # or a ValueError
    try:
        _set_weights(model, _read(path)[0])
    except ValueError as error:
        raise ModelFileError(f"{path}: {error}") from None


def to_bytes(steps: Sequence[Step], text: str) -> bytes:
    """The file of the weights, with this text in its metadata."""
    from safetensors.numpy import save

    return bytes(save(tensors_of(steps), {KEY: text}))


def load(path: str | PathLike[str], kind: type[Any]) -> Any:
    """The model of this kind that the text of this library in a file describes, with the weights of the file."""
    arrays, text = _read(path)
    if text is None:
        raise ValueError("the file has weights alone; make the model, and load_weights(model, path) of nn.exchange")
    content = parse_model(path, text.encode(), kind.__name__)
    model = restore(kind, content | {"parameters": [0.0] * sum(array.size for array in arrays.values())})
    _set_weights(model, arrays)
    return model


def _set_weights(model: Any, arrays: dict[str, Any]) -> None:
    """Set a model's weights to these arrays, if their names and shapes are those that the model has."""
    wanted = tensors_of(steps_of(model))
    if arrays.keys() != wanted.keys():
        raise ValueError(f"the tensors must be {first_names(wanted)} for this model, got {first_names(arrays)}")
    for name, array in arrays.items():
        if array.shape != wanted[name].shape:
            raise ValueError(f"the tensor {name} must have the shape {wanted[name].shape}, got {array.shape}")
    ordered = [arrays[name] for name in wanted]
    set_parameters(model, numbers_in([*map(linear, ordered[::2], ordered[1::2])]))


def _read(path: str | PathLike[str]) -> tuple[dict[str, Any], str | None]:
    """The arrays of a file, by name, and its text."""
    safetensors = package()
    check_size(path)
    try:
        with safetensors.safe_open(fspath(path), framework="numpy") as file:
            names = sorted(file.keys())
            for name in names:  # before they are read, as numpy has no bfloat16
                if (kind := file.get_slice(name).get_dtype()) not in ("F32", "F64"):
                    raise ValueError(f"the tensor {plain_label(name, 40)} must be float32 or float64, got {kind}")
            return {name: file.get_tensor(name) for name in names}, (file.metadata() or {}).get(KEY)
    except safetensors.SafetensorError as error:
        raise ValueError(f"not a whole safetensors file ({plain_label(str(error), 80)})") from None
