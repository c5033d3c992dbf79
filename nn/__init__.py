"""gradstep's neural networks: thin, made of engine Values.

>>> from nn import MLP
>>> model = MLP(2, [8, 1], activation="tanh", seed=0)
>>> history = model.fit(
...     [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss="binary_cross_entropy",
...     learning_rate=0.05, epochs=100, batch_size=4, seed=0, progress=False)
>>> model.predict([[0, 1], [1, 1]])
[1, 0]
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import engine

if engine.__file__ is None or Path(engine.__file__).parents[1] != Path(__file__).parents[1]:
    raise ImportError(f"{engine.__file__} hides gradstep's package engine: rename that file, or start Python elsewhere")

from engine.other_names import missing_name
from nn import data, schedules
from nn import exchange as exchange
from nn.layers import Activation, Dropout, Sequential, Softmax
from nn.losses import binary_cross_entropy, cross_entropy, hinge, huber, mae, mse
from nn.mlp import MLP, Layer, Neuron
from nn.model_files import ModelFileError
from nn.module import Module
from nn.optimizers import SGD, Adam, AdamW, Optimizer, clip_grad_norm
from nn.other_names import OF_NN
from nn.schedules import EarlyStopping, ReduceOnPlateau
from nn.training.history import ConvergenceWarning, History

if TYPE_CHECKING:
    from nn import estimators as estimators
    from nn import pictures as pictures

__all__ = ["MLP", "SGD", "Activation", "Adam", "AdamW", "ConvergenceWarning", "Dropout", "EarlyStopping", "History"]
__all__ += ["Layer", "ModelFileError", "Module", "Neuron", "Optimizer", "ReduceOnPlateau", "Sequential", "Softmax"]
__all__ += ["binary_cross_entropy", "clip_grad_norm", "cross_entropy", "data", "hinge", "huber", "mae", "mse"]
__all__ += ["schedules"]

_LOADED_WHEN_ASKED_FOR = ("estimators", "pictures")
_WITH_EXTRAS = ("exchange", *_LOADED_WHEN_ASKED_FOR)  # need packages that may be missing: in no ``import *``


def __getattr__(name: str) -> object:
    """``nn.pictures`` loads matplotlib, and so comes when it is first asked for."""
    if name not in _LOADED_WHEN_ASKED_FOR:
        raise missing_name("nn", name, OF_NN, __dir__())
    return import_module(f"nn.{name}")


def __dir__() -> list[str]:
    return [*__all__, *_WITH_EXTRAS]
