import numpy as np

from nn import MLP
from nn.data import moons

train, valid = moons(200, noise=0.4, seed=0).split(0.5, seed=0)
model = MLP(2, [32, 1], seed=0)
history = model.fit(
    train.X, train.y, loss="bce", learning_rate=0.05, validation_data=(valid.X, valid.y), early_stopping=15, seed=0
)
print(history)

right = model.predict_proba(valid.X)[range(100), valid.y]
assert abs(np.mean(-np.log(right)) - min(history.validation_loss)) < 1e-6
