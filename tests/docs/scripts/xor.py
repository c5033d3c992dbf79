from nn import MLP

X = [[0, 0], [0, 1], [1, 0], [1, 1]]
y = [0, 1, 1, 0]

model = MLP(2, [8, 1], activation="tanh", seed=0)
model.fit(X, y, loss="binary_cross_entropy", learning_rate=0.05, epochs=300, seed=0)
print(model.predict(X))

assert model.predict(X) == [0, 1, 1, 0]
