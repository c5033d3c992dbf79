import numpy as np

from nn import MLP, Module


class Twins(Module):
    def __init__(self):
        self.net = MLP(3, [8, 2], activation="tanh", seed=0)

    def __call__(self, x):
        return sum((a - b) ** 2 for a, b in zip(self.net(x[:3]), self.net(x[3:])))


model, X = Twins(), np.random.RandomState(0).uniform(-1, 1, (200, 6))
y = (X[:, :3].sum(axis=1) - X[:, 3:].sum(axis=1)) ** 2
model.fit(X, y, learning_rate=0.02, epochs=60, seed=0)
assert model.score(X, y) > 0.9
