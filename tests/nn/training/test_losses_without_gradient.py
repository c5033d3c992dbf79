"""A loss that depends on no parameter trains nothing, and is refused; one that is 0 everywhere is not."""

import numpy as np
import pytest

from engine import Value
from nn import MLP, Module

X = np.random.default_rng(8).uniform(-2.0, 2.0, (60, 2))
X = X[np.abs(X[:, 0]) > 0.05]
SIGNS = np.where(X[:, 0] > 0.0, 1.0, -1.0)
OUTSIDE = Value(2.0)
WAYS = pytest.mark.parametrize("replay", [False, None])


def fitted(model, replay, loss, X=X, y=SIGNS, **options):
    options = {"epochs": 3, "batch_size": 8, "seed": 0, "progress": False, **options}
    return model.fit(X, y, loss=loss, replay=replay, **options)


@WAYS
@pytest.mark.parametrize(
    "loss",
    [
        lambda output, target: Value(1.0),
        lambda output, target: Value(1.0) if target < 2.0 else output,
        lambda output, target: Value((output.data - target) ** 2),
        lambda output, target: (output.detach() - target) ** 2,
        lambda output, target: (target - 3.0) ** 2,
        lambda output, target: OUTSIDE * OUTSIDE,
        lambda output, target: float((output > 0.0) == (target > 0.0)),
    ],
)
@pytest.mark.parametrize("more", [{}, {"sample_weight": np.linspace(0.5, 1.5, len(X))}, {"optimizer": "adamw"}])
def test_a_loss_that_depends_on_no_parameter_is_refused(loss, replay, more):
    model = MLP(2, [3, 1], seed=0)
    with pytest.raises(TypeError, match="the loss '<lambda>' must depend on the model's parameters, got"):
        fitted(model, replay, loss, **more)


@WAYS
def test_a_loss_of_one_class_alone_is_one(replay):
    model = MLP(2, [3, 1], seed=0)
    history = fitted(model, replay, lambda output, target: Value(1.0) if target > 0.0 else output * output)
    assert history.loss[-1] < history.loss[0]


@WAYS
def test_a_loss_without_a_gradient_may_be_as_low_as_it_gets(replay):
    model = MLP(2, [1], seed=0)
    model.load_state_dict(dict(zip(model.state_dict(), (1e3, 0.0, 0.0))))
    before = model.state_dict()
    history = fitted(model, replay, lambda output, target: max(0, 1 - target * output))
    assert history.loss == [0.0] * 3
    assert model.state_dict() == before


@WAYS
def test_a_dead_network_is_no_fault_of_the_loss(replay):
    model = MLP(2, [1], output="relu", seed=0)
    model.load_state_dict(dict.fromkeys(model.state_dict(), -1.0))
    history = fitted(model, replay, lambda output, target: (output - target) ** 2, X=np.abs(X))
    assert history.loss == [1.0] * 3


@WAYS
@pytest.mark.parametrize("more", [{}, {"sample_weight": np.linspace(0.5, 1.5, len(X))}])
@pytest.mark.parametrize(
    ("loss", "floor"),
    [
        (lambda output, target: max(0.1, 1.0 - target * output), 0.1),
        (lambda output, target: min(1.0, (output - target) ** 2), 1.0),
        (lambda output, target: max(0, 1 - target * output) + 0.5, 0.5),
    ],
)
def test_the_lowest_loss_may_be_any_number(replay, more, loss, floor):
    model = MLP(2, [1], seed=0)
    model.load_state_dict(dict(zip(model.state_dict(), (1e3, 0.0, 0.0))))
    assert fitted(model, replay, loss, **more).loss == pytest.approx([floor] * 3)


class Positive(Module):
    """A ReLU that a comparison makes: where all numbers are below 0, nothing of the graph is left."""

    def __init__(self):
        self.w = Value(-1.0)

    def __call__(self, x):
        return max(self.w * x[0], 0)


class Leak(Positive):
    def __call__(self, x):
        return Value(max((self.w * x[0]).data, 0.0))


@WAYS
def test_a_model_whose_comparisons_make_it_dead_is_one(replay):
    assert fitted(Positive(), replay, "mse", X=np.abs(X)).loss == [1.0] * 3
    with pytest.raises(TypeError, match="the loss 'mse' must depend on the model's parameters"):
        fitted(Leak(), replay, "mse", X=np.abs(X))


class Triplet(Module):
    """A model that is its own loss: a plain 0 where the margin is kept."""

    def __init__(self):
        self.w = Value(0.3)

    def __call__(self, x):
        return max(0, self.w * x[0] + 0.2)


class Pair(Triplet):
    def __call__(self, x):
        return max(0, self.w * x[0] + 0.2), min(0.5, self.w * x[1])


class Numpy(Pair):
    def __call__(self, x):
        return np.array(super().__call__(x))


class NumpyScalar(Triplet):
    def __call__(self, x):
        return max(np.float64(0.0), self.w * x[0] + 0.2)


class NoAxes(Triplet):
    def __call__(self, x):
        z = self.w * x[0] + 0.2
        return z if z > 0.0 else np.array(0.0)


CLASSES = (SIGNS > 0.0).astype(int)


@pytest.mark.parametrize(
    ("make", "loss", "y"),
    [
        (Triplet, lambda output, target: output, SIGNS),
        (Triplet, lambda output, target: output.tanh(), SIGNS),
        (Triplet, "huber", SIGNS),
        (NumpyScalar, lambda output, target: output, SIGNS),
        (NoAxes, lambda output, target: output.tanh(), SIGNS),
        (Pair, "cross_entropy", CLASSES),
        (Pair, "hinge", CLASSES),
        (Numpy, lambda outputs, target: sum(outputs), SIGNS),
    ],
)
def test_a_plain_number_that_the_model_chose_is_an_output_in_each_way(make, loss, y):
    histories = [fitted(make(), replay, loss, y=y) for replay in (False, None)]
    assert histories[0].loss == pytest.approx(histories[1].loss, rel=1e-12)
    assert histories[1].eager == ""


class Bend(Module):
    """A model with a comparison of its own, which is none of the loss."""

    def __init__(self):
        self.low, self.high = Value(0.5), Value(0.5)

    def __call__(self, x):
        return (self.low if self.low * x[0] < 0.1 else self.high) * x[0]


@WAYS
@pytest.mark.parametrize("loss", [lambda output, target: 0.0, lambda output, target: Value(1.0)])
def test_a_comparison_of_the_model_chooses_no_loss(loss, replay):
    with pytest.raises(TypeError, match=r"the loss (must give a Value|'<lambda>' must depend)"):
        fitted(Bend(), replay, loss)


@WAYS
@pytest.mark.parametrize(
    ("shape", "loss"),
    [((), lambda output, target: max(0.0, 1.0 - target * output)), ((1,), lambda o, t: max(0.0, 1.0 - t * o.sum()))],
)
def test_an_array_of_outputs_may_be_beyond_the_margin_everywhere(replay, shape, loss):
    class Scaled(Module):
        def __init__(self):
            self.w = Value(100.0)

        def __call__(self, x):
            return np.array(self.w * x[0]).reshape(shape)

    assert fitted(Scaled(), replay, loss).loss == [0.0] * 3
