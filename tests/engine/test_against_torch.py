"""The same operations in PyTorch (float64): values and gradients, on kinks and edges too.

Two differences are deliberate: finite numbers outside the domain of an operation are an error here, and NaN or infinity
there; and the chain rule hands nothing on where a local derivative or a gradient is exactly 0, so that 0 times infinity
is 0 here and NaN there.
"""

import math

import pytest
from graphs import SMOOTH, recipes, rounding
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import OPERATIONS, SPECIAL

from engine import Value

torch = pytest.importorskip("torch")

every_operation = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
ordinary = st.integers(-320, 320).map(lambda n: n / 64) | st.floats(-5.0, 5.0).map(lambda x: round(x, 3))


def by_torch(row, numbers):
    """Value and gradients as PyTorch has them."""
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    result = row.torch_function(torch)(*tensors)
    result.backward()
    return result.item(), [0.0 if t.grad is None else t.grad.item() for t in tensors]


def by_engine(row, numbers):
    """The same here, or the error."""
    try:
        result, values = row.on(*numbers)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        return error, []
    result.backward()
    return result.data, [value.grad for value in values]


def check(row, numbers):
    value, gradients = by_engine(row, numbers)
    expected, expected_gradients = by_torch(row, numbers)
    if isinstance(value, Exception):
        assert not math.isfinite(expected), f"{value}, but PyTorch has {expected}"
        return
    if row.name == "gelu" and math.isinf(numbers[0]):
        assert (value, gradients) == (max(numbers[0], 0.0), [1.0 if numbers[0] > 0.0 else 0.0])  # the limits; NaN there
        return
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-14, nan_ok=True)
    if any(map(math.isinf, numbers)) and row.name in ("logsumexp", "softmax[0]"):
        return  # 0 times infinity is 0 in the chain rule here, and NaN there
    assert gradients == pytest.approx(expected_gradients, rel=1e-9, abs=1e-12, nan_ok=True)


@every_operation
@given(data=st.data())
@settings(max_examples=60)
def test_value_and_gradients_are_pytorchs(row, data):
    check(row, data.draw(st.tuples(*(ordinary for _ in row.domains))))


@every_operation
@given(data=st.data())
@settings(max_examples=60)
def test_edges_are_pytorchs(row, data):
    check(row, data.draw(st.tuples(*(st.sampled_from(SPECIAL) for _ in row.domains))))


@given(recipes(SMOOTH))
@settings(max_examples=60)
def test_random_graphs_have_pytorchs_gradients(recipe):
    values = [Value(x) for x in recipe.numbers]
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in recipe.numbers]
    ours, theirs = recipe.follow(values)[-1], recipe.follow(tensors)[-1]
    if not math.isfinite(ours.data) or abs(ours.data) > 1e100:
        return
    ours.backward()
    theirs.backward()
    for value, tensor in zip(values, tensors):
        expected = 0.0 if tensor.grad is None else tensor.grad.item()
        assert value.grad == pytest.approx(expected, rel=1e-9, abs=rounding(ours), nan_ok=True)
