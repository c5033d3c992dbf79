"""Code written for micrograd, or for a bare autograd class of forty lines, with nothing changed but its imports."""

import math
import random

import pytest
from graphs import MICROGRAD, recipes, rounding
from hypothesis import given

from engine import Value, leaves


def trace(root):
    """The classic recipe: all nodes and edges of a graph, by recursion over _prev."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def draw_dot(root):
    """The classic picture, as lines of DOT: a box for each Value, an oval for each operation."""
    lines = []
    nodes, edges = trace(root)
    for n in nodes:
        uid = str(id(n))
        lines.append(f'"{uid}" [label="{{ {n.label} | data {n.data:.4f} | grad {n.grad:.4f} }}" shape=record]')
        if n._op:
            lines.append(f'"{uid + n._op}" [label="{n._op}"]')
            lines.append(f'"{uid + n._op}" -> "{uid}"')
    for n1, n2 in edges:
        lines.append(f'"{id(n1)}" -> "{str(id(n2)) + n2._op}"')
    return lines


def classic_neuron():
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1 = x1 * w1
    x1w1.label = "x1*w1"
    x2w2 = x2 * w2
    x2w2.label = "x2*w2"
    x1w1x2w2 = x1w1 + x2w2
    x1w1x2w2.label = "x1*w1 + x2*w2"
    n = x1w1x2w2 + b
    n.label = "n"
    return n, (x1, x2, w1, w2), (x1w1, x2w2, x1w1x2w2)


def test_backprop_by_hand():
    n, (x1, x2, w1, w2), (x1w1, x2w2, x1w1x2w2) = classic_neuron()
    o = n.tanh()
    o.label = "o"
    o.grad = 1.0
    o._backward()
    n._backward()
    x1w1x2w2._backward()
    x2w2._backward()
    x1w1._backward()
    assert n.grad == pytest.approx(0.5)
    assert [v.grad for v in (x1, w1, x2, w2)] == pytest.approx([-1.5, 1.0, 0.5, 0.0])


def test_backprop_by_hand_in_topological_order():
    n, inputs, _ = classic_neuron()
    o = n.tanh()
    topo, visited = [], set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            topo.append(v)

    build_topo(o)
    o.grad = 1.0
    for node in reversed(topo):
        node._backward()
    by_hand = [v.grad for v in inputs]
    for v in inputs:
        v.grad = 0.0
    o.backward()
    assert [v.grad for v in inputs] == by_hand


def test_tanh_from_its_parts():
    n, inputs, _ = classic_neuron()
    e = (2 * n).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    assert o.data == pytest.approx(0.7071067811865476)
    assert [v.grad for v in inputs] == pytest.approx([-1.5, 0.5, 1.0, 0.0])


def test_by_hand_a_step_adds_up():
    a = Value(3.0)
    b = a + a
    b.grad = 1.0
    b._backward()
    b._backward()
    assert a.grad == 4.0
    a._backward()
    assert a.grad == 4.0, "a leaf has nobody to hand anything to"


def test_trace_and_draw_dot():
    n, inputs, inner = classic_neuron()
    o = n.tanh()
    o.backward()
    nodes, edges = trace(o)
    assert len(nodes) == 10
    assert len(edges) == 9
    assert nodes >= {o, n, *inputs, *inner}
    assert {child for child, parent in edges if parent is n} == n._prev
    lines = draw_dot(o)
    assert sum("shape=record" in line for line in lines) == 10
    assert sum("->" in line for line in lines) == 14
    assert any('[label="tanh"]' in line for line in lines)
    assert any("{ x1*w1 | data -6.0000 | grad 0.5000 }" in line for line in lines)


def test_repr_has_micrograds_form():
    x = Value(2.0)
    assert repr(x) == "Value(data=2.0, grad=0.0)"
    x.grad = 3.5
    assert f"{x} {x!r}" == "Value(data=2.0, grad=3.5) Value(data=2.0, grad=3.5)"


def test_the_readme_example():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_its_own_sanity_check():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_training_as_one_writes_it_with_a_bare_class():
    """A tiny net without any class for it: numbers in lists, sum of a generator, updates of data in place."""
    random.seed(7)
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    hidden = [[Value(random.uniform(-1, 1)) for _ in range(4)] for _ in range(4)]
    out = [Value(random.uniform(-1, 1)) for _ in range(5)]
    parameters = [p for row in hidden for p in row] + out

    def net(x):
        h = [sum((wi * xi for wi, xi in zip(w, x)), w[-1]).tanh() for w in hidden]
        return sum((wi * hi for wi, hi in zip(out, h)), out[-1]).tanh()

    losses = []
    for _ in range(60):
        loss = sum((net(x) - y) ** 2 for x, y in zip(xs, ys))
        for p in parameters:
            p.grad = 0
        loss.backward()
        for p in parameters:
            p.data -= 0.1 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 0.1 < losses[0]
    assert all(type(p.data) is float for p in parameters)
    assert set(leaves(loss)) == set(parameters)


def test_cross_entropy_as_one_writes_it_with_a_bare_class():
    """A softmax by hand over logits, and Adam over p.data and p.grad, as small language models in one file have it."""
    random.seed(42)
    weights = [[Value(random.gauss(0, 0.1)) for _ in range(3)] for _ in range(4)]
    parameters = [p for row in weights for p in row]
    m, v = [0.0] * len(parameters), [0.0] * len(parameters)
    x, target = [0.5, -1.0, 2.0], 2
    losses = []
    for step in range(30):
        logits = [sum(wi * xi for wi, xi in zip(w, x)) for w in weights]
        highest = max(logit.data for logit in logits)
        exps = [(logit - highest).exp() for logit in logits]
        total = sum(exps)
        probabilities = [e / total for e in exps]
        loss = -probabilities[target].log()
        loss.backward()
        for i, p in enumerate(parameters):
            m[i] = 0.9 * m[i] + 0.1 * p.grad
            v[i] = 0.95 * v[i] + 0.05 * p.grad**2
            m_hat, v_hat = m[i] / (1 - 0.9 ** (step + 1)), v[i] / (1 - 0.95 ** (step + 1))
            p.data -= 0.1 * m_hat / (v_hat**0.5 + 1e-8)
            p.grad = 0
        losses.append(loss.data)
    assert losses[0] == pytest.approx(math.log(4), abs=0.5)
    assert losses[-1] < 0.05


@given(recipes(MICROGRAD))
def test_gradients_are_micrograds(recipe):
    micrograd = pytest.importorskip("micrograd.engine")
    ours, theirs = [Value(x) for x in recipe.numbers], [micrograd.Value(x) for x in recipe.numbers]
    root, their_root = recipe.follow(ours)[-1], recipe.follow(theirs)[-1]
    try:
        their_root.backward()
    except OverflowError:  # from a float to a power; here it was an error before
        return
    root.backward()
    assert root.data == their_root.data or math.isnan(root.data)
    if math.isfinite(root.data):
        expected = [v.grad for v in theirs]
        assert [v.grad for v in ours] == pytest.approx(expected, rel=1e-12, abs=rounding(root), nan_ok=True)


@given(recipes(MICROGRAD, most=12))
def test_division_and_powers_are_micrograds(recipe):
    micrograd = pytest.importorskip("micrograd.engine")

    def with_division(leaf_class):
        made = [leaf_class(x) for x in recipe.numbers]
        nodes = recipe.follow(made)
        root = nodes[-1] / (nodes[-2] ** 2 + 1.5) + 1.0 / (nodes[0] ** 2 + 0.5) ** 1.5 + (-nodes[-1]) / 3
        root.backward()
        return root, made

    try:
        (root, ours), (their_root, theirs) = with_division(Value), with_division(micrograd.Value)
    except OverflowError:
        return
    if math.isfinite(root.data) and abs(root.data) < 1e50:
        assert root.data == pytest.approx(their_root.data, rel=1e-12)
        expected = [v.grad for v in theirs]
        assert [v.grad for v in ours] == pytest.approx(expected, rel=1e-9, abs=rounding(root), nan_ok=True)
