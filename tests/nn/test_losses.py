"""Losses: numbers and gradients against mpmath and PyTorch, logits of any size, wrong targets."""

import math

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from nn import binary_cross_entropy, cross_entropy, hinge, mse
from nn.losses import LOSSES, named_loss

LOGITS = st.lists(st.floats(-50, 50), min_size=2, max_size=6)
EXTREME = st.floats(-1000, 1000)


def evaluated(loss, logits, target):
    """The loss of these outputs, and the gradient with respect to each."""
    outputs = [Value(z) for z in logits]
    result = loss(outputs if len(outputs) > 1 else outputs[0], target)
    result.backward()
    return result.data, [z.grad for z in outputs]


def exactly(loss, logits, target):
    """The same by the textbook, in numbers of many digits."""
    with mp.workdps(1000):  # exp(-2000) beside 1
        zs = [mp.mpf(z) for z in logits]
        if loss is mse:
            ts = [mp.mpf(t) for t in (target if len(zs) > 1 else [target])]
            pairs = list(zip(zs, ts))
            gradient = [float(2 * (z - t) / len(zs)) for z, t in pairs]
            return float(sum((z - t) ** 2 for z, t in pairs) / len(zs)), gradient
        if loss is binary_cross_entropy:
            p = 1 / (1 + mp.exp(-zs[0]))
            number = -target * mp.log(p) - (1 - target) * mp.log(1 - p)
            return float(number), [float(p - target)]
        powers = [mp.exp(z) for z in zs]
        shares = [power / sum(powers) for power in powers]
        return float(-mp.log(shares[target])), [float(s - (i == target)) for i, s in enumerate(shares)]


def assert_is_exact(loss, logits, target):
    number, gradient = evaluated(loss, logits, target)
    exact_number, exact_gradient = exactly(loss, logits, target)
    assert number == pytest.approx(exact_number, rel=1e-13, abs=2e-13)
    assert gradient == pytest.approx(exact_gradient, rel=1e-12, abs=1e-15)


@given(LOGITS, st.data())
def test_mse_is_the_textbooks(logits, data):
    targets = data.draw(st.lists(st.floats(-50, 50), min_size=len(logits), max_size=len(logits)))
    assert_is_exact(mse, logits, targets)
    assert_is_exact(mse, logits[:1], targets[0])


@given(st.lists(EXTREME, min_size=2, max_size=5), st.data())
def test_cross_entropy_is_the_textbooks(logits, data):
    assert_is_exact(cross_entropy, logits, data.draw(st.integers(0, len(logits) - 1)))


@given(EXTREME, st.sampled_from([0, 1, 0.0, 1.0, 0.25, 1e-9]))
def test_binary_cross_entropy_is_the_textbooks(logit, target):
    assert_is_exact(binary_cross_entropy, [logit], target)


@given(LOGITS, st.data())
def test_hinge_of_several_outputs_is_numpys_formula(logits, data):
    target = data.draw(st.integers(0, len(logits) - 1))
    others = np.delete(np.array(logits), target)
    number, gradient = evaluated(hinge, logits, target)
    margin = 1 + others.max() - logits[target]
    assert number == pytest.approx(max(0.0, margin), rel=1e-12, abs=1e-12)
    if len(set(logits)) == len(logits) and abs(margin) > 1e-9:  # beside the kinks
        wanted = np.zeros(len(logits))
        if margin > 0:
            wanted[logits.index(others.max())] = 1.0
            wanted[target] = -1.0
        assert gradient == wanted.tolist()


@given(st.floats(-50, 50), st.sampled_from([-1, 1, -1.0, 1.0]))
def test_hinge_of_one_output(logit, target):
    number, gradient = evaluated(hinge, [logit], target)
    assert number == max(0.0, 1 - target * logit)
    assert gradient == [-target if 1 - target * logit > 0 else 0.0]


@pytest.mark.parametrize(
    ("loss", "logits", "target", "number", "gradient"),
    [
        (cross_entropy, [1000.0, -1000.0], 0, 0.0, [0.0, 0.0]),
        (cross_entropy, [1000.0, -1000.0], 1, 2000.0, [1.0, -1.0]),
        (cross_entropy, [1e308, -1e308], 0, 0.0, [0.0, 0.0]),
        (binary_cross_entropy, [1000.0], 1, 0.0, [0.0]),
        (binary_cross_entropy, [1000.0], 0, 1000.0, [1.0]),
        (binary_cross_entropy, [-1000.0], 1, 1000.0, [-1.0]),
        (binary_cross_entropy, [-1000.0], 0, 0.0, [0.0]),
        (binary_cross_entropy, [40.0], 1, 4.248354255291589e-18, [-4.248354255291589e-18]),
        (hinge, [1000.0, -1000.0], 1, 2001.0, [1.0, -1.0]),
        (hinge, [-1000.0], 1, 1001.0, [-1.0]),
    ],
)
def test_extreme_logits_keep_their_digits(loss, logits, target, number, gradient):
    assert evaluated(loss, logits, target) == (
        pytest.approx(number, rel=1e-15, abs=0.0),
        pytest.approx(gradient, rel=1e-15, abs=0.0),
    )


@given(LOGITS, st.data())
def test_losses_are_pytorchs(logits, data):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    target = data.draw(st.integers(0, len(logits) - 1))
    numbers = data.draw(st.lists(st.floats(-50, 50), min_size=len(logits), max_size=len(logits)))
    share = data.draw(st.sampled_from([0.0, 1.0, 0.3]))

    def double(numbers):
        return torch.tensor(numbers, dtype=torch.float64)

    for loss, zs, wanted, theirs in [
        (mse, logits, numbers, lambda z: F.mse_loss(z, double(numbers))),
        (cross_entropy, logits, target, lambda z: F.cross_entropy(z, torch.tensor(target))),
        (
            binary_cross_entropy,
            logits[:1],
            share,
            lambda z: F.binary_cross_entropy_with_logits(z, double([share])),
        ),
        (
            hinge,
            logits[:1],
            -1,
            lambda z: torch.relu(1 + z).sum(),
        ),
    ]:
        z = double(zs).requires_grad_()
        reference = theirs(z)
        reference.backward()
        number, gradient = evaluated(loss, zs, wanted)
        assert number == pytest.approx(reference.item(), rel=1e-12, abs=1e-13)
        assert gradient == pytest.approx(z.grad.tolist(), rel=1e-12, abs=1e-13)


def test_one_output_may_come_alone_or_in_a_list():
    for loss, target in ((mse, 1.0), (binary_cross_entropy, 1), (hinge, 1)):
        assert loss(Value(0.3), target).data == loss([Value(0.3)], target).data
    assert mse(Value(0.3), [1.0]).data == mse(Value(0.3), 1.0).data
    assert mse((Value(0.3), Value(0.1)), np.array([1.0, 2.0])).data == pytest.approx((0.49 + 3.61) / 2)
    zs = [Value(0.3), Value(0.1)]
    assert cross_entropy(zs, np.array(1)).data == cross_entropy(zs, 1).data


TWO, NUMBER = [0.5, -0.5], "must be one real number"


@pytest.mark.parametrize(
    ("loss", "logits", "target", "kind", "words"),
    [
        (mse, TWO, 1.0, ValueError, "mse: must be given a target for each output, got 2 outputs and 1 targets"),
        (mse, [0.5], [1.0, 2.0], ValueError, "mse: .*, got 1 outputs and 2 targets"),
        (mse, [0.5], "1", TypeError, NUMBER),
        (mse, [0.5], None, TypeError, NUMBER),
        (cross_entropy, TWO, 2, ValueError, r"cross_entropy: the class must be an int from 0 to 1, got 2"),
        (cross_entropy, TWO, -1, ValueError, "an int from 0 to 1, got -1"),
        (cross_entropy, TWO, 0.5, ValueError, "an int from 0 to 1, got 0.5"),
        (cross_entropy, TWO, math.nan, ValueError, "an int from 0 to 1, got nan"),
        (cross_entropy, TWO, "cat", TypeError, "cross_entropy: the class " + NUMBER),
        (cross_entropy, TWO, [0, 0, 1], ValueError, "must have 2 probabilities, one an output, got 3"),
        (binary_cross_entropy, TWO, 1, ValueError, "must be given a target for each output, got 2 outputs and 1"),
        (binary_cross_entropy, [0.5], 2, ValueError, r"target must be in \[0, 1\], got 2\.0"),
        (binary_cross_entropy, [0.5], -1, ValueError, r"in \[0, 1\], got -1\.0"),
        (binary_cross_entropy, [0.5], math.nan, ValueError, r"in \[0, 1\], got nan"),
        (binary_cross_entropy, [0.5], "1", TypeError, NUMBER),
        (hinge, [0.5], 0, ValueError, "hinge: with one output the target must be -1 or 1, got 0"),
        (hinge, [0.5], "1", ValueError, "must be -1 or 1, got '1'"),
        (hinge, TWO, 2, ValueError, "hinge: the class must be an int from 0 to 1, got 2"),
        (hinge, TWO, -1, ValueError, "an int from 0 to 1, got -1"),
        (hinge, TWO, 0.5, ValueError, "an int from 0 to 1, got 0.5"),
        (mse, TWO, {0: 5.0, 1: 7.0}, TypeError, "must be given numbers in a list, got a dict"),
        (mse, TWO, pd.DataFrame([[5.0, 7.0]]), TypeError, "must be given numbers in a list, got a DataFrame"),
    ],
)
def test_wrong_targets_are_refused(loss, logits, target, kind, words):
    with pytest.raises(kind, match=words):
        evaluated(loss, logits, target)


@pytest.mark.parametrize("loss", LOSSES.values())
def test_many_examples_are_not_taken_for_one(loss):
    rows = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    for outputs, targets in ((rows, [1, 0]), (np.array(rows), np.eye(2))):
        with pytest.raises(TypeError, match="numbers in a list, got rows of them; of many examples, take"):
            loss(outputs, targets)


def test_a_loss_goes_by_name_or_as_a_function():
    assert {name: named_loss(name) for name in LOSSES} == {name: (name, loss) for name, loss in LOSSES.items()}
    assert named_loss(cross_entropy) == ("cross_entropy", cross_entropy)
    assert named_loss(lambda outputs, target: outputs)[0] == "<lambda>"
    for unknown in ("mean", "", None, ["mse"], 3):
        with pytest.raises(ValueError, match=r"loss must be one of mse, .*, or a function, got "):
            named_loss(unknown)


@pytest.mark.parametrize(
    ("loss", "outputs", "target"),
    [
        *((loss, [0.25], 1) for loss in LOSSES.values() if loss is not cross_entropy),
        (cross_entropy, [0.25, -0.5], 0),
        (hinge, [0.25, -0.5, 0.125], 1),
    ],
)
def test_outputs_that_are_plain_numbers_have_the_same_loss(loss, outputs, target):
    """A comparison may choose an output, as in ``max(0, z)``."""
    number = loss([Value(z) for z in outputs], target).data
    assert loss(outputs, target) == number
    assert float(loss([Value(outputs[0]), *outputs[1:]], target)) == number
