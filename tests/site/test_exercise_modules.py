"""The pure modules of the exercises' page, under node."""

import pytest
from exercise_site import needs_site
from javascript import needs_node, run_in_site

pytestmark = [needs_site, needs_node]


@pytest.fixture
def run(tmp_path):
    """Runs the body of a function with a module of the exercises."""

    def call(names: str, module: str, body: str, data: object) -> object:
        imports = f'import {{ {names} }} from "../exercises/{module}.js";'
        return run_in_site(tmp_path, f"{imports}\n\n{body}", data)

    return call


MISTAKES = [{"answer": 3, "hint": "swapped"}, {"answer": 2, "hint": "sign"}, {"answer": 2.01, "hint": "near"}]


ANSWERS = [  # the right answer, what was answered, and a part of the hint
    (-2, -2, None),
    (-2, -2.02, None),
    (-2, -1.98, None),
    (-2, -2.03, "Close, but the answer is a whole number"),
    (-2.5, -2.55, "Close, but not it"),
    (6, 5.8, "Close, but the answer is a whole number"),
    (100, 97, "Close, but the answer is a whole number"),
    (-2, 3, "swapped"),
    (-2, 3.02, "swapped"),
    (-2, 2.001, "sign"),
    (-2, 2.009, "near"),
    (-2, -7, "The sign is right, the size is not"),
    (-2, 7, "The sign is not right"),
    (0, 0, None),
    (0, 1e-9, "not that large"),
    (0, 3, "swapped"),
    (1e-6, 0, "It is not 0"),
]


def test_an_answer_is_right_or_has_a_hint(run):
    body = "return data[0].map(([answer, number]) => judge({ answer, mistakes: data[1] }, number, 0.01));"
    judged = run("judge", "judging", body, [[case[:2] for case in ANSWERS], MISTAKES])
    for (answer, number, expected), found in zip(ANSWERS, judged, strict=True):
        assert found["right"] is (expected is None), (answer, number)
        assert expected is None or expected in found["hint"]


STORAGE = """
  const kept = new Map(data.kept === null ? [] : [["gradstep.exercises", data.kept]]);
  const storage = data.broken ? { getItem() { throw new Error("no"); }, setItem() { throw new Error("no"); } }
    : data.none ? null : { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text) };
  const progress = new Progress(storage);
  for (const [id, state] of data.records) progress.record(id, state);
  const again = new Progress(storage);
  const states = (known) => data.ids.map((id) => known.stateOf(id));
  return [states(progress), states(again), progress.count(data.ids)];
"""


def progress_of(run, records, kept=None, **more):
    return run("Progress", "progress", STORAGE, {"records": records, "kept": kept, "ids": ["1", "2", "3"], **more})


def test_progress_is_kept_and_right_stays_right(run):
    records = [["1", "right"], ["2", "shown"], ["1", "shown"], ["2", "right"], ["3", "shown"]]
    states = ["right", "right", "shown"]
    assert progress_of(run, records) == [states, states, 2]


@pytest.mark.parametrize("storage", [{"broken": True}, {"none": True}], ids=["broken", "none"])
def test_progress_lasts_as_long_as_the_page_without_storage(run, storage):
    assert progress_of(run, [["1", "right"]], **storage) == [["right", "", ""], ["", "", ""], 1]


@pytest.mark.parametrize(
    "kept", ["", "{", "7", "null", '"right"', "[1]", '{"1":"wrong","2":7}', '{"__proto__":"right"}']
)
def test_something_else_in_the_storage_is_left_aside(run, kept):
    assert progress_of(run, [["2", "right"]], kept)[0] == ["", "right", ""]


def test_the_order_of_the_exercises(run):
    names = "exerciseAt, neighbour, nextOpen, numberOf, partOf"
    body = """
      const ids = ["1", "2", "3", "level-1-1", "level-1-2", "level-1-3", "level-2-1"];
      return {
        at: ["", "#2", "#level-1-2", "#9", "#%", "#__proto__"].map((hash) => exerciseAt(hash, ids)),
        next: ids.map((id) => neighbour(id, 1, ids)),
        before: ids.map((id) => neighbour(id, -1, ids)),
        open: ["2", "level-1-1", "level-1-3", "level-2-1"].map((id) => nextOpen(id, ids, (other) => /2$/.test(other))),
        done: nextOpen("level-1-1", ids, () => true),
        parts: ids.map(partOf), numbers: ids.map(numberOf),
      };"""
    found = run(names, "order", body, None)
    assert found["at"] == ["1", "2", "level-1-2", "1", "1", "1"]
    assert found["next"] == ["2", "3", "level-1-1", "level-1-2", "level-1-3", "level-1-1", "level-2-1"]
    assert found["before"] == [None, "1", "2", "level-1-3", "level-1-1", "level-1-2", "level-2-1"]
    assert found["open"] == ["3", "level-1-3", "level-1-1", "level-2-1"]
    assert found["done"] == "level-1-2"
    assert found["parts"] == ["course"] * 3 + ["level-1"] * 3 + ["level-2"]
    assert found["numbers"] == [1, 2, 3, 1, 2, 3, 1]
