"""Targets: labels of every kind, and what does not fit a loss or the outputs."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from nn.targets import CLASSES, NUMBERS, Targets, encode_targets, predicted

CE, BCE, HINGE = "cross_entropy", "binary_cross_entropy", "hinge"


@pytest.mark.parametrize(
    ("loss", "y", "n_outputs", "encoded", "classes"),
    [
        (CE, [2, 0, 1], 3, [2, 0, 1], [0, 1, 2]),
        (CE, [2, 0], 3, [2, 0], [0, 1, 2]),  # one that does not occur is a class all the same
        (CE, [7, 3, 5], 3, [2, 0, 1], [3, 5, 7]),
        (CE, [1, 2, 3], 3, [0, 1, 2], [1, 2, 3]),
        (CE, [-1, 1], 2, [0, 1], [-1, 1]),
        (CE, ["b", "a", "c"], 3, [1, 0, 2], ["a", "b", "c"]),
        (CE, [0.5, 1.5], 2, [0, 1], [0.5, 1.5]),
        (CE, [1.0, 0.0], 2, [1, 0], [0, 1]),
        (CE, [10**400, 5], 2, [1, 0], [5, 10**400]),
        (BCE, [1, 0, 1], 1, [1, 0, 1], [0, 1]),
        (BCE, [0, 0], 1, [0, 0], [0, 1]),
        (BCE, [1, -1], 1, [1, 0], [-1, 1]),
        (BCE, ["yes", "no"], 1, [1, 0], ["no", "yes"]),
        (BCE, [True, False], 1, [1, 0], [False, True]),
        (HINGE, [1, 0], 1, [1, -1], [0, 1]),
        (HINGE, [-1, 1], 1, [-1, 1], [-1, 1]),
        (HINGE, ["x", "y"], 1, [-1, 1], ["x", "y"]),
        (HINGE, [0, 2, 1], 3, [0, 2, 1], [0, 1, 2]),
        ("mse", [1, 2.5], 1, [1.0, 2.5], None),
        ("mse", [[1], [2.5]], 1, [1.0, 2.5], None),
        ("mse", [[1, 2], [3, 4]], 2, [[1.0, 2.0], [3.0, 4.0]], None),
        ("my_loss", [[1, 2], [3, 4]], 2, [[1.0, 2.0], [3.0, 4.0]], None),
    ],
)
def test_targets_become_what_the_loss_takes(loss, y, n_outputs, encoded, classes):
    targets = encode_targets(loss, y, n_outputs, None)
    assert targets == Targets(encoded, classes, CLASSES if classes else NUMBERS)
    assert [type(label) for label in targets.classes or []] == [type(label) for label in classes or []]


LABELS = ["b", "a", "b"]


@pytest.mark.parametrize(
    "y",
    [
        tuple(LABELS),
        np.array(LABELS),
        np.array(LABELS, dtype=object),
        np.array(LABELS).reshape(-1, 1),
        pd.Series(LABELS, index=[5, 1, 9]),
        pd.Series(LABELS, dtype="category"),
        pd.Series(LABELS, dtype="string"),
        pd.DataFrame({"kind": LABELS}),
        [[label] for label in LABELS],
        tuple((label,) for label in LABELS),
        [np.array([label]) for label in LABELS],
        [{"kind": label} for label in LABELS],
    ],
    ids=lambda y: type(y).__name__,
)
def test_labels_in_every_container(y):
    assert encode_targets(BCE, y, 1, None) == Targets([1, 0, 1], ["a", "b"])


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.float32, np.float64, np.bool_, object, "Int64", "boolean"])
def test_numbers_as_labels_in_every_type(kind):
    y = pd.Series([1, 0, 1], dtype=kind) if isinstance(kind, str) else np.array([1, 0, 1], dtype=kind)
    targets = encode_targets(BCE, y, 1, None)
    kinds = bool if kind in (np.bool_, "boolean") else int
    assert targets == Targets([1, 0, 1], [0, 1])
    assert all(type(label) is kinds for label in targets.classes)


@pytest.mark.parametrize("kind", [Value, Decimal, Fraction, np.array, lambda number: [number]])
@pytest.mark.parametrize(("loss", "n"), [("mse", 1), (BCE, 1), (HINGE, 1), (CE, 2)])
def test_any_number_is_a_target_also_as_a_row_of_one(kind, loss, n):
    y = [1, 0, 1]
    assert encode_targets(loss, [kind(number) for number in y], n, None) == encode_targets(loss, y, n, None)


def test_known_classes_are_kept():
    assert encode_targets(CE, [5], 3, [1, 5, 9]) == Targets([1], [1, 5, 9])
    assert encode_targets(HINGE, ["b"], 1, ["a", "b"]) == Targets([1], ["a", "b"])
    assert encode_targets(CE, [[0.5, 0.5]], 2, np.array(["a", "b"])).classes == ["a", "b"]


@pytest.mark.parametrize(
    ("loss", "y", "n_outputs", "classes", "words"),
    [
        (CE, [0, 1, 2], 2, None, "y has 3 different labels, but the model has 2 outputs"),
        (CE, [1, 2], 3, [0, 1], "y must be made of the classes 0, 1, got 2 in row 1$"),
        (CE, ["a", "x"], 2, ["a", "b"], "y must be made of the classes 'a', 'b', got 'x' in row 1$"),
        (CE, ["x"], 20, list("abcdefghijklmnopqrst"), r"'l', \.\.\., got 'x' in row 0$"),
        (CE, [5, 6], 3, None, "y has 2 different labels, but the model has 3 outputs"),
        (CE, [0, 1], 1, None, "cross_entropy must be used with an output for each class, got one output: use bin"),
        (BCE, [0, 1], 2, None, r"with one output, or with y of shape \(n_examples, 2\); got 2 outputs and one label"),
        (BCE, [0, 1, 2], 1, None, "y has 3 different labels, but one output tells two classes apart"),
        (BCE, [5, 5], 1, None, "y has 1 different labels, but one output .* apart; give the labels of all .* classes="),
        (HINGE, [1, 2, 3], 1, None, "y has 3 different labels, but one output tells two classes apart"),
        (CE, [1, "a"], 2, None, "y must have labels that are all strings or all numbers, got both"),
        (CE, [0, math.nan], 2, None, "y must have strings or finite numbers as labels, got nan in row 1"),
        (CE, [math.inf, 0], 2, None, "y must have strings or finite numbers as labels, got inf in row 0"),
        (CE, [0, None], 2, None, "y must have strings or finite numbers as labels, got None in row 1"),
        (CE, [[0, 2], [1, 0]], 2, None, r"y must have rows of probabilities with sum 1 .*, got \[0.0, 2.0\] in row 0"),
        (CE, [[0.5, 0.4], [1, 0]], 2, None, r"rows of probabilities with sum 1 .*, got \[0.5, 0.4\] in row 0"),
        (CE, [[1, 0, 0]], 2, None, "y must have 2 numbers in each row, got 3"),
        (BCE, [[1, 1.5]], 2, None, r"rows of numbers in \[0, 1\] .*, got \[1.0, 1.5\] in row 0"),
        (BCE, np.eye(2)[[0, 1, 1]], 1, None, r"got rows of 2: of one-hot rows y\.argmax\(axis=1\) makes labels"),
        (HINGE, np.eye(3), 3, None, r"one label an example for hinge .* y\.argmax\(axis=1\)"),
        (BCE, [0.5, 1.5], 1, [0, 1], "y must be made of the classes 0, 1, got 0.5 in row 0"),
        (CE, [0, 1j], 2, None, "y must have strings or finite numbers as labels, got 1j in row 1"),
        (CE, [b"a", b"b"], 2, None, "y must have strings or finite numbers as labels, got b'a' in row 0"),
        (
            CE,
            pd.Series([1, None], dtype="Int64"),
            2,
            None,
            "y must have strings or finite numbers as labels, got (<NA>|nan) in row 1",
        ),
        (CE, pd.Series(["a", None]), 2, None, "y must have strings or finite numbers as labels, got .* in row 1"),
        (CE, [], 2, None, "y must have at least one example, got none"),
        (CE, "ab", 2, None, "y must be a list of labels, got str 'ab'"),
        (CE, None, 2, None, "y must be a list of labels, got NoneType None"),
        (CE, 3, 2, None, "y must be a list of labels, got int 3"),
        (CE, np.array(3), 2, None, "y must be a list of labels"),
        (CE, {0: 1}, 2, None, "y must be a list of labels, got dict"),
        (
            "mse",
            ["a", "b"],
            1,
            None,
            "y must have numbers, got 'a' in row 0; loss='mse' takes numbers: for labels .*cross_",
        ),
        ("mine", ["a", "b"], 1, None, "y must have numbers, got 'a' in row 0; loss='mine' takes numbers"),
        ("mse", [1, math.nan], 1, None, "y must have finite numbers, got nan in row 1, column 0"),
        (
            "mse",
            [1, 2],
            2,
            None,
            "y must have 2 numbers an example, .*, got one; .*: for labels of classes use loss=",
        ),
        ("mse", [[1, 2]], 1, None, "y must have one number an example, one for each output, got 2"),
        ("mse", [], 1, None, "y must have at least one example"),
    ],
)
def test_what_does_not_fit_is_refused(loss, y, n_outputs, classes, words):
    with pytest.raises(ValueError, match=words):
        encode_targets(loss, y, n_outputs, classes)


def test_messages_name_what_was_given():
    with pytest.raises(ValueError, match=r"^validation y must be made of the classes 0, 1, got 3"):
        encode_targets(CE, [3], 2, [0, 1], "validation y")


@pytest.mark.parametrize(
    ("classes", "outputs", "said"),
    [
        (["a", "b"], [0.1], "b"),
        (["a", "b"], [0.0], "a"),
        (["a", "b"], [-0.1], "a"),
        ([0, 1, 2], [0.5, 0.7, 0.1], 1),
        ([0, 1, 2], [0.7, 0.7, 0.1], 0),
        (None, [0.25], 0.25),
        (None, [0.25, 0.5], [0.25, 0.5]),
    ],
)
def test_outputs_become_labels(classes, outputs, said):
    assert predicted(classes, None, outputs) == said


@given(st.lists(st.text(), min_size=2, max_size=6, unique=True), st.data())
def test_any_text_is_a_label_and_comes_back(labels, data):
    y = [*labels, *data.draw(st.lists(st.sampled_from(labels), max_size=5))]
    targets = encode_targets(CE, y, len(labels), None)
    scores = [[float(place == right) for place in range(len(labels))] for right in targets.encoded]
    back = [predicted(targets.classes, CE, each) for each in scores]
    assert back == y


def test_classes_of_bools_among_numbers_are_numbers_which_a_file_holds():
    classes = encode_targets(BCE, [True, 2, True], 1, None).classes
    assert [(label, type(label)) for label in classes] == [(1, int), (2, int)]
    assert encode_targets(BCE, [True, 2, 1], 1, classes).encoded == [0, 1, 0]
