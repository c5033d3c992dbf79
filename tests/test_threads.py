"""Different graphs in different threads at once, on leaves' data that they share."""

import copy
import operator
import pickle
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import Value, backprop, leaves, size, topological_order

WEIGHTS = [random.Random(1).uniform(-1.0, 1.0) for _ in range(20)]

MAKE = [operator.add, operator.mul, lambda a, b: (a - b).tanh(), lambda a, b: a.sin() * b]


@pytest.fixture(autouse=True)
def _switch_often():
    """Threads take turns as often as Python can, so that what is not safe shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def graph(seed, weights):
    """A loss of its own for each seed; the weights' nodes are new, their numbers the same."""
    choose = random.Random(seed)
    nodes = list(weights)
    for _ in range(300):
        a, b = choose.choice(nodes[-30:]), choose.choice(nodes[-30:])
        nodes.append(choose.choice(MAKE)(a, b))
    return nodes[-1]


def results(seed, data=WEIGHTS):
    weights = [Value(x) for x in data]
    root = graph(seed, weights)
    root.backward()
    by_steps = [Value(x) for x in data]
    for _ in backprop(graph(seed, by_steps)):
        pass
    assert [w.grad for w in weights] == [w.grad for w in by_steps]
    order = topological_order(root)
    copied = pickle.loads(pickle.dumps(copy.deepcopy(root)))
    assert [v.grad for v in topological_order(copied)] == [v.grad for v in order]
    return root.data, [w.grad for w in weights], len(order), len(leaves(root)), size(copied)


def test_threads_give_what_one_after_the_other_gives():
    seeds = list(range(40))
    expected = [results(seed) for seed in seeds]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(results, seeds)) == expected


def test_graphs_on_shared_leaves_can_be_walked_and_copied_at_once():
    """Leaves are shared; every thread has its own interior nodes. (Gradients of shared leaves would add up.)"""
    weights = [Value(x) for x in WEIGHTS]

    def questions(seed):
        root = graph(seed, weights)
        copied = copy.deepcopy(root)
        copied.backward()
        return size(root), [v.data for v in topological_order(root)], [v.grad for v in leaves(copied)]

    seeds = list(range(40))
    expected = [questions(seed) for seed in seeds]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(questions, seeds)) == expected
    assert all(w.grad == 0.0 for w in weights)


def test_values_that_die_in_another_thread():
    """Deep graphs are freed where their last name goes, in several threads at once."""

    def chain():
        y = Value(1.0)
        for _ in range(20_000):
            y = y + 1.0
        return y

    kept = [chain() for _ in range(4)]
    threads = [threading.Thread(target=lambda: (chain(), kept.pop())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept == []
    assert chain().data == 20_001.0
