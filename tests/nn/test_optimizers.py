"""Optimizers: step by step against PyTorch's, schedules, and wrong settings."""

import copy
import gc
import math
import pickle
import weakref
from functools import cache

import numpy as np
import pytest

import nn
from engine import Value
from nn import MLP, SGD, Adam, AdamW, Layer, Optimizer, clip_grad_norm
from nn.optimizers import named_optimizer
from nn.schedules import ReduceOnPlateau, cosine

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


@pytest.mark.parametrize("replay", [True, False])
@pytest.mark.parametrize(
    "make", [lambda: Adam(learning_rate=lambda step: 0.1 / (step + 1)), lambda: SGD(learning_rate=0.05, momentum=0.9)]
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_model_goes_on_after_the_optimizer_trained_another(make, replay, by_hand):
    X, y = [[0.1], [0.5], [0.9], [0.3]], [1.0, 2.0, 3.0, 1.0]
    options = {"epochs": 2, "batch_size": 2, "seed": 0, "replay": replay, "progress": False}
    one, other, alone = MLP(1, [1], seed=0), MLP(1, [2, 1], seed=1), MLP(1, [1], seed=0)
    shared, own = make(), make()
    if by_hand:
        shared.bind(one.parameters())
    for model in (one, other, one, other, one):
        model.fit(X, y, optimizer=shared, **options)
    for _ in range(3):
        alone.fit(X, y, optimizer=own, **options)
    assert alone.state_dict() == one.state_dict()
    assert shared.steps == own.steps == 12


def test_an_optimizer_keeps_no_earlier_model_alive():
    X, y = [[0.1], [0.5]], [1.0, 2.0]
    optimizer, model = Adam(), MLP(1, [1], seed=0)
    gone = weakref.ref(model)
    model.fit(X, y, optimizer=optimizer, epochs=1, progress=False)
    MLP(1, [1], seed=0).fit(X, y, optimizer=optimizer, epochs=1, progress=False)
    del model
    gc.collect()
    assert gone() is None
    for made in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert made.steps == 1


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
    (-0.1, r"learning_rate must be in \[0, inf\), got -0\.1"),
    (math.nan, "learning_rate must be .* got nan"),
    (math.inf, "learning_rate must be .* got inf"),
    ("0.1", "learning_rate must be a number, got str '0.1'"),
    (None, "learning_rate must be a number, got NoneType None"),
    (True, "learning_rate must be a number, got bool True"),
    ([0.1], r"learning_rate must be a number, got list \[0\.1\]"),
    (1j, "learning_rate must be a number, got complex 1j"),
    (10**400, "learning_rate must be within a float's range"),
    (np.array([0.1, 0.2]), "learning_rate must be a number"),
    (lambda step: -1.0, r"learning_rate must be .* got -1\.0"),
    (lambda step: None, "learning_rate must be a number, got NoneType None"),
    (lambda step: math.nan, "learning_rate must be .* got nan"),
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
        (lambda: SGD(momentum=1.0), r"momentum must be in \[0, 1\), got 1\.0"),
        (lambda: SGD(momentum=-0.1), r"momentum must be in \[0, 1\), got -0\.1"),
        (lambda: SGD(momentum="0.9"), "momentum must be a number, got str '0.9'"),
        (lambda: SGD(nesterov=True), r"momentum must be in \(0, 1\), got 0\.0"),
        (lambda: SGD(weight_decay=-1), r"weight_decay must be in \[0, inf\), got -1"),
        (lambda: Adam(weight_decay=math.nan), "weight_decay must be .* got nan"),
        (lambda: AdamW(weight_decay="x"), "weight_decay must be a number, got str 'x'"),
        (lambda: Adam(betas=(0.9, 1.0)), r"betas\[1\] must be in \[0, 1\), got 1\.0"),
        (lambda: Adam(betas=(1.0, 0.9)), r"betas\[0\] must be in \[0, 1\)"),
        (lambda: Adam(betas=(-0.1, 0.9)), r"betas\[0\] must be in \[0, 1\), got -0\.1"),
        (lambda: Adam(betas=0.9), r"betas must be two numbers in \[0, 1\), such as \(0\.9, 0\.999\), got 0\.9"),
        (lambda: Adam(betas=(0.9,)), "betas must be two numbers"),
        (lambda: Adam(epsilon=0), r"epsilon must be in \(0, inf\), got 0"),
        (lambda: Adam(epsilon=-1), r"epsilon must be in \(0, inf\), got -1"),
        (lambda: SGD([]), "parameters must be at least one Value, got none"),
        (lambda: SGD().step(), r"SGD must be given the parameters first: SGD\(model.parameters\(\)\)"),
        (lambda: Adam().zero_grad(), "Adam must be given the parameters first"),
        (lambda: SGD(l1=-0.1), r"l1 must be in \[0, inf\), got -0\.1"),
        (lambda: Adam(l2=math.inf), r"l2 must be in \[0, inf\), got inf"),
        (lambda: Adam(clip_norm=0), r"clip_norm must be in \(0, inf\), got 0"),
        (lambda: AdamW(clip_value="1"), "clip_value must be a number, got str '1'"),
        (lambda: SGD(clip_value=1.0, clip_norm=1.0), "clip_norm must be left out beside clip_value"),
        (
            lambda: named_optimizer("rmsprop"),
            "optimizer must be one of sgd, adam, adamw, or an Optimizer such as .* got 'rmsprop'",
        ),
        (lambda: named_optimizer(None), "optimizer must be one of .* got None"),
        (lambda: named_optimizer(Adam), "optimizer must be one of .*such as SGD.* got <class"),
        (lambda: named_optimizer(["sgd"]), "optimizer must be one of"),
        (
            lambda: named_optimizer(Adam(), 0.1),
            "learning_rate must be given to the Adam that you made, got it beside the Adam",
        ),
        (lambda: named_optimizer("sgd", "0.1"), "learning_rate must be a number, got str '0.1'"),
    ],
)
def test_wrong_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("wrong", [0.1, [1.0, 2.0], ["w"], Value(1.0).__add__, [("w", Value(1.0))], None.__class__])
def test_parameters_that_are_no_values_are_refused(wrong):
    with pytest.raises(
        TypeError, match=r"parameters must be Values, such as model.parameters\(\), got .*learning_rate="
    ):
        Adam(wrong)


def test_settings_come_in_the_order_of_pytorch():
    assert vars(SGD(None, 0.1, 0.9)) == vars(SGD(learning_rate=0.1, momentum=0.9))
    assert vars(Adam(None, 0.1, (0.8, 0.9), 1e-3)) == vars(Adam(learning_rate=0.1, betas=(0.8, 0.9), epsilon=1e-3))
    given = {"learning_rate": 0.1, "betas": (0.8, 0.9), "epsilon": 1e-3, "weight_decay": 0.2}
    assert vars(AdamW(None, *given.values())) == vars(AdamW(**given))


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


# ----------------------------------------------------------------------------------------------- clipping and penalties


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("lr", "learning_rate="),
        ("clipvalue", "clip_value="),
        ("clipnorm", "clip_norm=, the norm of all gradients together"),
        ("global_clipnorm", "clip_norm="),
        ("max_norm", "clip_norm="),
        ("weight_decays", "weight_decay="),
        ("kernel_regularizer", "l1= or l2="),
        ("eps", "epsilon="),
    ],
)
def test_what_other_libraries_call_an_argument_is_answered(given, meant):
    with pytest.raises(TypeError, match=rf"Adam has no argument {given}=; did you mean {meant}\?"):
        Adam(**{given: 1.0})


@pytest.mark.parametrize(
    ("given", "meant"), [("lr", "learning_rate="), ("eps", "epsilon="), ("decay", "weight_decay=")]
)
def test_what_other_libraries_call_an_attribute_cannot_be_set(given, meant):
    for kind in (SGD, Adam, AdamW):
        with pytest.raises(AttributeError, match=f"^{kind.__name__} has no attribute {given}; did you mean {meant}"):
            setattr(kind(), given, 0.5)

    class Own(SGD):
        def __init__(self, lr):
            self.lr = lr
            super().__init__(learning_rate=lr)

    assert Own(0.5).lr == 0.5


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("weight_decay", -1, r"weight_decay must be in \[0, inf\), got -1"),
        ("l1", "small", "l1 must be a number, got str 'small'"),
        ("l2", math.nan, r"l2 must be in \[0, inf\), got nan"),
        ("clip_norm", 0, r"clip_norm must be in \(0, inf\), got 0"),
        ("clip_value", True, "clip_value must be a number, got bool True"),
        ("momentum", 1.0, r"momentum must be in \[0, 1\), got 1.0"),
        ("epsilon", 0.0, r"epsilon must be in \(0, inf\), got 0.0"),
    ],
)
def test_settings_that_are_changed_are_checked_too(name, wrong, words):
    optimizer = SGD() if name == "momentum" else Adam()
    before = getattr(optimizer, name)
    with pytest.raises(ValueError, match=words):
        setattr(optimizer, name, wrong)
    assert getattr(optimizer, name) == before
    setattr(optimizer, name, np.float32(0.5))
    assert getattr(copy.deepcopy(optimizer), name) == getattr(pickle.loads(pickle.dumps(optimizer)), name) == 0.5


@pytest.mark.parametrize("replay", [None, False])
def test_values_that_fit_would_leave_out_are_refused(replay):
    model, scale = MLP(1, [1], seed=0), Value(0.5)
    options = {"epochs": 2, "seed": 0, "progress": False, "replay": replay}
    examples = [[1.0], [2.0]], [1.0, 3.0]
    with pytest.raises(
        ValueError, match="parameters must be those of the model, got 1 that it has not; make another Adam"
    ):
        model.fit(
            *examples, loss=lambda o, t: (scale * o - t) ** 2, optimizer=Adam([*model.parameters(), scale]), **options
        )
    model.scale = scale
    model.fit(*examples, loss=lambda o, t: (scale * o - t) ** 2, optimizer=Adam(model.parameters()), **options)
    assert scale.data != 0.5
    chosen, options["loss"] = Adam(model.layers[0].parameters()), "mse"
    for _ in range(2):  # before it took a step, and after
        kept, model.layers[0] = model.layers[0], Layer(1, 1, activation="linear")
        with pytest.raises(ValueError, match="got 2 that it has not"):
            model.fit(*examples, optimizer=chosen, **options)
        model.layers[0] = kept
        model.fit(*examples, optimizer=chosen, **options)
    before, another = scale.data, MLP(1, [1], seed=1)
    another.fit(*examples, optimizer=chosen, **options)  # one that trained another model begins with this one
    assert scale.data == before
    assert chosen.parameters == another.parameters()


def test_optimizers_and_schedules_show_their_settings():
    assert repr(SGD(learning_rate=0.1, momentum=0.9)) == (
        "SGD(momentum=0.9, nesterov=False, learning_rate=0.1, weight_decay=0.0, l1=0.0, l2=0.0, clip_value=None, "
        "clip_norm=None)"
    )
    assert repr(AdamW([Value(1.0)])).startswith("AdamW(betas=(0.9, 0.999), epsilon=1e-08, learning_rate=0.001, ")
    assert "(<function _along_a_cosine>, 0.1, 5, 0.0)" in repr(SGD(learning_rate=cosine(0.1, 5)))
    assert repr(nn.EarlyStopping(3)) == "EarlyStopping(patience=3, restore_best=True, min_delta=0.0)"
    assert repr(ReduceOnPlateau(0.1)) == "ReduceOnPlateau(start=0.1, factor=0.1, patience=10, smallest=0.0, rate=0.1)"


def test_an_optimizer_without_a_direction_says_so():
    class Own(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"Own needs a method direction\(self, weights, gradient, rate\)"):
        Own([Value(1.0)]).step()


def test_an_unknown_argument_is_answered_with_those_there_are():
    with pytest.raises(
        TypeError, match=r"SGD has no argument zzz=; it has parameters, learning_rate, momentum, .*l1, l2"
    ):
        SGD(zzz=1.0)


def test_clipping_by_value_and_by_norm():
    assert walked(SGD([Value(0.0), Value(0.0)], learning_rate=1.0, clip_value=1.5), [[2.0, -1.0]]) == [-1.5, 1.0]
    assert walked(SGD([Value(0.0), Value(0.0)], learning_rate=1.0, clip_norm=2.5), [[3.0, -4.0]]) == [-1.5, 2.0]
    assert walked(SGD([Value(0.0), Value(0.0)], learning_rate=1.0, clip_norm=5.5), [[3.0, -4.0]]) == [-3.0, 4.0]
    large = SGD([Value(0.0), Value(0.0)], learning_rate=1.0, clip_norm=1.0)
    assert walked(large, [[3e200, 4e200]]) == pytest.approx([-0.6, -0.8])  # whose squares are beyond the floats
    assert walked(SGD([Value(1.0)], clip_norm=1.0), [[0.0]]) == [1.0]


@pytest.mark.parametrize("limit", [{"clip_value": 1.0}, {"clip_norm": 1.0}])
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_clipping_hides_no_infinity(limit, bad):
    a, b = Value(1.0), Value(2.0)
    optimizer = SGD([a, b], **limit)
    a.grad, b.grad = 1.0, bad
    with pytest.raises(FloatingPointError, match=r"the norm of the gradient is (inf|nan)"):
        optimizer.step()
    assert (a.data, b.data) == (1.0, 2.0)


def test_penalties_by_hand():
    """l1 * sign(w) + 2 * l2 * w, and nothing at 0; before clipping, and weight decay after it."""
    weights = [2.0, -3.0, 0.0]

    def end(**options):
        return walked(SGD(map(Value, weights), learning_rate=1.0, **options), [[0.0, 0.0, 0.0]])

    assert end(l1=0.5) == [1.5, -2.5, 0.0]
    assert end(l2=0.25) == [1.0, -1.5, 0.0]
    assert end(l1=0.5, l2=0.25) == [0.5, -1.0, 0.0]
    assert end(l2=0.25, clip_value=1.25) == [1.0, -1.75, 0.0]
    assert end(weight_decay=0.5, clip_value=0.5) == end(l2=0.25) == [1.0, -1.5, 0.0]


def test_the_gradients_stay_those_of_the_loss():
    a = Value(2.0)
    optimizer = SGD([a], learning_rate=0.1, l1=1.0, clip_norm=0.5)
    a.grad = 3.0
    optimizer.step()
    assert a.grad == 3.0


def test_pytorchs_name_of_clip_grad_norm_is_answered():
    with pytest.raises(AttributeError, match=r"'clip_grad_norm_'; nn.clip_grad_norm\(parameters, max_norm\), or Adam"):
        nn.clip_grad_norm_  # noqa: B018


def test_clip_grad_norm():
    a, b = Value(1.0), Value(2.0)
    a.grad, b.grad = 3.0, -4.0
    assert clip_grad_norm([a, b, a], math.inf) == clip_grad_norm([a, b, a], 5.0) == 5.0
    assert (a.grad, b.grad) == (3.0, -4.0)
    assert clip_grad_norm(iter([a, b]), 1) == 5.0
    assert [a.grad, b.grad] == pytest.approx([0.6, -0.8], rel=1e-15)
    a.grad = b.grad = 0.0
    assert clip_grad_norm(a, 1.0) == 0.0
    for bad in (math.inf, -math.inf, math.nan):
        a.grad, b.grad = 1.0, bad
        with pytest.raises(FloatingPointError, match="the norm of the gradient is"):
            clip_grad_norm([a, b], 1.0)
        assert a.grad == 1.0
    for wrong in (0.0, -1.0, math.nan, "1", None, True):
        with pytest.raises(ValueError, match="max_norm must be"):
            clip_grad_norm([a], wrong)
    with pytest.raises(TypeError, match="parameters must be Values, such as model"):
        clip_grad_norm([1.0], 1.0)
    with pytest.raises(ValueError, match="parameters must be at least one Value"):
        clip_grad_norm([], 1.0)


def test_an_optimizer_says_whether_arrays_may_take_its_steps():
    class Direction(SGD):
        def direction(self, weights, gradient, rate):
            return 2.0 * super().direction(weights, gradient, rate)

    class Stepping(SGD):
        def step(self):
            super().step()

    patched = SGD()
    patched.zero_grad = lambda: None
    assert [each.works_on_arrays() for each in (SGD(), AdamW(), SGD(learning_rate=cosine(0.1, 9)))] == [True] * 3
    others = Direction(), Stepping(), patched, SGD(learning_rate=lambda step: patched.learning_rate)
    assert [each.works_on_arrays() for each in others] == [False] * 4


REGULARIZED = {
    "clip_norm": {"clip_norm": 0.05},
    "clip_value": {"clip_value": 0.01},
    "l1": {"l1": 0.01},
    "l2": {"l2": 0.02, "clip_norm": 0.1},
    "all": {"l1": 0.01, "l2": 0.02, "weight_decay": 0.1, "clip_value": 0.02},
}


@cache  # what is compared with several
def fitted(kind, dtype="float64", replay=None, **options):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 3))
    model = MLP(3, [4, 1], activation="tanh", seed=0)
    model.layers[0].neurons[0].w[0].data = 0.0
    optimizer = kind(learning_rate=0.05, **options)
    history = model.fit(X, X[:, 0] * X[:, 1], optimizer=optimizer, epochs=6, batch_size=8, seed=0, progress=False,
                        replay=replay, dtype=dtype)  # fmt: skip
    assert bool(history.eager) is (replay is False)
    return [p.data for p in model.parameters()], [p.grad for p in model.parameters()], history.loss


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("name", REGULARIZED)
def test_clipping_and_penalties_are_the_same_in_replay_and_eagerly(kind, name):
    options = REGULARIZED[name]
    replayed, eager, plain = fitted(kind, **options, replay=True), fitted(kind, **options, replay=False), fitted(kind)
    for one, other in zip(replayed, eager):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)
    assert fitted(kind, **options, replay=True, dtype="float32")[0] == pytest.approx(eager[0], rel=1e-2, abs=1e-3)
    if kind is SGD or name != "clip_norm":  # Adam divides by the size of its gradients
        assert replayed[0] != pytest.approx(plain[0], rel=1e-3)


@pytest.mark.parametrize("replay", [True, False])
def test_the_reported_loss_has_no_penalty_in_it(replay):
    def losses(**options):
        optimizer = SGD(learning_rate=0.0, **options)
        model = MLP(1, [2, 1], seed=0)
        return model.fit([[1.0], [2.0]], [0.0, 1.0], optimizer=optimizer, epochs=2, progress=False, replay=replay).loss

    assert losses(l1=10.0, l2=10.0) == losses()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("name", REGULARIZED)
def test_clipping_and_penalties_are_pytorchs(kind, name):
    """Penalties as terms of the loss, clipping by torch.nn.utils, weight decay by the optimizer."""
    torch = pytest.importorskip("torch")
    options = dict(REGULARIZED[name])
    decay = options.pop("weight_decay", 0.0)
    rng = np.random.default_rng(2)
    weights, gradients = rng.normal(size=6), 0.05 * rng.normal(size=(9, 6))
    weights[0] = gradients[0, 0] = 0.0
    tensor = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.optim, kind)([tensor], lr=0.05, weight_decay=decay)
    mine = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW}[kind](
        map(Value, weights), learning_rate=0.05, weight_decay=decay, **options
    )
    for gradient in gradients:
        theirs.zero_grad()
        loss = (tensor * torch.tensor(gradient)).sum()
        loss = loss + options.get("l1", 0.0) * tensor.abs().sum() + options.get("l2", 0.0) * (tensor**2).sum()
        loss.backward()
        if "clip_norm" in options:
            torch.nn.utils.clip_grad_norm_([tensor], options["clip_norm"])
        if "clip_value" in options:
            torch.nn.utils.clip_grad_value_([tensor], options["clip_value"])
        theirs.step()
        tolerance = 1e-3 if "clip_norm" in options else 1e-9  # PyTorch multiplies by max_norm / (norm + 1e-6)
        assert walked(mine, [gradient]) == pytest.approx(tensor.tolist(), rel=tolerance, abs=tolerance / 100)


def test_clip_grad_norm_is_pytorchs():
    torch = pytest.importorskip("torch")
    gradients = np.random.default_rng(3).normal(size=7)
    for largest in (0.5, 100.0):
        tensors, values = [torch.zeros(1, dtype=torch.float64) for _ in gradients], [Value(0.0) for _ in gradients]
        for tensor, value, gradient in zip(tensors, values, gradients):
            tensor.grad, value.grad = torch.tensor([gradient], dtype=torch.float64), gradient
        norm = torch.nn.utils.clip_grad_norm_(tensors, largest)
        assert clip_grad_norm(values, largest) == pytest.approx(norm.item(), rel=1e-12)
        assert [value.grad for value in values] == pytest.approx([t.grad.item() for t in tensors], rel=1e-5)


def test_a_parameter_that_two_networks_share_counts_once_in_the_norm():
    shared, own = Value(1.0), Value(2.0)
    optimizer = SGD([shared, own, shared], learning_rate=1.0, clip_norm=2.5)
    (3 * shared + 4 * own).backward()
    optimizer.step()
    assert (shared.data, own.data) == (1.0 - 1.5, 2.0 - 2.0)
