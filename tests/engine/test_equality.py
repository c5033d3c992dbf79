"""``==`` with a number is False for every Value: where a derivative is asked for, it is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

from engine import DataDependentError, Value, compile, grad, gradcheck, hessian, value_and_grad

CASES = [
    lambda x: x * 10 if x == 2.0 else x,
    lambda x: x * 10 if x != 2.0 else x,
    lambda x: x * 10 if x * x == 4.0 else x,
    lambda x: x * 10 if 2.0 == x else x,  # noqa: SIM300
    lambda x: x if x in [2.0] else -x,
    lambda x: x * [5.0, 2.0].index(x) if x > 1 else x,
    lambda x: x * 10 if np.equal(x, 2.0) else x,
    lambda x: x * 10 if x == np.float32(2.0) else x,
    lambda x: x * 10 if x == np.array(2.0) else x,
]


@pytest.mark.parametrize("f", CASES)
def test_equality_with_a_number_is_refused(f):
    for ask in (grad(f), value_and_grad(f), hessian(f)):
        with pytest.raises(TypeError, match=r"test_equality.py.*: == with a number is False for every Value"):
            ask(2.0)
    with pytest.raises(DataDependentError, match=r"test_equality.py.*: == of a Value, which no number equals"):
        compile(f)([[2.0], [3.0]])
    with pytest.raises(DataDependentError, match="== of a Value"):
        compile(lambda x: f(x) * 1.0, dtype="float32")([[2.0]])


def test_gradcheck_names_the_line_of_an_equality():
    with pytest.raises(TypeError, match=r"test_equality.py.*: == with a number is False for every Value"):
        gradcheck(CASES[0], 2.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x * 10 if x == y else x,
        lambda x, y: x * 10 if x != y * 2.0 else x,
        lambda x, y: x * 10 if [x, 1.0] == [y, 1.0] else x,
        lambda x, y: x * 10 if (np.array([x, y]) == np.array([y, x])).all() else x,
        lambda x, y: x * 10 if Value(2.0) == y else x,
    ],
)
def test_equality_of_two_values_is_refused(f):
    with pytest.raises(TypeError, match=r"test_equality.py.*: == of two Values compares no numbers.* use >= and <="):
        grad(f, (0, 1))(2.0, 2.0)
    with pytest.raises(TypeError, match="== of two Values"):
        gradcheck(f, (2.0, 2.0))
    with pytest.raises(DataDependentError, match=r"test_equality.py.*: == of two Values, .*: write >= and <=, or is;"):
        compile(f)([[2.0, 2.0], [3.0, 1.0]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x * 2 if x in [y, x] and x not in [y] else y,
        lambda x, y: x * [y, x].index(x) + [x, x].count(x) - 1.0 + y * 0.0,
        lambda x, y: x * 2 if {x: 2}[x] == 2 and y not in {x} else y,
        lambda x, y: x * 2 if x is not y else x,
    ],
)
def test_which_value_it_is_may_be_asked(f):
    slopes = grad(f, (0, 1))(2.0, 2.0)
    assert slopes in {(2.0, 0.0), (1.0, 0.0)}
    assert compile(f)([[2.0, 2.0]]).tolist() == [f(Value(2.0), Value(2.0)).data]
    assert gradcheck(f, (2.0, 2.0)).ok


@dataclass(order=True)
class Entry:
    cost: object
    name: str


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x if (x, 1) < (y, 2) else y,
        lambda x, y: x if Entry(x, "x") <= Entry(y, "y") else y,
        lambda x, y: min(Entry(x, "x"), Entry(y, "y")).cost,
    ],
)
def test_pairs_may_be_put_in_order(f):
    assert grad(f, (0, 1))(2.0, 3.0) == (1.0, 0.0)
    assert gradcheck(f, (3.0, 2.0)).ok
    assert compile(f)([[2.0, 3.0], [3.0, 2.0]]).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if x == x else x,  # noqa: PLR0124
        lambda x: x * 2 if x != None else x,  # noqa: E711
        lambda x: x * 2 if x != "two" else x,
        lambda x: x * (3.0 if 2.0 == Value(2.0).data else 2.0),  # noqa: SIM300
        lambda x: x * 2 if Value(2.0) != 2.0 else x,
    ],
)
def test_identity_may_be_asked(f):
    expected = f(3.0) / 3.0
    assert grad(f)(3.0) == expected
    assert gradcheck(f, 3.0).departures == ()
