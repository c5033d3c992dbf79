"""What a compiled function reads besides its arguments: a change between two calls counts, wherever it is."""

import argparse
import builtins
import collections
import contextvars
import copy
import datetime
import decimal
import enum
import fractions
import functools
import itertools
import logging
import operator
import os
import queue
import re
import sys
import tempfile
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import hypothesis
import numpy as np
import pytest

from engine import DataDependentError, Value, atan2, compile, constant
from engine.compiler import Surroundings

HERE = sys.modules[__name__]


class Text(str):
    pass


class Table(dict):
    factor = 1.0

    def of_class(self):
        return self.factor


class Slotted(list):
    __slots__ = ("k",)


class Thing:
    def __init__(self, k=1.0):
        self.k = k

    def __call__(self):
        return 2.0

    def __getitem__(self, index):
        return 2.0


class Subthing(Thing):
    k = 1.0


class Named(NamedTuple):
    k: float

    def doubled(self):
        return 2.0 * self.k


class Fixed(enum.Enum):
    ONE = 1.0


DECIMAL, FRACTION, DELAY = decimal.Decimal(1), fractions.Fraction(1), datetime.timedelta(seconds=1)
RANGE, SLICE, ADD, NUMBERS = range(1), slice(0, 1), np.add, [1.0, 2.0, 4.0]
TEXT, TABLE, THING, ERROR = Text("a"), Table(), Thing(), ValueError(1.0)
TEXT.k = TABLE.k = ERROR.k = 1.0
NAMESPACE, QUEUE, LOGGER = argparse.Namespace(k=1.0), queue.Queue(), logging.getLogger("k")
QUEUE.put(1.0)
LOGGER.setLevel(1)
LOGGER.k, CHILD = 1.0, LOGGER.getChild("child")
OF_THREAD, OF_CONTEXT = threading.local(), contextvars.ContextVar("k", default=1.0)
OF_THREAD.k = 1.0
WEAK, WEAKLY = weakref.ref(THING), weakref.WeakValueDictionary(k=THING)
POLYNOMIAL = np.polynomial.Polynomial([1.0, 2.0])
ORDER, TUPLES, SET, FROZEN = {"a": 1.0, "b": 2.0}, {(1, 2): 1.0, (3, 4): 2.0}, {THING}, frozenset([(1, 2.0)])
LISTS, INTEGERS, ZERO = [[1.0] for _ in range(2000)], [-1] * 2000, [0.0]
PART = types.ModuleType("part_of_own")
PART.k = 1.0
OWN = types.ModuleType("own")
OWN.part, OWN.k = PART, 1.0
WEIGHT = Value(2.0, label="w")
WEIGHT.scale = 1.0
LIKE = types.ModuleType("profile")
LIKE.__file__, LIKE.k = os.path.join(tempfile.gettempdir(), "profile.py"), 1.0
NAME, SCALE = "scale", operator.attrgetter("scale")
WEIGHTS, MODULES = [Value(2.0), Value(3.0)], [OWN]
WEIGHTS[1].mask = 1.0
KEPT = functools.cache(lambda key: NUMBERS[key])
os.environ["GRADSTEP_K"] = "1"
NAMED, SLOTTED, MADE = Named(1.0), Slotted(), types.new_class("Made", exec_body=lambda own: own.update(k=1.0))
SLOTTED.k = 1.0
READ, READ_K, ENVIRONMENT, REPEATED = getattr, operator.attrgetter("k"), os.getenv, itertools.repeat(THING)
READ_OWN, COLLIDING, GRID = OWN.__getattribute__, {8.0}, [np.arange(4.0).reshape(2, 2)]
COLLIDING.add(16.0)
Given = collections.namedtuple("Given", "k", defaults=[1.0])
DOUBLES = [lambda: 2.0 for _ in range(2)]
OF_DOUBLES = {double: float(count) for count, double in enumerate(DOUBLES, 1)}
CHOSEN = [Thing(), Thing()]
OF_THINGS = {CHOSEN[0]: 1.0, CHOSEN[1]: 2.0}


def set_here(**things):
    vars(HERE).update(things)


def turned(table):
    first = next(iter(table))
    table[first] = table.pop(first)


def exchanged():
    numbers = list(TUPLES.values())[::-1]
    TUPLES.clear()
    TUPLES.update({(3, 4): numbers[0], (1, 2): numbers[1]} if numbers[0] == 1.0 else {(1, 2): 5.0, (3, 4): 6.0})


def read_there(found):
    found.append(NUMBERS[2])


def in_a_thread():
    found = []
    thread = threading.Thread(target=read_there, args=[found])
    thread.start()
    thread.join()
    return found[0]


def third():
    return NUMBERS[2]


def in_a_pool():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(third).result()


def imported():
    import own

    return own.k


def imported_from():
    from own import k

    return k


def imported_as_a_builtin():
    import filter

    return filter.k


def reordered():
    COLLIDING.clear()
    COLLIDING.add(16.0)
    COLLIDING.add(8.0)


def imported_as_a_global():
    import own_as_global

    return own_as_global.k


own_as_global = None
ABOVE = {"__package__": "own.part"}
exec("def read():\n    from .. import k\n    return k", ABOVE)
IMPORTED_FROM_ABOVE = ABOVE["read"]
READ_AND_CHANGE = {
    "a Decimal": (lambda: float(DECIMAL), lambda: set_here(DECIMAL=DECIMAL + 1)),
    "a Fraction": (lambda: float(FRACTION), lambda: set_here(FRACTION=FRACTION + 1)),
    "a timedelta": (lambda: DELAY / datetime.timedelta(seconds=1), lambda: set_here(DELAY=DELAY * 2)),
    "a range": (lambda: len(RANGE), lambda: set_here(RANGE=range(2))),
    "a slice": (lambda: sum(NUMBERS[SLICE]), lambda: set_here(SLICE=slice(0, 2))),
    "a ufunc": (lambda: float(ADD(2.0, 3.0)), lambda: set_here(ADD=np.multiply)),
    "a text's attribute": (lambda: TEXT.k, lambda: setattr(TEXT, "k", TEXT.k + 1)),
    "a dict's attribute": (lambda: TABLE.k, lambda: setattr(TABLE, "k", TABLE.k + 1)),
    "an error's attribute": (lambda: ERROR.k, lambda: setattr(ERROR, "k", ERROR.k + 1)),
    "an error's argument": (lambda: ERROR.args[0], lambda: setattr(ERROR, "args", (5.0,))),
    "a member of an enum": (lambda: Fixed.ONE.value, lambda: setattr(Fixed.ONE, "_value_", 5.0)),
    "argparse's numbers": (lambda: NAMESPACE.k, lambda: setattr(NAMESPACE, "k", NAMESPACE.k + 1)),
    "a queue": (lambda: QUEUE.queue[-1], lambda: QUEUE.put(5.0)),
    "a logger": (lambda: LOGGER.level, lambda: LOGGER.setLevel(LOGGER.level + 1)),
    "a logger's attribute": (lambda: LOGGER.k, lambda: setattr(LOGGER, "k", LOGGER.k + 1)),
    "the level of a logger above": (CHILD.getEffectiveLevel, lambda: LOGGER.setLevel(LOGGER.level + 1)),
    "a thread's own": (lambda: OF_THREAD.k, lambda: setattr(OF_THREAD, "k", OF_THREAD.k + 1)),
    "a context variable": (OF_CONTEXT.get, lambda: OF_CONTEXT.set(5.0)),
    "a weak reference": (lambda: WEAK().k, lambda: setattr(THING, "k", THING.k + 1)),
    "a weak dict": (lambda: WEAKLY["k"].k, lambda: setattr(THING, "k", THING.k + 1)),
    "a set of objects": (lambda: next(iter(SET)).k, lambda: setattr(THING, "k", THING.k + 1)),
    "a frozenset of tuples": (lambda: next(iter(FROZEN))[1], lambda: set_here(FROZEN=frozenset([(1, 3.0)]))),
    "a polynomial": (lambda: float(POLYNOMIAL.coef[0]), lambda: POLYNOMIAL.coef.__setitem__(0, 5.0)),
    "the order of a dict": (lambda: next(iter(ORDER.values())), lambda: turned(ORDER)),
    "keys that are tuples": (lambda: TUPLES[1, 2], exchanged),
    "a list in a long list": (lambda: LISTS[1500][0], lambda: LISTS[1500].__setitem__(0, LISTS[1500][0] + 1)),
    "-1 and -2 in a long list": (lambda: INTEGERS[1500], lambda: INTEGERS.__setitem__(1500, -2)),
    "how an object is called": (THING, lambda: setattr(Thing, "__call__", lambda self: 5.0)),
    "how an object is indexed": (lambda: THING[0], lambda: setattr(Thing, "__getitem__", lambda self, index: 5.0)),
    "a module of a module": (lambda: OWN.part.k, lambda: setattr(PART, "k", PART.k + 1)),
    "what it imports": (imported, lambda: setattr(OWN, "k", OWN.k + 1)),
    "what it imports from there": (imported_from, lambda: setattr(OWN, "k", OWN.k + 1)),
    "what is named like a builtin": (imported_as_a_builtin, lambda: setattr(OWN, "k", OWN.k + 1)),
    "globals()": (lambda: globals()["NUMBERS"][0], lambda: NUMBERS.__setitem__(0, NUMBERS[0] + 1)),
    "the environment": (lambda: float(os.environ["GRADSTEP_K"]), lambda: os.environ.__setitem__("GRADSTEP_K", "5")),
    "an attribute of a Value": (lambda: WEIGHT.scale, lambda: setattr(WEIGHT, "scale", WEIGHT.scale + 1)),
    "an attribute of a Value in a list": (lambda: WEIGHTS[1].mask, lambda: setattr(WEIGHTS[1], "mask", 5.0)),
    "a module in a list": (lambda: MODULES[0].k, lambda: setattr(OWN, "k", OWN.k + 1)),
    "an attribute by its name": (lambda: getattr(WEIGHT, NAME), lambda: setattr(WEIGHT, NAME, WEIGHT.scale + 1)),
    "an attribute by a getter": (lambda: SCALE(WEIGHT), lambda: setattr(WEIGHT, "scale", WEIGHT.scale + 1)),
    "a module's by its name": (lambda: getattr(OWN, NAME[:0] + "k"), lambda: setattr(OWN, "k", OWN.k + 1)),
    "a module's dict": (lambda: OWN.__dict__["k"], lambda: setattr(OWN, "k", OWN.k + 1)),
    "sys.modules": (lambda: sys.modules["own"].k, lambda: setattr(OWN, "k", OWN.k + 1)),
    "a module named like Python's": (lambda: LIKE.k, lambda: setattr(LIKE, "k", LIKE.k + 1)),
    "what another thread reads": (in_a_thread, lambda: NUMBERS.__setitem__(2, NUMBERS[2] + 1)),
    "what a pool of threads reads": (in_a_pool, lambda: NUMBERS.__setitem__(2, NUMBERS[2] + 1)),
    "a builtin of the user's": (lambda: GRADSTEP_K[0], lambda: builtins.GRADSTEP_K.__setitem__(0, 5.0)),  # noqa: F821
    "what a cache keeps": (lambda: KEPT(1), lambda: (NUMBERS.__setitem__(1, 7.0), KEPT(1), KEPT.cache_clear())),
    "an attribute of a dict's class": (TABLE.of_class, lambda: setattr(Table, "factor", 5.0)),
    "a method of a named tuple": (lambda: 1.0 + NAMED.doubled(), lambda: setattr(Named, "doubled", lambda self: 5.0)),
    "a slot of a list": (lambda: SLOTTED.k, lambda: setattr(SLOTTED, "k", 5.0)),
    "an attribute of a class from types": (lambda: MADE.k, lambda: setattr(MADE, "k", 5.0)),
    "getattr by another name": (lambda: READ(OWN, "k"), lambda: setattr(OWN, "k", OWN.k + 1)),
    "a module's by a getter": (lambda: READ_K(OWN), lambda: setattr(OWN, "k", OWN.k + 1)),
    "the environment by another name": (
        lambda: float(ENVIRONMENT("GRADSTEP_K")),
        lambda: os.environ.__setitem__("GRADSTEP_K", "6"),
    ),
    "what is imported and named like a global": (imported_as_a_global, lambda: setattr(OWN, "k", OWN.k + 1)),
    "what is imported from above": (IMPORTED_FROM_ABOVE, lambda: setattr(OWN, "k", OWN.k + 1)),
    "a class that is asked for": (lambda: Thing.__subclasses__()[0].k, lambda: setattr(Subthing, "k", 5.0)),
    "which object it is": (lambda: OF_THINGS[CHOSEN[0]], lambda: CHOSEN.__setitem__(0, CHOSEN[1])),
    "which function it is": (lambda: OF_DOUBLES[DOUBLES[0]], lambda: DOUBLES.__setitem__(0, DOUBLES[1])),
    "the order of a set": (lambda: next(iter(COLLIDING)), reordered),
    "how an array lies in memory": (
        lambda: float(GRID[0].ravel("K")[1]),
        lambda: GRID.__setitem__(0, np.asfortranarray(GRID[0])),
    ),
    "what a new object has": (lambda: Given().k, lambda: setattr(Given.__new__, "__defaults__", (5.0,))),
    "how an object reads its module": (lambda: READ_OWN("k"), lambda: setattr(OWN, "k", OWN.k + 1)),
    "an object that is repeated": (lambda: next(REPEATED).k, lambda: setattr(THING, "k", THING.k + 1)),
    "a label": (lambda: len(WEIGHT.label), lambda: setattr(WEIGHT, "label", "weight")),
}


@pytest.mark.parametrize("name", READ_AND_CHANGE)
def test_what_changed_between_two_calls_counts(name, monkeypatch):
    for name_of_own in ("own", "filter", "own_as_global"):
        monkeypatch.setitem(sys.modules, name_of_own, OWN)
    monkeypatch.setitem(sys.modules, "profile", LIKE)
    monkeypatch.setattr(builtins, "GRADSTEP_K", [1.0], raising=False)
    read, change = READ_AND_CHANGE[name]
    f = compile(lambda x: x * read())
    before = read()
    assert f([[1.0], [2.0]]).tolist() == [before, 2.0 * before]
    change()
    assert read() != before
    assert f([[1.0], [2.0]]).tolist() == [read(), 2.0 * read()]


def test_equal_code_in_two_modules_is_two_functions():
    modules = [{"k": 1.0}, {"k": 2.0}]
    for module in modules:
        exec("def times(x):\n    return x * k", module)
    first, second = (module["times"] for module in modules)
    f = compile(lambda x: first(x) + second(x))
    assert f([[1.0]]).tolist() == [3.0]
    modules[1]["k"] = 5.0
    assert f([[1.0]]).tolist() == [6.0]


def test_a_function_that_is_called_later_and_gives_the_same_is_looked_at():
    later = {"k": 2.0}
    exec("def times(x):\n    return x * k", later)
    table = {"times": lambda x: x * 2.0}
    f = compile(lambda x: table["times"](1.0 * x))
    for change in (lambda: None, lambda: table.update(later), lambda: later.update(k=3.0)):
        change()
        assert f([[1.0]]).tolist() == [table["times"](1.0)]


def test_a_function_that_counts_from_now_on_is_refused():
    state = {"counts": False, "n": 0}

    def counted(x):
        state["n"] += state["counts"]
        return x * (2.0 if state["n"] < 8 else 3.0)

    f = compile(counted)
    assert f([[1.0]]).tolist() == [2.0]
    state["counts"] = True
    with pytest.raises(DataDependentError, match=r"changes .* from one call to the next"):
        f([[1.0]] * 12)


def test_the_sign_of_a_zero_counts():
    f = compile(lambda x: atan2(x * ZERO[0], x * 0.0 - 1.0))
    assert f([[1.0]])[0] > 3.0
    ZERO[0] = -0.0
    assert f([[1.0]])[0] < -3.0


@pytest.mark.parametrize(
    ("compares", "change"),
    [
        (lambda x, y: x > EDGE[0], lambda: EDGE.__setitem__(0, 2.5)),
        (lambda x, y: x > EDGE[1], lambda: setattr(EDGE[1], "data", 2.5)),
        (lambda x, y: COMPARE[0](x, 1.5), lambda: COMPARE.__setitem__(0, operator.lt)),
        (lambda x, y: (x, y)[WHICH[0]] > 1.5, lambda: WHICH.__setitem__(0, 1)),
        (lambda x, y: x + y * EDGE[2] > 1.5, lambda: EDGE.__setitem__(2, 1.0)),
    ],
    ids=["a number", "a constant", "the sign", "the column", "a node"],
)
def test_what_a_function_compares_counts_where_its_results_stay_the_same(compares, change):
    f = compile(lambda x, y: x if compares(x, y) else -x)
    rows = [[3.0, 0.0], [2.0, 0.0], [1.0, 4.0], [0.5, 0.5]]
    f(rows)
    change()
    assert f(rows).tolist() == [x if compares(Value(x), Value(y)) else -x for x, y in rows]


EDGE, COMPARE, WHICH = [1.5, constant(1.5, "edge"), 0.0], [operator.gt], [0]
SHOWN = [1.0]


class Unwilling:
    """A foreign object that answers no questions."""

    def __getattribute__(self, name):
        raise RuntimeError("out of context")

    def __float__(self):
        return SHOWN[0]


UNWILLING = Unwilling()


def test_an_object_that_raises_where_it_is_looked_at_is_asked_in_each_call():
    f = compile(lambda x: x * float(UNWILLING))
    assert f([[2.0]]).tolist() == [2.0]
    SHOWN[0] = 5.0
    assert f([[2.0]]).tolist() == [10.0]


@pytest.mark.parametrize("what", ["columns", "numbers"])
def test_names_of_a_frame_count(what):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0], "b": [2.0]})
    f = compile(lambda x: x * float(frame["a"][0]))
    assert f([[1.0]]).tolist() == [1.0]
    if what == "columns":
        frame.columns = ["b", "a"]
    else:
        frame.loc[0, "a"] = 2.0
    assert f([[1.0]]).tolist() == [2.0]


@pytest.mark.parametrize(
    "things",
    [
        [Thing(), range(3), {"a": (1, 2)}, np.ones(3), Fixed.ONE, threading.Lock(), itertools.repeat(2.0)],
        [LOGGER, logging.getLogger(), re.compile("a+"), Named(1.0), logging.LoggerAdapter(LOGGER)],
    ],
)
def test_what_is_seen_whole_is_not_recorded_again(monkeypatch, things):
    rate = decimal.Decimal("0.5")
    is_recorded_once(compile(lambda x: x * float(rate) * len(things)), monkeypatch)


def is_recorded_once(f, monkeypatch):
    recorded, first = [], f([[1.0]]).tolist()
    monkeypatch.setattr(f.program, "_record", recorded.append)
    assert f([[1.0]]).tolist() == first
    assert recorded == []


FACTOR = [2.0]
UNUSED = bytearray((1 << 24) + 1)  # too large to look at
scaled = compile(lambda x: x * FACTOR[0])


def test_of_a_compiled_function_that_is_called_what_it_names_is_seen(monkeypatch):
    f = compile(lambda x: scaled(x) + 1.0)
    is_recorded_once(f, monkeypatch)
    monkeypatch.undo()
    FACTOR[0] = 5.0
    assert f([[1.0]]).tolist() == [6.0]


def test_memory_that_is_too_large_to_look_at_may_have_changed():
    memory = bytearray((1 << 24) + 1)
    f = compile(lambda x: x * memory[0])
    assert f([[1.0]]).tolist() == [0.0]
    memory[0] = 2
    assert f([[1.0]]).tolist() == [2.0]


@pytest.mark.parametrize(
    "made",
    [
        collections.deque,
        set,
        frozenset,
        tuple,
        lambda values: np.array(values, dtype=object),
        lambda values: np.array(values * 3, dtype=object).reshape(3, 1),
        lambda values: np.array(values[0], dtype=object),
        lambda values: dict(enumerate(values)).values(),
        lambda values: dict(enumerate(values)).items(),
    ],
)
def test_other_values_in_any_container_are_recorded_again(made):
    things = [made([Value(2.0)])]

    def f(x):
        thing = things[0].ravel().tolist() if isinstance(things[0], np.ndarray) else [*things[0]]
        return x * (thing[0][1] if isinstance(thing[0], tuple) else thing[0])

    compiled = compile(f)
    assert compiled([[1.0]]).tolist() == [2.0]
    things[0] = made([Value(5.0)])
    assert compiled([[1.0]]).tolist() == [5.0]


def test_values_that_are_put_into_an_array_are_recorded_again():
    weights = np.array([Value(2.0), Value(3.0)])
    f = compile(lambda x: x * weights[0] + weights[1])
    assert f([[1.0]]).tolist() == [5.0]
    weights[0] = Value(7.0)
    assert f([[1.0]]).tolist() == [10.0]


def test_a_function_that_compares_is_not_recorded_again(monkeypatch):
    f, recorded = compile(lambda x: x if x > 0.0 else -x), []
    assert f([[1.0], [-2.0]]).tolist() == [1.0, 2.0]
    monkeypatch.setattr(f.program, "_record", recorded.append)
    assert f([[-3.0], [4.0]]).tolist() == [3.0, 4.0]
    assert recorded == []


def test_a_function_that_compares_and_makes_named_tuples_is_not_recorded_again(monkeypatch):
    is_recorded_once(compile(lambda x: Named(max(x, 0.5)).k), monkeypatch)


def test_frames_and_files_of_logs_are_seen_whole(monkeypatch, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0], "b": ["x"]}, index=["first"])
    assert frame.loc["first", "a"] == frame["a"].astype("category").iloc[0] == 1.0  # caches are filled
    with open(tmp_path / "log", "w") as log:
        is_recorded_once(compile(lambda x: x * float(frame["a"].iloc[0]) if log else x), monkeypatch)


def test_what_a_file_has_next_is_asked_in_each_call(tmp_path):
    (tmp_path / "numbers").write_text("1\n1\n1\n1\n5\n5\n5\n5")
    with open(tmp_path / "numbers") as numbers:
        f = compile(lambda x: x * float(numbers.readline()))
        assert f([[2.0]]).tolist() == [2.0]
        numbers.seek(8)
        assert f([[2.0]]).tolist() == [10.0]


class Scaled:
    def __init__(self):
        self.w = Value(2.0)
        self.scaled = compile(self.scale)

    def scale(self, x):
        return self.w * x


def test_a_copy_of_an_object_has_compiled_methods_of_its_own():
    first = Scaled()
    assert first.scaled([[1.0]]).tolist() == [2.0]
    second = copy.deepcopy(first)
    second.w.data += 10.0
    assert second.scaled([[1.0]]).tolist() == [12.0]
    assert first.scaled([[1.0]]).tolist() == [2.0]


def test_what_is_met_again_is_looked_at_once():
    box = {"factor": 2.0}

    def times(x, box):
        return x * box["factor"]

    function = compile(lambda x: times(x, box))
    looks = []
    for factor in (2.0, 3.0, 2.0, 3.0, 2.0):
        box["factor"] = factor
        assert function([[1.0]]).tolist() == [factor]
        looks.append(function.program._source.surroundings.look())
    assert looks[0] == looks[2] == looks[4]


FACTORS = [2.0]


class Helped:
    def __init__(self):
        hypothesis.settings()

    def __call__(self, x):
        return helper(x)

    def plot(self):
        return unused(self)


def helper(x):
    return hypothesis.strategies and x * FACTORS[0]


def unused(x):
    return x


def test_what_steps_may_call_is_followed_and_no_installed_library():
    surroundings = Surroundings(Helped(), follows=True)
    surroundings.look()
    assert {code.co_name for code, _ in surroundings._code} == {"__call__", "helper"}
