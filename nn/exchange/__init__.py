"""Exchange with other tools: ONNX, PyTorch, safetensors and scikit-learn.

``model.save("model.onnx")`` and ``MLP.load("model.onnx")`` go by the ending of the path, as with ``.safetensors``; the
functions here do the rest. Each needs the package of its tool, and says so.
"""

from nn.exchange.files import to_onnx
from nn.exchange.pytorch import from_torch, to_torch
from nn.exchange.safetensors_files import load_weights
from nn.exchange.scikit_learn import from_sklearn, to_sklearn

__all__ = ["from_sklearn", "from_torch", "load_weights", "to_onnx", "to_sklearn", "to_torch"]
