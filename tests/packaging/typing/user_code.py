"""What users type, with the types that mypy and pyright must find. Nobody runs this file; test_types.py checks it."""

from typing import Any, assert_type

import numpy as np

import gradstep
from engine import Value, dot, exp, grad, gradients, maximum, mean, softmax, tanh
from gradstep.engine import Value as SameValue
from gradstep.nn.data import moons
from nn import MLP, Adam, History, Layer, mse

a = Value(2.0, label="a")
b = Value(3)
assert_type(a + b, Value)
assert_type(a - 1, Value)
assert_type(2.0 * a, Value)
assert_type(1 / a, Value)
assert_type(a**2, Value)
assert_type(2**a, Value)
assert_type(-a, Value)
assert_type(abs(a), Value)
assert_type((a * b + 1).tanh(), Value)
assert_type(a * np.ones(3), Any)
assert_type(exp(a), Value)
assert_type(tanh(0.5), float)
assert_type(exp(1), float)
assert_type(maximum(a, 0.0), Value)
assert_type(maximum(1.0, 2.0), float)
assert_type(dot([a, b], [1.0, 2.0]), Value)
assert_type(mean([a, b]), Value)
assert_type(softmax([a, b]), list[Value])
assert_type(a < b, bool)
assert_type(a.grad, float)
assert_type((a + b).data, float)
assert_type(gradients(a * b, [a, b]), list[Value])

model = MLP(2, [4, 1], activation="tanh")
loss = (model([1.0, 2.0]) - 1.0) ** 2
loss.backward()
assert_type(model.parameters(), list[Value])
total = sum(((model(x) - 1.0) ** 2 for x in ([0.0, 1.0], [1.0, 0.0])), Value(0.0))
total.backward()
mse(model([1.0, 2.0]), 1.0).backward()
for p in model.parameters():
    p.data -= 0.1 * p.grad
optimizer = Adam(model.parameters(), learning_rate=0.01)
optimizer.step()
X, y = moons(20, seed=0)
assert_type(model.fit(X, y, loss="binary_cross_entropy", epochs=1, progress=False), History)
hidden = Layer(2, 3)([1.0, 2.0])
first: Value = hidden[0]

same: SameValue = gradstep.tanh(gradstep.Value(0.5))
assert_type(same, Value)
also: gradstep.MLP = model
slope = grad(lambda x: x * x)(3.0)

# What must fail, for both of them: an ignored error that is none is an error itself.
a * "x"  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
a.data = "x"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
_ = a.nothing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
Value("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
MLP(2, ["x"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
