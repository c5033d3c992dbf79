"""gradstep's neural networks: thin, made of engine Values.

>>> from nn import MLP
>>> model = MLP(2, [8, 1], activation="tanh", seed=0)
>>> history = model.fit(
...     [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss="binary_cross_entropy",
...     learning_rate=0.05, epochs=100, batch_size=4, seed=0, progress=False)
>>> model.predict([[0, 1], [1, 1]])
[1, 0]
"""

from nn.history import ConvergenceWarning, History
from nn.losses import binary_cross_entropy, cross_entropy, hinge, huber, mae, mse
from nn.mlp import MLP, Layer, Neuron
from nn.model_files import ModelFileError
from nn.module import Module
from nn.optimizers import SGD, Adam, AdamW, Optimizer
from nn.schedules import EarlyStopping, ReduceOnPlateau

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "ConvergenceWarning",
    "EarlyStopping",
    "History",
    "Layer",
    "ModelFileError",
    "Module",
    "Neuron",
    "Optimizer",
    "ReduceOnPlateau",
    "binary_cross_entropy",
    "cross_entropy",
    "hinge",
    "huber",
    "mae",
    "mse",
]
