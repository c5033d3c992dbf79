"""Graphs are freed as soon as the last name goes, without the garbage collector, and nothing of ours forms a cycle."""

import gc
import math
import operator
import sys
from functools import reduce

import pytest
from networks import XOR_X, XOR_Y

from engine import (
    COMPILED,
    Value,
    backprop,
    compile,
    draw,
    forward,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    stepper,
    tanh,
)
from nn import MLP

MARK = "".join(["wat", "ched"])  # an object of its own: as many references to it as there are leaves


def leaf(number):
    return Value(number, label=MARK)


def network():
    model = MLP(2, [3, 1], seed=0)
    for p in model.parameters():
        p.label = MARK
    return model


def built():
    x, w = leaf(2.0), leaf(-3.0)
    return (x * w + x.tanh()) ** 2


def done_backward():
    y = built()
    y.backward()
    y.backward()


def done_step_by_step():
    y = built()
    for step in [*forward(y), *backprop(y)]:
        assert step.text
        assert step.latex


def left_halfway():
    steps = backprop(built())
    next(steps)


def drawn():
    y = built()
    assert draw(y, names={"y": y}, derivatives=True).source


def walked():
    assert "<script" in stepper(built()).html


def trained_by_hand():
    model = network()
    model.zero_grad()
    loss = reduce(operator.add, [(model(x) - y) ** 2 for x, y in zip(XOR_X, XOR_Y)])
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad


def fitted(replay=None):
    model = network()
    history = model.fit(XOR_X, XOR_Y, loss="binary_cross_entropy", epochs=2, seed=0, progress=False, replay=replay)
    assert history.epochs == 2
    assert len(model.predict(XOR_X)) == 4


def fitted_eagerly():
    fitted(replay=False)


def fitted_with_a_callback():
    model = network()
    model.fit(XOR_X, XOR_Y, loss="hinge", epochs=3, seed=0, progress=False, callbacks=[lambda model, history: None])


def compiled():
    w, x = leaf(0.5), leaf(0.0)
    program = compile(tanh(w * x), inputs=[x])
    program.value_and_gradient([[1.0], [2.0]])
    program.gradients([[1.0], [2.0]])


def compiled_function():
    compile(lambda a, b: tanh(a) * b * leaf(2.0))([[1.0, 2.0], [3.0, 4.0]])


def differentiated_often():
    assert grad(grad(tanh))(0.5) < 0
    hessian(lambda v: leaf(2.0) * v[0] ** 2 * v[1])([3.0, 5.0])
    jacobian(lambda v: [v[0] * v[1], v[0].exp()])([3.0, 5.0])
    hvp(lambda v: v[0] ** 2 * v[1], [3.0, 5.0], [1.0, 0.0])


def differentiated_as_a_graph():
    x = leaf(0.5)
    y = tanh(x) ** 3
    (slope,) = gradients(y, [x])
    slope.backward()
    assert isinstance(slope, Value)


def failed():
    with pytest.raises(ValueError, match="log"):
        (built() - 1e6).log()


def refused():
    with pytest.raises(TypeError, match=r"math\.exp\(\)"):
        grad(lambda x: x * math.exp(x))(1.0)


THINGS = [
    built,
    done_backward,
    done_step_by_step,
    left_halfway,
    drawn,
    walked,
    trained_by_hand,
    fitted,
    fitted_eagerly,
    fitted_with_a_callback,
    compiled,
    compiled_function,
    differentiated_often,
    differentiated_as_a_graph,
    failed,
    refused,
]


def is_ours(thing):
    kind = thing if isinstance(thing, type) else type(thing)
    module = getattr(thing, "__module__", None) or ""
    return str(kind.__module__).startswith(("engine", "nn.")) or str(module).startswith(("engine", "nn."))


@pytest.fixture
def no_collector():
    """What is freed is freed by counting references."""
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.slow
def test_nothing_of_ours_forms_a_cycle(no_collector, thing):
    """Whatever only the collector can free is in ``gc.garbage`` afterwards (compiled Values are not in its hands)."""
    thing()  # what is imported or cached at first use
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    thing()
    gc.collect()
    assert [found for found in gc.garbage if is_ours(found)] == []


@pytest.mark.slow
def test_a_cycle_would_be_found(no_collector):
    gc.set_debug(gc.DEBUG_SAVEALL)
    model = network()
    model.layers[0].itself = model
    del model
    gc.collect()
    assert any(is_ours(found) for found in gc.garbage)


@pytest.mark.skipif(COMPILED, reason="compiled Values are not known to the collector")
@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.slow
def test_nothing_stays_behind(no_collector, thing):
    """The Values that are alive, counted without freeing anything."""

    def alive():
        return sum(type(found) is Value for found in gc.get_objects())

    thing()
    before = alive()
    for _ in range(3):
        thing()
    assert alive() == before


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.slow
def test_graphs_are_freed_at_once(no_collector, thing):
    """In both builds: every leaf holds the one label, and none does once the last name of its graph is gone."""
    thing()
    before = sys.getrefcount(MARK)
    thing()
    assert sys.getrefcount(MARK) == before


def test_a_graph_lives_as_long_as_its_last_value(no_collector):
    before = sys.getrefcount(MARK)
    x = leaf(1.0)
    y = x
    for _ in range(10_000):
        y = y * leaf(1.0) + 0.5
    middle = y.operands[0].operands[0]
    assert sys.getrefcount(MARK) == before + 10_001
    del y
    assert sys.getrefcount(MARK) == before + 10_000, "what stands above the middle is gone"
    del middle
    assert sys.getrefcount(MARK) == before + 1
    del x
    assert sys.getrefcount(MARK) == before
