from nn import MLP
from nn.data import moons

train, test = moons(300, seed=0).split(0.3, seed=0)

model = MLP(2, [16, 16, 1], seed=0)
model.fit(train.X, train.y, loss="bce", learning_rate=0.01, epochs=40, seed=0)
print(model.score(test.X, test.y))

assert model.score(test.X, test.y) > 0.9
