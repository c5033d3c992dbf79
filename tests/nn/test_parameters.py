"""Parameters: found in containers of every kind, with names; and what may not be one is refused by name."""

from collections import deque
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from networks import condition

from engine import Value
from nn import MLP, Adam, Module

QUIET = {"progress": False, "epochs": 2, "seed": 0}


class Net(Module):
    """A module with what it is given as an attribute, and one parameter besides."""

    def __init__(self, thing):
        self.thing, self.b = thing, Value(0.0)

    def __call__(self, x):
        return sum((v * x[0] for v in self.parameters()), self.b)


def values(n):
    return [Value(float(i)) for i in range(n)]


def array(*shape):
    numbers = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        numbers[index] = Value(1.0)
    return numbers


KINDS = [
    (lambda: array(2), ["thing.0", "thing.1"]),
    (lambda: array(2, 1, 2), ["thing.0.0.0", "thing.0.0.1", "thing.1.0.0", "thing.1.0.1"]),
    (array, ["thing"]),
    (lambda: [array(1), array(1)], ["thing.0.0", "thing.1.0"]),
    (lambda: array(0), []),
    (lambda: {"a": MLP(1, [1])}, ["thing.a.layers.0.neurons.0.w.0", "thing.a.layers.0.neurons.0.b"]),
    (lambda: {"a": {"b": [Value(1.0)]}, 3: (Value(2.0),)}, ["thing.a.b.0", "thing.3.0"]),
    (lambda: MappingProxyType({"a": Value(1.0)}), ["thing.a"]),
    (lambda: ((values(1),), [values(1)]), ["thing.0.0.0", "thing.1.0.0"]),
    (lambda: deque(values(2)), ["thing.0", "thing.1"]),
    (lambda: [1.0, "text", None, np.ones(3), {1, 2}, print], []),
]


@pytest.mark.parametrize(("make", "names"), KINDS)
def test_containers_of_every_kind_hold_parameters(make, names, tmp_path):
    net = Net(make())
    assert [name for name, _ in net.named_parameters()] == [*names, "b"]
    assert net.parameters() == [value for _, value in net.named_parameters()]
    before = net.state_dict()
    net.fit([[1.0], [2.0]], [3.0, 5.0], learning_rate=0.1, **QUIET)
    assert all(net.state_dict()[name] != number for name, number in before.items())


def test_arrays_and_networks_in_a_dict_are_saved(tmp_path):
    class Named(Module):
        def __init__(self):
            self.W, self.nets = array(2, 2), {"a": MLP(1, [2, 1], seed=0)}

        def __call__(self, x):
            return self.nets["a"](x) * self.W[1, 1]

    model = Named()
    model.fit([[1.0], [2.0]], [3.0, 5.0], **QUIET)
    model.save(tmp_path / "m.json")
    assert condition(Named.load(tmp_path / "m.json")) == condition(model)


def test_modules_may_know_each_other_and_share():
    class Node(Module):
        def __init__(self, parent=None):
            self.w, self.parent, self.children = Value(1.0), parent, []

    root = Node()
    root.children += [Node(root), Node(root)]
    shared = root.children[0].children
    root.children[1].children = shared
    shared.append(Value(2.0))
    assert [name for name, _ in root.named_parameters()] == [
        "w",
        "children.0.w",
        "children.0.children.0",
        "children.1.w",
    ]


def test_a_module_that_chooses_its_parameters_keeps_its_choice_inside_of_another_one():
    class Half(Module):
        def __init__(self):
            self.frozen, self.free = Value(1.0), Value(2.0)

        def parameters(self):
            return [self.free]

        def __call__(self, x):
            return self.frozen * x[0] + self.free

    class Whole(Module):
        def __init__(self):
            self.half = Half()

        def __call__(self, x):
            return self.half(x)

    half = Half()
    assert Whole().state_dict() == {"half.free": 2.0}
    half.fit([[1.0], [2.0]], [3.0, 5.0], **QUIET)
    assert half.frozen.data == 1.0 != half.free.data - 1.0


@pytest.mark.parametrize("make", [lambda: set(values(2)), lambda: frozenset(values(1)), lambda: [{(Value(1.0), 2)}]])
def test_a_set_has_no_order(make):
    with pytest.raises(TypeError, match=r"thing.* must have an order to hold parameters, got a set; use a list"):
        Net(make())


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Value(1.0) * 0.1, "thing"),
        (lambda: [Value(1.0), Value(1.0) * 0.1], r"thing\.1"),
        (lambda: np.array([Value(1.0), 0.1 + Value(1.0)]), r"thing\.1"),
        (lambda: {"a": {"b": -Value(1.0)}}, r"thing\.a\.b"),
    ],
)
def test_a_parameter_that_an_operation_made_is_refused(make, name):
    with pytest.raises(ValueError, match=rf"Net\.{name} must be a leaf to be a parameter, got the result of"):
        Net(make())


def test_an_output_that_is_kept_is_no_parameter():
    class Keeps(Module):
        def __init__(self):
            self.w = Value(1.0)

        def __call__(self, x):
            self.square = x[0] * x[0]
            self.out = self.w * self.square
            return self.out

    model = Keeps()
    model.fit([[1.0], [2.0]], [3.0, 5.0], **QUIET)
    model([Value(2.0)]).backward()
    assert list(model.state_dict()) == ["w"]


class Hidden(Module):
    """Its weight is where no parameter is looked for."""

    kind = Value(2.0)

    def __init__(self, place):
        self.place, self.b = place, Value(0.0)
        self.box = SimpleNamespace(w=Value(3.0))

    def __call__(self, x):
        weight = {"box": self.box.w, "class": self.kind, "outside": OUTSIDE}.get(self.place)
        if self.place == "later":
            self.made = weight = getattr(self, "made", None) or OUTSIDE * 2.0
        return weight * x[0] + self.b


OUTSIDE = Value(4.0, label="temperature")
WORDS = {
    "box": r"Hidden\.box\.w must be a parameter to reach the outputs",
    "class": r"Hidden\.kind must be a parameter to reach the outputs",
    "outside": r"a Value outside of Hidden \(temperature\) must be a parameter",
    "later": r"Hidden\.made must be a leaf to be a parameter, got the result of '\*'",
}


@pytest.mark.parametrize("replay", [None, False])
@pytest.mark.parametrize("place", WORDS)
def test_a_leaf_that_reaches_the_output_is_a_parameter_or_refused(place, replay):
    model = Hidden(place)
    with pytest.raises(ValueError, match=WORDS[place]):
        model.fit([[1.0], [2.0]], [3.0, 5.0], replay=replay, **QUIET)
    assert model.b.data == 0.0


def test_leaves_that_a_call_makes_for_itself_are_no_parameters():
    class Sums(Module):
        def __init__(self):
            self.w = Value(1.0)

        def __call__(self, x):
            total = Value(0.0)
            for number in x:
                total = total + self.w * number
            return total

    history = Sums().fit([[1.0], [2.0]], [3.0, 6.0], **QUIET)
    assert history.loss[1] < history.loss[0]


class Remembers(Module):
    """It keeps the inputs of each call as Values."""

    def __init__(self):
        self.w, self.grows = Value(1.0), []

    def __call__(self, x):
        self.inputs = [Value(float(number)) for number in x]
        return self.w * self.inputs[0]


@pytest.mark.parametrize("called", [False, True])
def test_inputs_that_a_call_keeps_are_told_from_parameters(tmp_path, called):
    model = Remembers()
    if called:
        model([1.0])
    with pytest.raises(ValueError, match=r"Remembers\.inputs\.0 must last from call to call to be a parameter"):
        model.fit([[1.0], [2.0]], [3.0, 5.0], **QUIET)
    with pytest.raises(ValueError, match=r"Remembers\.inputs\.0 is a parameter, and a new Remembers has nothing there"):
        model.save(tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


def test_a_module_may_make_its_parameters_in_its_first_call():
    class Lazy(Module):
        def __call__(self, x):
            if not hasattr(self, "w"):
                self.w = [Value(0.5) for _ in x]
            return sum(w * number for w, number in zip(self.w, x))

    model = Lazy()
    model.fit([[1.0], [2.0]], [3.0, 5.0], **QUIET)
    assert model.w[0].data != 0.5


def test_two_parameters_of_one_name_are_refused():
    net = Net({"a.b": Value(1.0), "a": {"b": Value(2.0)}})
    with pytest.raises(ValueError, match=r"one parameter of a name, got two called thing\.a\.b"):
        net.state_dict()


def test_an_optimizer_in_a_loop_of_ones_own_trains_what_is_in_arrays():
    net = Net(array(2))
    optimizer = Adam(net.parameters(), learning_rate=0.1)
    for _ in range(3):
        net.zero_grad()
        ((net([1.0]) - 5.0) ** 2).backward()
        optimizer.step()
    assert all(value.data > 1.0 for value in net.thing)
