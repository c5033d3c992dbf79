"""The package onnx, and what all models made with it share; without numpy, as model files need it too."""

from typing import Any

from engine.optional_packages import optional_package

OPSET = 20  # the first with Gelu
DOMAIN = "gradstep"
"""The domain of functions of this library."""


def package() -> Any:
    return optional_package("onnx", "an .onnx file")
