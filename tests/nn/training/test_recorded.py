"""``fit``, ``predict`` and ``score`` give what eager calls give, whatever a model does; and say why they are eager."""

import functools
import math
import numbers
import queue
import random
import re
import sys
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

import nn.programs
from engine import Value, compiler, dot, grad, maximum, primitive, relu, tanh
from nn import MLP, SGD, Adam, Dropout, Layer, Module, Sequential

RNG = np.random.default_rng(8)
X = RNG.uniform(-2.0, 2.0, (60, 2))
Y = np.abs(X[:, 0]) - 0.5 * X[:, 1]
HERE = r"test_recorded\.py, line \d+: "


def fitted(make, replay, X=X, y=Y, **options):
    """A model after training in that way, and its history."""
    random.seed(4)
    np.random.seed(4)
    model = make()
    settings = {"learning_rate": 0.05, "epochs": 3, "batch_size": 8, "seed": 0, "progress": False, **options}
    return model, model.fit(X, y, replay=replay, **settings)


def assert_same(make, X=X, y=Y, tolerance=1e-9, **options):
    """Training chooses its way by itself and gives the weights of eager training; its history."""
    (chosen, history), (eager, eager_history) = (fitted(make, replay, X, y, **options) for replay in (None, False))
    assert [p.data for p in chosen.parameters()] == pytest.approx([p.data for p in eager.parameters()], abs=tolerance)
    assert history.loss == pytest.approx(eager_history.loss, rel=1e-9)
    assert history.validation_loss == pytest.approx(eager_history.validation_loss, rel=1e-9)
    return history


class Line(Module):
    """A line, and what subclasses make of it."""

    n_inputs = 2

    def __init__(self):
        self.w, self.v, self.b = Value(0.4), Value(-0.3), Value(0.1)

    def line(self, x):
        return self.w * x[0] + self.v * x[1] + self.b

    def __call__(self, x):
        return self.line(x)


# ------------------------------------------------------------------------------------------- branches that are followed


class Kink(Module):
    def __init__(self):
        self.low, self.high = Value(0.5), Value(0.5)

    def __call__(self, x):
        return (self.low if x[0] < 2.0 else self.high) * x[0]


def test_a_rare_branch_is_trained_too():
    X, y = [[1.0]] * 20, [1.0] * 20
    X[5], y[5] = [3.0], -3.0
    model, history = fitted(Kink, None, X, y, epochs=200, batch_size=32)
    assert history.eager == ""
    assert (model.low.data, model.high.data) == (pytest.approx(1.0, abs=0.01), pytest.approx(-1.0, abs=0.01))
    assert_same(Kink, X, y)
    assert model.predict(X)[5] == pytest.approx(3.0 * model.high.data)


class Own(Module):
    """All units are active at the start."""

    n_inputs = 1

    def __init__(self, by_data=True):
        r, self.by_data = random.Random(1), by_data
        self.w = [Value(r.uniform(0.1, 0.3)) for _ in range(4)]
        self.b = [Value(1.0) for _ in range(4)]
        self.v = [Value(r.uniform(-1, 1)) for _ in range(4)]

    def relu(self, z):
        return z if (z.data if self.by_data else z) > 0 else 0.0 * z

    def __call__(self, x):
        return dot(self.v, [self.relu(w * x[0] + b) for w, b in zip(self.w, self.b)])


@pytest.mark.parametrize("by_data", [True, False])
def test_a_relu_of_ones_own(by_data):
    X = np.linspace(-2, 2, 200)[:, None]
    options = {"X": X, "y": np.abs(X[:, 0]), "batch_size": 32}
    history = assert_same(lambda: Own(by_data), **options, epochs=3)
    assert bool(history.eager) == by_data


@pytest.mark.slow
def test_a_relu_of_ones_own_learns():
    X = np.linspace(-2, 2, 200)[:, None]
    model, history = fitted(lambda: Own(False), None, X=X, y=np.abs(X[:, 0]), epochs=100, batch_size=32)
    assert history.loss[-1] < 0.001
    assert model.score(X, np.abs(X[:, 0])) > 0.999


def clipped(v):
    return max(min(v, 0.5), -0.5)


class Branching(Line):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def __call__(self, x):
        return self.how(self, x)


def named(self, x):
    if len(x) != 2:
        raise ValueError(f"{type(self).__name__} must be given 2 numbers, got {len(x)}")
    return self.line(x)


FOLLOWED = {
    "named": named,
    "max of lines": lambda m, x: max(m.w * x[0] + m.b, m.v * x[0] + 0.3),
    "sorted": lambda m, x: sorted([m.w * x[0], m.v * x[1], m.b])[1],
    "if of a weight": lambda m, x: m.line(x) if m.w > 0.42 else m.line(x) * 2,
    "truth": lambda m, x: (m.line(x) and m.w) * x[1],
    "chained": lambda m, x: m.line(x) * (2 if -0.5 < x[0] < 0.5 else 1),
    "clipped": lambda m, x: clipped(m.line(x)) + m.w * 0.1 * x[0],
    "abs by hand": lambda m, x: m.line(x) if m.line(x) > 0 else -m.line(x),
    "numpy": lambda m, x: np.maximum(m.line(x), m.v * x[1]),
}


@pytest.mark.parametrize("how", FOLLOWED)
def test_comparisons_are_followed(how):
    history = assert_same(lambda: Branching(FOLLOWED[how]), validation_data=(X[:9], Y[:9]))
    assert history.eager == ""


def huber(output, target):
    distance = abs(output - target)
    return distance * distance if distance < 1.0 else 2.0 * distance - 1.0


def by_target(output, target):
    return (output - target) ** 2 * (5.0 if 0.4 < target < 0.6 else 1.0)


def quantile(output, target):
    return maximum(0.9 * (target - output), 0.1 * (output - target)) if output < target else 0.1 * (output - target)


@pytest.mark.parametrize("loss", [huber, by_target, quantile])
def test_losses_that_compare(loss):
    order = np.argsort(Y)
    history = assert_same(Line, X[order], Y[order], loss=loss, validation_data=(X, Y))
    assert history.eager == ""


@pytest.mark.parametrize("seed", range(5))
def test_the_larger_of_two_lines(seed):
    class Two(Module):
        def __init__(self):
            r = random.Random(seed)
            self.a, self.b, self.c, self.d = (Value(r.uniform(-1, 1)) for _ in range(4))

        def __call__(self, x):
            return max(self.a * x[0] + self.b, self.c * x[0] + self.d)

    assert assert_same(Two, epochs=20).eager == ""


def test_where_there_are_many_ways_training_is_eager():
    history = assert_same(lambda: MLP(2, [16, 1], activation=lambda z: z if z > 0 else 0.2 * z, seed=0))
    assert re.match(".*" + HERE + ".*more than 8 paths", history.eager)


def test_insisted_on_more_ways_are_followed():
    model = MLP(2, [3, 1], activation=lambda z: z if z > 0 else 0.2 * z, seed=0)
    eager = MLP(2, [3, 1], activation=lambda z: z if z > 0 else 0.2 * z, seed=0)
    for each, replay in ((model, True), (eager, False)):
        each.fit(X, Y, replay=replay, epochs=5, seed=0, progress=False)
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in eager.parameters()], abs=1e-9)


def test_single_precision_follows_comparisons():
    (single, history), (double, _) = (
        fitted(lambda: Branching(FOLLOWED["abs by hand"]), None, dtype=dtype) for dtype in ("float32", "float64")
    )
    assert history.eager == ""
    assert [p.data for p in single.parameters()] == pytest.approx([p.data for p in double.parameters()], abs=1e-4)


# ------------------------------------------------------------------------------------------------ what ends a recording


def clipping(m, x):
    m.w.data = min(m.w.data, 0.41)
    return m.line(x)


def warmed(m, x):
    m.calls = getattr(m, "calls", 0) + 1
    return m.line(x) * min(1.0, m.calls / 100)


def growing(m, x):
    m.__dict__.setdefault("outputs", []).append(m.line(x))
    return m.outputs[-1]


def averaging(m, x):
    m.mean = 0.9 * getattr(m, "mean", 0.0) + 0.1 * float(m.line(x))
    return m.line(x) - m.mean


def stateful(m, x):
    result = (m.w * x[0] + m.v * getattr(m, "state", 0.0)).tanh()
    m.state = result.data
    return result


def delayed(m, x):
    result = m.line(x) + getattr(m, "last", 0.0)
    m.last = x[0]
    return result


def caught(m, x):
    try:
        return m.line(x) + (0.3 - m.w * x[0]).log()
    except ValueError:
        return m.line(x)


def by_type(m, x):
    return m.line(x) * (2.0 if isinstance(x[0], float) else 1.0)


def by_type_later(m, x):
    return m.line(x) * (2.0 if isinstance(x[0], (int, float)) and x[0] > 1.5 else 1.0)


asks = isinstance


def by_another_name(m, x):
    return m.line(x) * (2.0 if x[0] > 1.5 and asks(x[0], float) else 1.0)


def by_equal_inputs(m, x):
    return m.line(x) * (2.0 if x[0] == x[1] else 1.0)


def by_count(m, x):
    return m.line(x) * list(x).count(x[1])


def by_its_name(m, x):
    return m.line(x) * (2.0 if type(x[0]).__name__ == "float" and x[0] > 1.5 else 1.0)


def by_a_kind_of_numbers(m, x):
    return m.line(x) * (2.0 if isinstance(x[0], numbers.Real) and x[0] > 1.5 else 1.0)


def by_match(m, x):
    match x[0]:
        case float() if x[0] > 1.5:
            return 2.0 * m.line(x)
        case _:
            return m.line(x)


@functools.singledispatch
def factor(_):
    return 1.0


@factor.register
def _(number: float):
    return 2.0 if number > 1.5 else 1.0


def by_dispatch(m, x):
    return m.line(x) * factor(x[0])


class Dispatching:
    @functools.singledispatchmethod
    def weight(self, _):
        return 1.0

    @weight.register
    def _(self, number: float):
        return 2.0 if number > 1.5 else 1.0


DISPATCHING = Dispatching()


def by_dispatch_of_a_method(m, x):
    return m.line(x) * DISPATCHING.weight(x[0])


def by_what_numbers_do_not_know(m, x):
    return m.line(x) * (2.0 if (1.5).__lt__(x[0]) is True else 1.0)


def by_size_in_memory(m, x):
    return m.line(x) * (2.0 if x[0] > 1.5 and sys.getsizeof(x[0]) == sys.getsizeof(0.5) else 1.0)


def by_list_of_attributes(m, x):
    return m.line(x) * (1.0 if x[0] < 1.5 or "__" + "slots__" in dir(x[0]) else 2.0)


def by_bytes(m, x):
    return m.line(x) * (2.0 if x[0] > 1.5 and np.array(x).tobytes()[7] & 127 == 64 else 1.0)


def by_attribute(m, x):
    return m.line(x) * (2.0 if hasattr(x[0], "hex") and x[0] > 1.5 else 1.0)


def by_attempt(m, x):
    try:
        return m.line(x) * (1.0 + (x[0] % 1.4 == 0.0))
    except TypeError:
        return m.line(x)


def by_any_attempt(m, x):
    try:
        return m.line(x) * (1.0 + (x[0] % 1.4 == 0.0))
    except:  # noqa: E722
        return m.line(x)


ERRORS = (TypeError, ZeroDivisionError)


def by_an_attempt_of_some_kinds(m, x):
    try:
        return m.line(x) * (1.0 + (x[0] % 1.4 == 0.0))
    except ERRORS:
        return m.line(x)


def is_of(number, kind):
    return isinstance(number, kind)


def by_a_function(m, x):
    return m.line(x) * (2.0 if is_of(x[0], float) and x[0] > 1.5 else 1.0)


KINDS = numbers.Number, str
FACTORS = {float: 2.0, str: 1.0}


def by_kinds_of_its_own(m, x):
    m.kinds = KINDS
    return m.line(x) * (2.0 if isinstance(x[0], m.kinds) and x[0] > 1.5 else 1.0)


def by_a_table_of_types(m, x):
    return m.line(x) * (FACTORS.get(type(x[0]), 1.0) if x[0] > 1.5 else 1.0)


NAMED = {"a number": float}


def by_a_named_type(m, x):
    return m.line(x) * (2.0 if isinstance(x[0], NAMED["a number"]) and x[0] > 1.5 else 1.0)


def by_kind_of_array(m, x):
    return m.line(x) * (2.0 if np.asarray(x).dtype.kind == "f" and x[0] > 1.5 else 1.0)


def by_equality(m, x):
    return m.line(x) * (2.0 if x[0] == 1.0 else 1.0)


def by_membership(m, x):
    return m.line(x) * (2.0 if x[0] in (1.0, 2.0) else 1.0)


def by_set(m, x):
    return m.line(x) * (2.0 if x[0] in {1.0, 2.0} else 1.0)


def by_table(m, x):
    return {0.0: m.w, 1.0: m.v}.get(x[0], m.b) * x[1]


def by_table_of_squares(m, x):
    return {0.0: m.w, 1.0: m.v}.get(x[0] * x[0], m.b) * x[1]


def by_place_of_a_square(m, x):
    squares = [z * z for z in x]
    return m.line(x) * squares.index(squares[1])


def by_largest_of_pairs(m, x):
    return m.line(x) * max((abs(z), i) for i, z in enumerate([*x, -x[0]]))[1]


def by_number(m, x):
    return m.line(x) * (1 + int(x[0]))


def by_label(m, x):
    return m.line(x) * len(f"{x[0]:.0f}")


def by_rounding(m, x):
    return m.line([round(x[0]), x[1]])


def by_math(m, x):
    return m.line([math.sin(x[0]), x[1]])


def drawn(m, x):
    return m.line(x) * (random.random() < 0.9)


def drawn_by_numpy(m, x):
    return m.line(x) * (np.random.rand() < 0.9)


def before_the_model(m, x):
    return m.line(x) * m.scale


ENDED = {
    clipping: HERE + r"\.data", warmed: r"calls", growing: "outputs", averaging: HERE + r"float\(\)",
    stateful: HERE + r"\.data", delayed: "from one call to the next", caught: HERE + ".*caught an error",
    **dict.fromkeys((by_type, by_type_later, by_its_name, by_a_kind_of_numbers, by_match), HERE + "the type"),
    **dict.fromkeys((by_dispatch, by_attribute, by_attempt, by_any_attempt), HERE + "the type"),
    **dict.fromkeys((by_dispatch_of_a_method, by_what_numbers_do_not_know, by_bytes), HERE + "the type"),
    **dict.fromkeys((by_size_in_memory, by_list_of_attributes), HERE + "the type"),
    **dict.fromkeys((by_an_attempt_of_some_kinds, by_a_function, by_kinds_of_its_own), HERE + "the type"),
    **dict.fromkeys((by_a_table_of_types, by_a_named_type, by_kind_of_array), HERE + "the type"),
    by_equality: HERE + "==", by_membership: HERE + "==", by_another_name: HERE + "the type",
    by_equal_inputs: HERE + ".* == of a Value", by_count: HERE + ".* == of a Value",
    **dict.fromkeys((by_place_of_a_square, by_largest_of_pairs), HERE + ".* == of a Value"),
    **dict.fromkeys((by_set, by_table, by_table_of_squares), HERE + r"hash\(\)"), by_number: HERE + r"int\(\)",
    by_label: HERE + r"format\(\)", by_rounding: HERE + r"round\(\)", by_math: HERE + r"float\(\)",
    drawn: HERE + "random numbers",
}  # fmt: skip
CHOSEN = np.array([[1.0, 0.5], [-1.0, 0.3], [0.0, 1.0], [2.0, -0.7], [1.4, 0.1], [-1.6, 2.0]] * 5)


@pytest.mark.parametrize("how", ENDED, ids=lambda how: how.__name__)
def test_all_else_is_trained_eagerly_and_the_reason_is_said(how):
    y = CHOSEN[:, 0] + CHOSEN[:, 1]
    made = []

    def make():
        made.append(Branching(how))
        return made[-1]

    random.seed(4)
    _, history = fitted(make, None, CHOSEN, y)
    assert re.search(ENDED[how], history.eager), history.eager
    with pytest.raises(ValueError, match="replay=True, but"):
        fitted(make, True, CHOSEN, y)
    if how not in (warmed, growing, averaging, stateful, delayed):  # the calls of a recording count
        assert_same(make, CHOSEN, y, tolerance=0)


@dataclass
class Ruled(Module):
    w: Value = field(default_factory=lambda: Value(0.4))
    v: Value = field(default_factory=lambda: Value(-0.3))

    def __call__(self, x):
        return self.w * x[0] + self.v * x[1]


@pytest.mark.parametrize(
    "truth",
    [
        lambda x: np.logical_or(x[0], 0.0),
        lambda x: np.logical_or.reduce(np.array([x[0], x[0]])),
        lambda x: np.logical_and(1.0, x[0]),
    ],
)
def test_numpys_truth_of_values_is_not_that_of_numbers(truth):
    """Of objects numpy gives one of them, of numbers a bool; the first example, with 1, is the same to both."""
    found = assert_same(lambda: Branching(lambda m, x: m.w * truth(x) + m.v * x[1]), CHOSEN, CHOSEN[:, 1])
    assert "another number for Values" in found.eager


def test_a_model_without_a_hash_is_replayed(monkeypatch):
    assert assert_same(Ruled).eager == ""
    model, adam = Ruled(), Adam()
    for each in (model, Ruled(), model):
        each.fit(X, Y, optimizer=adam, epochs=1, seed=0, progress=False)
    assert adam.steps == 2 * -(-len(X) // 32)
    monkeypatch.setattr(nn.programs, "_MUCH", 0)
    (found,) = zip(*nn.programs.replayed_outputs(model, X))
    assert found == pytest.approx([model(x).data for x in X.tolist()])


def test_other_types_are_asked_for_in_a_program_too():
    def wrapped(m, x):
        x = [z if isinstance(z, Value) else Value(z) for z in (x if isinstance(x, list) else x.tolist())]
        return m.line(x) if isinstance(m, Module) else None

    assert assert_same(lambda: Branching(wrapped)).eager == ""


def test_numpys_random_numbers_are_noticed():
    assert "random" in fitted(lambda: Branching(drawn_by_numpy), None)[1].eager


@pytest.mark.parametrize("kind", ["Random", "Generator", "RandomState", "by map"])
def test_dropout_from_a_generator_of_the_modules_own(kind):
    class Dropout(Line):
        def __init__(self):
            super().__init__()
            makers = {"Generator": np.random.default_rng, "RandomState": np.random.RandomState}
            self.rng = makers.get(kind, random.Random)(5)

        def __call__(self, x):
            draws = [*map(type(self.rng).random, [self.rng])] if kind == "by map" else [self.rng.random()]
            return self.line(x) * (draws[0] < 0.99)

    assert fitted(Dropout, None)[1].eager


class Cached(Line):
    """It computes something of its parameters in the first call."""

    def __call__(self, x):
        self.scale = getattr(self, "scale", None) or self.v * self.v
        return self.line(x) * self.scale


class Carrying(Line):
    """Its state is a graph that grows with each call."""

    state = 0.0

    def __call__(self, x):
        self.state = (self.line(x) + 0.5 * self.state).tanh()
        return self.state


def regularised(how):
    model = Line()
    penalty = model.v * model.v
    return model, {"loss": lambda output, target: (output - target) ** 2 + how(penalty)}


@pytest.mark.parametrize("replay", [None, True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("make", [Cached, Carrying, lambda: regularised(lambda penalty: 0.1 * penalty)])
def test_what_is_computed_once_of_parameters_is_refused(make, batch_size, replay):
    """Its derivatives would be of the parameters as they were."""
    made = make()
    model, given = made if isinstance(made, tuple) else (made, {})
    with pytest.raises(ValueError, match=r"computed (before|outside)"):
        model.fit(X, Y, **given, epochs=3, batch_size=batch_size, seed=0, progress=False, replay=replay)


class Remembering(Line):
    """It keeps what it computed for each example, also after parameters have changed."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def __call__(self, x):
        key = tuple(float(z) for z in x)
        if key not in self.found:
            self.found[key] = self.line(x)
        return self.found[key] * self.v


def test_what_is_kept_for_an_example_is_refused_in_the_second_epoch():
    with pytest.raises(
        ValueError, match=r"Remembering and its loss must .* anew after each step, .* was changed after"
    ):
        Remembering().fit(X, Y, epochs=3, seed=0, progress=False)


class Normalised(Line):
    """It divides its weights by their length anew where they have changed."""

    keeps = True

    def __call__(self, x):
        key = self.w.data, self.v.data
        if not self.keeps or key != getattr(self, "key", None):
            length = (self.w**2 + self.v**2) ** 0.5
            self.key, self._normal = key, [Box(self.w / length), Box(self.v / length)]
        return self._normal[0].value * x[0] + self._normal[1].value * x[1]


class Box:
    """What holds a Value that is no parameter."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_what_is_computed_once_in_a_step_is_right(batch_size):
    def trained(keeps):
        model = Normalised()
        model.keeps = keeps
        history = model.fit(X, Y, epochs=3, batch_size=batch_size, seed=0, progress=False, replay=False)
        return history.loss, model.state_dict()

    assert trained(True) == trained(False)


@primitive(lambda z: 1.0)
def noisy(z):
    return z + random.random()


def test_a_primitive_that_draws_is_not_called_again():
    class Noisy(Line):
        def __call__(self, x):
            return noisy(self.line(x))

    assert Noisy().fit(X, Y, epochs=2, seed=0, progress=False, replay=False).epochs == 2


@pytest.mark.parametrize("replay", [None, False])
def test_a_state_that_is_detached_may_go_on(replay):
    class Recurrent(Line):
        state = None

        def __call__(self, x):
            before = 0.0 if self.state is None else self.state.value.detach()
            self.state = Box((self.line(x) + 0.5 * before).tanh())
            return self.state.value

    assert Recurrent().fit(X, Y, epochs=3, seed=0, progress=False, replay=replay).epochs == 3


@pytest.mark.parametrize("replay", [None, False])
def test_a_penalty_of_before_is_a_number_where_it_is_detached(replay):
    model, given = regularised(lambda penalty: penalty.detach())
    assert model.fit(X, Y, **given, epochs=3, seed=0, progress=False, replay=replay).epochs == 3


def test_what_a_callback_computes_for_an_epoch_is_refused():
    class Prepared(Line):
        def __init__(self):
            super().__init__()
            self.scale = 1.0

        def __call__(self, x):
            return self.line(x) * self.scale

    def prepare(model, history):
        model.scale = model.v * model.v

    with pytest.raises(ValueError, match="was changed after"):
        Prepared().fit(X, Y, callbacks=[prepare], epochs=3, seed=0, progress=False)


def test_a_reason_in_the_middle_of_training():
    """The first example has no such way."""

    def sometimes(m, x):
        return (
            m.line(x) * (x[0].data if x[0] > 1.9 else 1.0)
            if isinstance(x[0], Value)
            else m.line(x) * (x[0] if x[0] > 1.9 else 1.0)
        )

    points = X.copy()
    points[0] = [0.5, 0.5]
    history = assert_same(lambda: Branching(sometimes), points)
    assert ".data" in history.eager
    with pytest.raises(ValueError, match=r"replay=True, but .*\.data"):
        fitted(lambda: Branching(sometimes), True, points)


# --------------------------------------------------------------------------------------------- what is no reason at all


def test_ordinary_modules_are_replayed():
    class Ordinary(Line):
        """Keeps its last output to look at, remembers a shape, sums with numpy."""

        def __init__(self):
            super().__init__()
            self.mlp = MLP(2, [4, 1], activation="tanh", seed=0)
            self.shape = self.last = None
            self.table = {"depth": 2}

        def __call__(self, x):
            if self.shape is None:
                self.shape = len(x)
            self.last = self.mlp(x) + sum(np.array([self.w, self.v]) * np.array(x)) + relu(self.b)
            return self.last * self.table["depth"]

    assert assert_same(Ordinary).eager == ""


def test_a_derivative_by_an_input_is_replayed():
    class Slope(Line):
        """Learns from the slope of what it computes, as for a differential equation."""

        def __call__(self, x):
            return grad(lambda t: tanh(self.w * t) * self.v)(x[0]) + self.b * x[1]

    assert assert_same(Slope).eager == ""


def test_other_threads_that_draw_are_left_alone():
    stop, drawn = threading.Event(), []

    def draw():
        while not stop.is_set():
            drawn.append((random.random(), np.random.rand()))

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        reasons = [fitted(Line, None)[1].eager for _ in range(10)]
    finally:
        stop.set()
        thread.join()
    assert reasons == [""] * 10


def test_a_fit_sets_no_random_state_back():
    seen = []

    def look(model, history):
        seen.append((random.random(), np.random.rand()))

    for _ in range(2):
        Line().fit(X, Y, epochs=2, seed=0, progress=False, callbacks=[look])
    assert len(set(seen)) == 4


def test_bundled_losses_read_nothing():
    for loss, outputs, y in (
        ("mse", 1, Y), ("cross_entropy", 3, np.arange(60) % 3), ("binary_cross_entropy", 1, np.arange(60) % 2),
        ("hinge", 1, np.where(Y > 0, 1, -1)), ("hinge", 3, np.arange(60) % 3),
    ):  # fmt: skip
        model = MLP(2, [3, outputs], seed=0)
        assert model.fit(X, y, loss=loss, epochs=2, seed=0, progress=False).eager == ""
        ((_, paths),) = nn.programs._KEPT.get(model, {}).values()
        assert [path.outcomes for path in paths] == [()]


# --------------------------------------------------------------------------------------------------------- what changes


class Leaky(Module):
    n_inputs = 1

    def __init__(self):
        self.w, self.slope = Value(1.0), 0.0

    def __call__(self, x):
        return (self.w * x[0]).leaky_relu(self.slope)


@pytest.fixture
def always(monkeypatch):
    """Replay where it would not be worth it, too."""
    monkeypatch.setattr(nn.programs, "_MUCH", 0)


def test_predict_notices_an_attribute_that_changed(always):
    X = np.random.default_rng(0).uniform(-2, 2, (2001, 1))
    X[0] = 1.0  # the slope does not matter there
    model = Leaky()
    for slope in (0.0, 0.5, -1.0):
        model.slope = slope
        assert model.predict(X)[2] == pytest.approx(model(X[2].tolist()).data)
        assert model.score(X, X[:, 0]) == pytest.approx(1.0 - _error(model, X) / ((X - X.mean()) ** 2).sum())


def _error(model, X):
    return sum((model(row).data - row[0]) ** 2 for row in X.tolist())


def test_predict_follows_branches_weights_and_attributes(always):
    model = Kink()
    points = [[1.0]] * 9 + [[2.5], [3.0]]
    for low, high in ((1.0, 2.0), (3.0, -1.0)):
        model.low.data, model.high.data = low, high
        assert model.predict(points) == [low] * 9 + [2.5 * high, 3.0 * high]
    model.high = Value(5.0)
    assert model.predict(points)[-1] == 15.0
    model.__class__ = type("Other", (Kink,), {"__call__": lambda self, x: self.low * 7.0})
    assert model.predict(points) == [21.0] * 11


@pytest.mark.parametrize("how", ENDED, ids=lambda how: how.__name__)
def test_predict_is_eager_where_a_recording_ends(how, always):
    model, other = Branching(how), Branching(how)
    random.seed(1)
    said = model.predict(CHOSEN)
    random.seed(1)
    if how not in (warmed, growing, averaging, stateful, delayed):
        assert said == [other(row).data for row in CHOSEN.tolist()]
    else:
        assert len(said) == len(CHOSEN)


def test_a_state_that_predict_changes_goes_on(always):
    model = Branching(warmed)
    model.calls = 1000
    assert model.predict(CHOSEN) == [model.line(row).data for row in CHOSEN.tolist()]
    assert model.calls >= 1000 + len(CHOSEN)


class Scheduled(Line):
    """A number that changes with each epoch."""

    def __init__(self):
        super().__init__()
        self.scale = 1.0

    def __call__(self, x):
        return self.line(x) * self.scale if x[0] > -1 else self.line(x) * self.scale * self.b


def test_a_schedule_in_a_callback_counts_from_then_on():
    def halve(model, history):
        model.scale *= 0.5

    assert assert_same(Scheduled, callbacks=[halve]).eager == ""


TEMPERATURE = [1.0]


@pytest.mark.parametrize("by", ["a function", "an object", "an optimizer"])
def test_a_learning_rate_or_an_optimizer_that_changes_the_loss_counts_at_once(by):
    def loss(output, target):
        return (output - target) ** 2 * TEMPERATURE[0]

    def cooling(step):
        TEMPERATURE[0] = 1.0 / (1.0 + step)
        return 0.01

    class Cooling:
        temperature = TEMPERATURE

        def __call__(self, step):
            return cooling(step)

    class OfOnesOwn(SGD):
        def step(self):
            super().step()
            cooling(self.steps)

    def run(replay):
        TEMPERATURE[0] = 1.0
        rate = {"a function": cooling, "an object": Cooling(), "an optimizer": 0.01}[by]
        optimizer = (OfOnesOwn if by == "an optimizer" else SGD)(learning_rate=rate)
        return fitted(Line, replay, loss=loss, optimizer=optimizer, learning_rate=None)

    (replayed, history), (eager, eager_history) = run(None), run(False)
    assert history.eager == ""
    assert history.loss == pytest.approx(eager_history.loss, rel=1e-9)
    assert [p.data for p in replayed.parameters()] == pytest.approx([p.data for p in eager.parameters()], rel=1e-9)


def test_a_callback_that_turns_noise_on_makes_training_eager():
    class Noisy(Line):
        noise = False

        def __call__(self, x):
            return self.line(x) * (1.0 if not self.noise or random.random() < 0.9 else 0.0)

    def turn_on(model, history):
        model.noise = history.epochs >= 2

    history = fitted(Noisy, None, callbacks=[turn_on], epochs=6)[1]
    assert "random numbers" in history.eager
    assert len(history.loss) == 6


def test_a_callback_that_changes_weights_and_a_branch():
    def flip(model, history):
        model.w.data = -model.w.data

    how = FOLLOWED["if of a weight"]
    assert assert_same(lambda: Branching(how), callbacks=[flip], epochs=9).eager == ""


def test_a_model_that_changes_with_the_clock_of_its_epochs():
    """Its state is out of reach of any look, but each epoch records the model again."""
    ticks = queue.SimpleQueue()

    def ticking(m, x):
        ticks.put(1)
        return m.line(x) * (1.0 if ticks.qsize() <= 7 else 2.0)

    history = fitted(lambda: Branching(ticking), None, epochs=6)[1]
    assert "builds another graph from one call to the next" in history.eager
    assert len(history.loss) == 6


@pytest.mark.parametrize("callbacks", [[], [lambda model, history: model.predict(X)]])
@pytest.mark.parametrize(
    ("make", "once"),
    [
        (lambda: MLP(2, [3, 1], "tanh", seed=0), True),
        (lambda: Sequential(Layer(2, 3), tanh, Dropout(0.2, seed=0), Layer(3, 1), Value.sin), True),
        (lambda: Sequential(Layer(2, 3), lambda zs: zs[::-1], Layer(3, 1)), False),
        (lambda: MLP(2, [3, 1], activation=lambda z: z.tanh(), seed=0), False),
    ],
)
def test_a_model_of_nns_own_parts_is_not_recorded_in_each_epoch(make, once, callbacks, monkeypatch):
    doubts, doubt = [], compiler.Paths.doubt
    monkeypatch.setattr(compiler.Paths, "doubt", lambda *arguments: doubts.append(1) or doubt(*arguments))
    assert fitted(make, True, callbacks=callbacks)[1].eager == ""
    assert (len(doubts) <= 1) is once, "the first is about kept programs"


def test_an_optimizer_of_ones_own_follows_branches():
    class Counted(SGD):
        def put_weights(self):
            super().put_weights()

    def run(replay):
        return fitted(Kink, replay, [[1.0], [3.0], [2.5], [0.5]] * 4, [1.0, -3.0, 0.0, 2.0] * 4, learning_rate=None,
                      optimizer=Counted(learning_rate=0.05))  # fmt: skip

    (replayed, history), (eager, _) = run(None), run(False)
    assert history.eager == ""
    weights = [list(model.state_dict().values()) for model in (replayed, eager)]
    assert weights[0] == pytest.approx(weights[1], rel=1e-9, abs=1e-12)


# ------------------------------------------------------------------------------- losses that are plain numbers at times

SIGNS = np.where(X[:, 0] > 0.0, 1.0, -1.0)


@pytest.mark.parametrize(
    "loss",
    [
        lambda output, target: max(0, 1 - target * output),
        lambda output, target: 0.0 if target > 0 else (1.0 - output) ** 2,
        lambda output, target: 2.5 if output > 0.1 else output * output,
    ],
)
@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"sample_weight": np.linspace(0.0, 2.0, 60)}, marks=pytest.mark.slow),
        {"sample_weight": np.linspace(0.0, 2.0, 60), "dropout": True},
    ],
)
def test_a_plain_number_that_a_comparison_chose_is_a_loss_without_gradient(loss, more):
    more = dict(more)
    layers = [Dropout(0.3)] if more.pop("dropout", False) else []

    def make():
        return Sequential(Layer(2, 4, activation="tanh", seed=0), *layers, Layer(4, 1, activation="linear", seed=1))

    options = {"loss": loss, "validation_data": (X, SIGNS), **more}
    history = assert_same(make, y=SIGNS, **options)
    replayed, _ = fitted(make, True, y=SIGNS, **options)
    assert history.eager == ""
    assert [p.data for p in replayed.parameters()] == [
        p.data for p in fitted(make, None, y=SIGNS, **options)[0].parameters()
    ]


@pytest.mark.parametrize("replay", [False, None])
@pytest.mark.parametrize(
    "loss",
    [
        lambda output, target: (output.data - target) ** 2,
        lambda output, target: max(0.0, 1.0 - target * output.data),
        lambda output, target: 1.0,
        lambda output, target: None if output > 0.0 else output,
    ],
)
def test_other_plain_numbers_are_no_loss(loss, replay):
    with pytest.raises(TypeError, match="the loss must give a Value made of the outputs, got"):
        fitted(Line, replay, y=SIGNS, loss=loss)
