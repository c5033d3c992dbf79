"""Different graphs in different threads at once; what they share works, or is refused."""

import copy
import operator
import pickle
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from networks import XOR_X, XOR_Y

from engine import Value, backprop, compile, grad, leaves, size, tanh, topological_order
from nn import MLP

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
    seeds = list(range(24))
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

    seeds = list(range(24))
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


# ------------------------------------------------------------------------------- models, programs, and what is shared


def test_everybody_trains_a_model_of_their_own():
    def trained(seed):
        model = MLP(2, [4, 1], activation="tanh", seed=seed)
        options = {"loss": "binary_cross_entropy", "epochs": 3, "batch_size": 3, "seed": seed, "progress": False}
        history = model.fit(XOR_X, XOR_Y, replay=None if seed % 2 else False, **options)
        return history.eager, history.loss, model.state_dict(), model.predict(XOR_X), grad(grad(tanh))(seed / 10)

    seeds = list(range(24))
    expected = [trained(seed) for seed in seeds]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(trained, seeds)) == expected


def test_many_threads_record_at_once(monkeypatch):
    """Python refuses a profile function while another thread installs one."""
    install, busy = sys.setprofile, threading.Lock()

    def refusing(function):
        if not busy.acquire(blocking=False):
            raise RuntimeError("Cannot install a profile function while another profile function is being installed")
        try:
            time.sleep(1e-4)
            install(function)
        finally:
            busy.release()

    def recorded(seed):
        return compile(lambda x: x * seed + 1.0)([[1.0], [2.0]]).tolist()

    monkeypatch.setattr(sys, "setprofile", refusing)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(recorded, range(64))) == [[seed + 1.0, 2.0 * seed + 1.0] for seed in range(64)]


def test_gradients_of_shared_parameters_add_up_whole():
    weights = [Value(x) for x in WEIGHTS]

    def passes(_):
        for _ in range(60):
            total = Value(0.0)
            for w in weights:
                total = total + w * 2.0
            total.backward()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(passes, range(8)))
    assert [w.grad for w in weights] == [8 * 60 * 2.0] * len(weights)


def test_one_program_can_be_run_by_all():
    model, x = MLP(2, [8, 1], activation="tanh", seed=1), [Value(0.0), Value(0.0)]
    program = compile(model(x), inputs=x, parameters=model.parameters())
    batches = [[[0.1 * i + j, 0.2 * j - i] for j in range(5)] for i in range(40)]

    def run(rows):
        mean, gradient = program.value_and_gradient(rows)
        return program(rows).tolist(), mean, gradient.tolist(), program.gradients(rows, "inputs").tolist()

    expected = [run(rows) for rows in batches]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(run, batches)) == expected


@pytest.mark.parametrize("replay", [None, False])
def test_two_threads_cannot_train_one_model(replay):
    model = MLP(2, [3, 1], seed=0)
    begun, told = threading.Event(), threading.Event()

    def wait(model, history):
        begun.set()
        assert told.wait(60)

    options = {"loss": "hinge", "progress": False, "replay": replay, "seed": 0}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(model.fit, XOR_X, XOR_Y, epochs=1, callbacks=[wait], **options)
        try:
            assert begun.wait(60)
            before = model.state_dict()
            with pytest.raises(RuntimeError, match="another thread is training this model"):
                model.fit(XOR_X, XOR_Y, epochs=5, **options)
            tied = MLP(2, [3, 1], seed=0)
            tied.layers[0].neurons[0].w[0] = model.layers[0].neurons[0].w[0]
            with pytest.raises(RuntimeError, match="or one that shares parameters with it"):
                tied.fit(XOR_X, XOR_Y, **options)
            assert model.state_dict() == before
            assert copy.deepcopy(model).fit(XOR_X, XOR_Y, epochs=1, **options).epochs == 1
        finally:
            told.set()
        assert first.result(60).epochs == 1
    assert model.fit(XOR_X, XOR_Y, epochs=1, **options).epochs == 1


def test_a_callback_may_train_the_model_further():
    model = MLP(2, [3, 1], seed=0)

    def more(model, history):
        assert model.fit(XOR_X, XOR_Y, loss="hinge", epochs=1, seed=0, progress=False).epochs == 1

    assert model.fit(XOR_X, XOR_Y, loss="hinge", epochs=2, seed=0, progress=False, callbacks=[more]).epochs == 2
