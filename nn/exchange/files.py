"""Model files: JSON, or a network that other tools read, and in it a text for this library."""

import math
import re
from os import PathLike
from typing import Any

from engine.whole_files import as_path, write_whole
from nn import model_files
from nn.configuration import describe, encode, restore
from nn.exchange import onnx_files, safetensors_files
from nn.exchange.network import steps_of
from nn.validation import float_type

_FORMATS: dict[str, Any] = {".onnx": onnx_files, ".safetensors": safetensors_files}
_JSON = re.compile(r"|\.(json|txt|model|v?\d+)")
_OTHERS = "gradstep export MODEL FILE writes C and JavaScript, nn.exchange.to_torch(model) makes a network of PyTorch"


def check_ending(path: str | PathLike[str]) -> None:
    """Raise a ValueError for an ending of no format, and an ImportError if the package of the format is missing."""
    ending = _ending(path)
    if ending in _FORMATS:
        _FORMATS[ending].package()
    elif not _JSON.fullmatch(ending):
        raise ValueError(f"a model file must end in .json, .onnx or .safetensors, got {str(path)!r}; {_OTHERS}")


def write_model(path: str | PathLike[str], model: Any, **options: Any) -> None:
    """Write a model in the format of the path's ending: see ``Module.save``; every float is read back exactly."""
    check_ending(path)
    content, form = describe(model), _FORMATS.get(_ending(path))
    for name, number in content["parameters"].items():
        if not math.isfinite(number):
            raise ValueError(f"the parameter {name} must be a finite number for a model file, got {number}")
    if form is None:
        data = (model_files.model_text(content, indent=1) + "\n").encode()
    else:
        del content["parameters"]
        text = model_files.model_text(content | {"configuration": encode(model, None)})
        data = form.to_bytes(steps_of(model), text, **options)
    write_whole(path, data)


def load_model(path: str | PathLike[str], kind: type[Any]) -> Any:
    """The model of this kind in a file: see ``Module.load``; a ValueError or TypeError if it holds no such model."""
    if form := _FORMATS.get(_ending(path)):
        return form.load(path, kind)
    return restore(kind, model_files.read_model(path, kind.__name__))


def to_onnx(model: Any, path: str | PathLike[str], dtype: str = "float64") -> None:
    """Write a model as an ONNX file, in float64 as ``model.save`` does, or float32.

    The network takes X ``(n, n_inputs)`` and gives Y ``(n, n_outputs)``, the outputs of ``model(x)``, such as logits.
    Dropout, which is off in evaluation, is no part of the graph. Kind, classes, loss and columns are in the metadata,
    as a text that ``load`` reads.

    Args:
        model: an MLP, Sequential, Layer or Neuron, with activations by name.
        path: must end with ``.onnx``.
        dtype: ``"float32"`` rounds the weights, and uses ONNX's own operators alone.

    Raises:
        OSError: the file cannot be written.
        ValueError: a layer has no counterpart, or a parameter is not finite in this type.
        ImportError: the package onnx is missing.

    >>> from nn import MLP
    >>> to_onnx(MLP(2, [3, 1], seed=0), "small.onnx", dtype="float32")
    >>> MLP.load("small.onnx")
    MLP of [Layer of [3 ReLUNeuron(2)], Layer of [LinearNeuron(3)]]
    """
    if _ending(path) != ".onnx":
        raise ValueError(f"path must end with .onnx, got {str(path)!r}")
    write_model(path, model, dtype=float_type(dtype))


def _ending(path: str | PathLike[str]) -> str:
    return as_path("path", path).suffix.lower().rstrip(".")
