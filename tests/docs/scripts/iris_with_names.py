from sklearn.datasets import load_iris

from nn import MLP

iris = load_iris()
names = iris.target_names[iris.target]

model = MLP(4, [8, 3], seed=0)
model.fit(iris.data, names, loss="cross_entropy", seed=0)
print(model.predict([[5.1, 3.5, 1.4, 0.2]]))

assert model.predict([[5.1, 3.5, 1.4, 0.2]]) == ["setosa"]
assert model.score(iris.data, names) > 0.9
