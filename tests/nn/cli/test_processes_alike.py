"""What processes must have alike: options, columns, rows; each difference is named, in all processes."""

from contextlib import contextmanager

import pytest
from team import trained_by

from nn.cli import processes
from nn.cli.arguments import parser
from nn.cli.processes import check_alike, option_facts, table_facts
from nn.data import xor
from nn.scaling import Scaling

pytestmark = pytest.mark.usefixtures("undrawn")
ROWS = [f"{i % 7},{i * i % 11 - 5},{'ab'[i % 2]},{2.0 * (i % 7) - i * i % 11 + 0.1 * (i % 3)}" for i in range(40)]
NAMES = "x,z,kind,y"


class Recorder:
    """The meeting of one process, which keeps what it would compare."""

    def __init__(self):
        self.rank, self.size, self.facts = 0, 1, {}

    def gather(self, facts):
        self.facts |= facts
        return [facts]

    def stop_listening(self):
        pass


@pytest.fixture
def facts(command, tmp_path, monkeypatch):
    """What a process compares when it trains on these lines of a file."""

    def run(*options, data="t.csv", lines=(NAMES, *ROWS)):
        team = Recorder()

        @contextmanager
        def meeting(options):
            yield team

        monkeypatch.setattr(processes, "meeting", meeting)
        monkeypatch.setattr(processes, "connected", lambda *_: None)
        (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
        status, _, told = command("train", data, "--epochs", "1", "--hidden", "2", "--quiet", *options)
        assert (status, told) == (0, "")
        return team.facts

    return run


def difference(*facts):
    """What three processes say, of which the last has other facts."""
    one, other = facts
    said = trained_by(3, lambda team: check_alike(team, other if team.rank == 2 else one))
    assert len(set(map(str, said))) == 1
    assert said[0] is None or type(said[0]) is ValueError
    return said[0] and str(said[0])


def test_the_same_is_alike(facts):
    assert difference(facts(), facts()) is None
    own = ("--out", "other.json", "--checkpoint", "run.json")
    assert difference(facts(), facts(*own)) is None


@pytest.mark.parametrize(
    ("given", "name", "there"),
    [
        (["--target", "z"], "--target", "'z'"),
        (["--drop", "x"], "--drop", "['x']"),
        (["--test-share", "0.5"], "--test-share", "0.5"),
        (["--header"], "--header", "True"),
        (["--seed", "3"], "--seed", "3"),
        (["--rate", "0.5"], "--rate", "0.5"),
        (["--optimizer", "sgd"], "--optimizer", "'sgd'"),
        (["--activation", "tanh"], "--activation", "'tanh'"),
        (["--regression"], "--regression", "True"),
        (["--epochs", "2"], "--epochs", "2"),
        (["--hidden", "3"], "--hidden", "[3]"),
        (["--batch-size", "7"], "--batch-size", "7"),
    ],
)
def test_another_option_is_named(facts, given, name, there):
    words = difference(facts(), facts(*given))
    assert words.startswith(f"{name} must be the same in all processes, got ")
    assert f" in process 0 and {there} in process 2; start the same command with the same examples in each" in words


def test_another_set_of_examples_is_named(facts):
    assert difference(facts(data="xor"), facts(data="moons")).startswith(
        "DATA must be the same in all processes, got xor"
    )
    assert difference(facts(data="xor"), facts()).startswith("DATA must be the same")


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([NAMES, *reversed(ROWS)], "the inputs of t.csv"),
        ([NAMES, *ROWS[:-1]], "the inputs of t.csv"),
        ([NAMES, *ROWS[:-1], ROWS[-1] + "1"], "the targets of t.csv"),
        ([NAMES, "6" + ROWS[0][1:], *ROWS[1:]], "the inputs held out of t.csv"),
        (["z,x,kind,y", *ROWS], "column 1 of t.csv"),
        (["x,z,sort,y", *ROWS], "column 3 of t.csv"),
        (["x,z,y", *(row.replace(",a", "").replace(",b", "") for row in ROWS)], "the number of columns of t.csv"),
        ([NAMES, *(row.replace("b", "2").replace("a", "1") for row in ROWS)], "column 3 of t.csv"),
        ([NAMES, ROWS[0].replace("a", "c"), *ROWS[1:]], "the texts in column 3 of t.csv"),
    ],
)
def test_another_table_is_named(facts, lines, name):
    words = difference(facts(), facts(lines=lines))
    assert words.startswith(f"{name} must be the same in all processes, got ")


def test_another_scaling_is_named():
    one, other = (table_facts("t", xor(), xor(), None, [Scaling([0.0], [size]), None]) for size in (1.0, 2.0))
    assert difference(one, one) is None
    assert difference(one, other).startswith(
        "the scaling of t must be the same in all processes, got [Scaling(shift=[0.0], scale=[1.0]), None] in process 0"
    )


def test_options_to_come_are_compared():
    options = parser().parse_args(["train", "xor"])
    before = option_facts(options, "xor")
    options.new_thing = 3
    words = difference(before, option_facts(options, "xor"))
    assert words.startswith(
        "--new-thing must be the same in all processes, got nothing in process 0 and 3 in process 2"
    )
