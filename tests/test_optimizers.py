"""Optimizers: step by step against PyTorch's, schedules, and wrong settings."""

import math

import numpy as np
import pytest

from engine import Value
from nn import SGD, Adam, AdamW, Optimizer
from nn.optimizers import named_optimizer

GRADIENTS = [[1.0, -2.0], [0.5, 0.25], [-1.0, 3.0], [0.0, 1.0]]

CASES = [  # ours, PyTorch's name and settings, and where PyTorch 2.13 took [1, -1] along GRADIENTS
    (SGD, {"learning_rate": 0.1}, "SGD", {"lr": 0.1}, [0.95, -1.225]),
    (SGD, {"learning_rate": 0.1, "momentum": 0.9}, "SGD", {"lr": 0.1, "momentum": 0.9}, [0.7106, -1.04995]),
    (
        SGD,
        {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        [0.5931197672309999, -1.1787628199409999],
    ),
    (Adam, {"learning_rate": 0.1}, "Adam", {"lr": 0.1}, [0.7866290563061887, -0.9090340658081459]),
    (
        Adam,
        {"learning_rate": 0.1, "weight_decay": 0.1},
        "Adam",
        {"lr": 0.1, "weight_decay": 0.1},
        [0.7651570549196607, -0.8964751811237611],
    ),
    (
        Adam,
        {"learning_rate": 0.05, "betas": (0.5, 0.8), "epsilon": 1e-3},
        "Adam",
        {"lr": 0.05, "betas": (0.5, 0.8), "eps": 1e-3},
        [0.9323228943780711, -0.9988511350975395],
    ),
    (
        AdamW,
        {"learning_rate": 0.1, "weight_decay": 0.1},
        "AdamW",
        {"lr": 0.1, "weight_decay": 0.1},
        [0.7521609868042972, -0.8734557472653122],
    ),
    (AdamW, {}, "AdamW", {}, [0.9978263409140878, -0.9990503798706885]),
]
NAMES = [f"{ours.__name__}-{i}" for i, (ours, *_) in enumerate(CASES)]


def walked(optimizer: Optimizer, gradients) -> list[float]:
    for gradient in gradients:
        optimizer.zero_grad()
        for value, number in zip(optimizer.parameters, gradient):
            assert value.grad == 0.0
            value.grad = number
        optimizer.step()
    return [value.data for value in optimizer.parameters]


@pytest.mark.parametrize(("ours", "settings", "_name", "_settings", "end"), CASES, ids=NAMES)
def test_steps_lead_where_pytorchs_led(ours, settings, _name, _settings, end):
    assert walked(ours([Value(1.0), Value(-1.0)], **settings), GRADIENTS) == pytest.approx(end, rel=1e-12, abs=0)


@pytest.mark.parametrize(("ours", "settings", "name", "their_settings", "_end"), CASES, ids=NAMES)
def test_every_step_is_pytorchs(ours, settings, name, their_settings, _end):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    weights, gradients = rng.normal(size=5), rng.normal(size=(12, 5))
    gradients[:, 0] = 0.0
    tensor = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    theirs, mine = getattr(torch.optim, name)([tensor], **their_settings), ours(map(Value, weights), **settings)
    for gradient in gradients:
        tensor.grad = torch.tensor(gradient)
        theirs.step()
        assert walked(mine, [gradient]) == pytest.approx(tensor.tolist(), rel=1e-12, abs=0)


@pytest.mark.parametrize("ours", [SGD, Adam, AdamW])
def test_a_learning_rate_may_be_a_function_of_the_step(ours):
    asked = []

    def schedule(step):
        asked.append(step)
        return 0.1 / (1 + step)

    scheduled = ours([Value(1.0), Value(-1.0)], learning_rate=schedule)
    asked.clear()  # it was tried once
    end = walked(scheduled, GRADIENTS)
    assert asked == [0, 1, 2, 3]
    by_hand = ours([Value(1.0), Value(-1.0)], learning_rate=1.0)
    for step, gradient in enumerate(GRADIENTS):
        by_hand.learning_rate = 0.1 / (1 + step)
        walked(by_hand, [gradient])
    assert [value.data for value in by_hand.parameters] == end


def test_a_schedule_is_pytorchs_lambda():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([1.0, -1.0], dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.SGD([tensor], lr=0.1, momentum=0.5)
    schedule = torch.optim.lr_scheduler.LambdaLR(theirs, lambda step: 0.5**step)
    mine = SGD([Value(1.0), Value(-1.0)], learning_rate=lambda step: 0.1 * 0.5**step, momentum=0.5)
    for gradient in GRADIENTS:
        tensor.grad = torch.tensor(gradient, dtype=torch.float64)
        theirs.step()
        schedule.step()
        assert walked(mine, [gradient]) == pytest.approx(tensor.tolist(), rel=1e-12)


def test_weights_that_a_user_changes_between_steps_stay_changed():
    w = Value(1.0)
    optimizer = SGD([w], learning_rate=0.1)
    walked(optimizer, [[1.0]])
    w.data = 5.0
    optimizer.put_weights()
    assert w.data == 5.0
    assert walked(optimizer, [[1.0]]) == [4.9]


def test_binding_other_parameters_forgets_what_was_remembered():
    for make in (lambda: SGD(momentum=0.9), Adam, AdamW):
        used, fresh = make(), make()
        used.bind([Value(3.0), Value(4.0)])
        walked(used, GRADIENTS)
        for optimizer in (used, fresh):
            optimizer.bind([Value(1.0)])
        assert used.steps == 0
        assert walked(used, [[0.3], [0.2]]) == walked(fresh, [[0.3], [0.2]])


@pytest.mark.parametrize("make", [SGD, lambda p: SGD(p, momentum=0.9), Adam, AdamW])
@pytest.mark.parametrize("gradient", [math.inf, -math.inf, math.nan])
def test_a_gradient_that_is_no_number_changes_nothing(make, gradient):
    a, b = Value(1.0), Value(2.0)
    optimizer = make([a, b])
    a.grad, b.grad = 1.0, gradient
    with pytest.raises(FloatingPointError):
        optimizer.step()
    assert (a.data, b.data) == (1.0, 2.0)


def test_too_large_numbers_are_told_and_not_hidden():
    a = Value(1.0)
    for optimizer, gradient in ((Adam([a]), 1e200), (SGD([a], learning_rate=1e200), 1e200)):
        a.grad = gradient
        with pytest.raises(FloatingPointError):
            optimizer.step()
        assert a.data == 1.0


NO_RATES = [
    (-0.1, "learning_rate: a number of 0 or more is wanted, not -0.1"),
    (math.nan, "learning_rate: .* not nan"),
    (math.inf, "learning_rate: .* not inf"),
    ("0.1", "learning_rate: a number is wanted, not '0.1'"),
    (None, "learning_rate: a number is wanted, not None"),
    (True, "learning_rate: a number is wanted, not True"),
    ([0.1], r"learning_rate: a number is wanted, not \[0\.1\]"),
    (1j, "learning_rate: a number is wanted, not 1j"),
    (10**400, "learning_rate: a number is wanted"),
    (np.array([0.1, 0.2]), "learning_rate: a number is wanted"),
    (lambda step: -1.0, r"learning_rate: .* not -1\.0"),
    (lambda step: None, "learning_rate: a number is wanted, not None"),
    (lambda step: math.nan, "learning_rate: .* not nan"),
]


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize(("rate", "words"), NO_RATES)
def test_wrong_learning_rates_are_refused(kind, rate, words):
    with pytest.raises(ValueError, match=words):
        kind(learning_rate=rate)


def test_a_schedule_that_goes_wrong_later_changes_nothing():
    a = Value(1.0)
    optimizer = SGD([a], learning_rate=lambda step: 0.1 if step == 0 else -1.0)
    assert walked(optimizer, [[1.0]]) == [0.9]
    with pytest.raises(ValueError, match="learning_rate"):
        walked(optimizer, [[1.0]])
    assert a.data == 0.9


@pytest.mark.parametrize("rate", [0, 1, 0.5, np.float32(0.5), np.int64(1)])
def test_learning_rates_of_every_kind_of_number(rate):
    assert walked(SGD([Value(1.0)], learning_rate=rate), [[1.0]]) == [1.0 - float(rate)]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD(momentum=1.0), r"momentum: a number in \[0, 1\) is wanted"),
        (lambda: SGD(momentum=-0.1), "momentum: a number of 0 or more is wanted"),
        (lambda: SGD(momentum="0.9"), "momentum: a number is wanted, not '0.9'"),
        (lambda: SGD(nesterov=True), "momentum: .* above 0 for Nesterov's"),
        (lambda: SGD(weight_decay=-1), "weight_decay: a number of 0 or more is wanted, not -1"),
        (lambda: Adam(weight_decay=math.nan), "weight_decay: .* not nan"),
        (lambda: AdamW(weight_decay="x"), "weight_decay: a number is wanted, not 'x'"),
        (lambda: Adam(betas=(0.9, 1.0)), r"betas in \[0, 1\)"),
        (lambda: Adam(betas=(1.0, 0.9)), r"betas in \[0, 1\)"),
        (lambda: Adam(betas=(-0.1, 0.9)), "betas: a number of 0 or more is wanted, not -0.1"),
        (lambda: Adam(betas=0.9), r"betas: two numbers in \[0, 1\) are wanted, such as \(0\.9, 0\.999\), not 0\.9"),
        (lambda: Adam(betas=(0.9,)), "betas: two numbers"),
        (lambda: Adam(epsilon=0), "an epsilon above 0"),
        (lambda: Adam(epsilon=-1), "epsilon: a number of 0 or more"),
        (lambda: SGD([]), "SGD: there are no parameters to change"),
        (lambda: SGD().step(), r"SGD: give the parameters first: SGD\(model.parameters\(\)\)"),
        (lambda: Adam().zero_grad(), "Adam: give the parameters first"),
        (lambda: named_optimizer("rmsprop"), "unknown optimizer 'rmsprop'; there are sgd, adam, adamw, or an Opt"),
        (lambda: named_optimizer(None), "unknown optimizer None"),
        (lambda: named_optimizer(Adam), "unknown optimizer <class .*such as SGD"),
        (lambda: named_optimizer(["sgd"]), "unknown optimizer"),
        (lambda: named_optimizer(Adam(), 0.1), "give the learning rate to the Adam that you made, not beside it"),
        (lambda: named_optimizer("sgd", "0.1"), "learning_rate: a number is wanted, not '0.1'"),
    ],
)
def test_wrong_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("wrong", [0.1, [1.0, 2.0], ["w"], Value(1.0).__add__, [("w", Value(1.0))], None.__class__])
def test_parameters_that_are_no_values_are_refused(wrong):
    with pytest.raises(TypeError, match=r"parameters are Values, such as model.parameters\(\), not .*learning_rate="):
        Adam(wrong)


def test_optimizers_by_name():
    assert [type(named_optimizer(name)) for name in ("sgd", "Adam", "ADAMW")] == [SGD, Adam, AdamW]
    assert named_optimizer("sgd", 0.5).rate() == 0.5
    assert [named_optimizer(name).rate() for name in ("sgd", "adam", "adamw")] == [0.01, 0.001, 0.001]
    mine = Adam(learning_rate=0.2)
    assert named_optimizer(mine) is mine


def test_an_optimizer_of_ones_own_needs_only_a_direction():
    class Sign(Optimizer):
        def direction(self, weights, gradient, rate):
            return np.sign(gradient)

    assert walked(Sign([Value(1.0), Value(-1.0)], learning_rate=0.25), GRADIENTS[:3]) == [0.75, -1.25]
    with pytest.raises(NotImplementedError):
        walked(Optimizer([Value(1.0)]), [[1.0]])
