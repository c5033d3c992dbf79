import numpy as np

from nn import MLP

X = np.random.RandomState(0).uniform(size=(300, 1))
y = X[:, 0] + np.random.RandomState(1).uniform(size=300)


def quantile(output, target):  # nine targets of ten are to be below the output
    return (0.9 * (target - output)).maximum(0.1 * (output - target))


model = MLP(1, [8, 1], activation="tanh", seed=0)
model.fit(X, y, loss=quantile, learning_rate=0.01, epochs=60, seed=0)
assert 0.8 < np.mean(y < model.predict(X)) < 0.97
