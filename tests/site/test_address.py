"""The Graph page's state in its address: what is written is what is read, and nothing that a link says is believed."""

import pytest
from javascript import SITE, needs_node, run_in_site

pytestmark = [pytest.mark.skipif(not SITE.exists(), reason="the site is not here"), needs_node]
IMPORTS = """import { plain, readAddress, writeAddress } from "../graph/address.js";
import { EXAMPLES, isOurs } from "../graph/examples.js";"""


@pytest.fixture
def node(tmp_path):
    """What an expression gives under node, with the functions of address.js and the examples."""

    def result(expression, data=None):
        return run_in_site(tmp_path, f"{IMPORTS}\n\nreturn {expression};", data)

    return result


STATES = [
    {"text": "tanh(x*w + b)", "numbers": {"x": "2", "w": "-3", "b": "6.88"}},
    {"text": "50 % 3 & #x = '\"<script>", "numbers": {"é": "1e-3", "x": "inf", "n": "nan"}},
    {"text": "x", "numbers": {}, "view": "picture", "direction": "TB", "theme": "print", "derivatives": "yes"},
    {"text": "x*y", "numbers": {"x": "1", "y": "-0.0"}, "step": 3, "node": 0},
    {
        "kind": "python",
        "text": "a = 1\n\tb = '%41+&#='\n# ünï ☃ \U0001f600\n",
        "root": "b",
        "moved": [[3, "2.5"], [0, "-inf"]],
    },
]


def test_a_state_is_read_as_it_was_written(node):
    whole = node("data.map((state) => ({ ...plain(), ...state }))", STATES)
    assert node("data.map((state) => readAddress(writeAddress({ ...plain(), ...state })))", STATES) == whole


def test_an_address_can_be_read_and_written_by_hand(node):
    typed = "#formula=tanh(x*w+b)&numbers=x=2 w=-3;b=6.88"
    state = node("readAddress(data)", typed)
    assert state["text"] == "tanh(x*w+b)"
    assert state["numbers"] == {"x": "2", "w": "-3", "b": "6.88"}
    assert node("writeAddress(readAddress(data))", typed) == "#formula=tanh(x*w+b)&numbers=x=2%20w=-3%20b=6.88"
    state = {**state, "numbers": {"x": " 1 / 3 "}}
    assert node("readAddress(writeAddress(data)).numbers", state) == {"x": "1/3"}


HOSTILE = [  # and how what is said about it begins
    ("#formula=%", "This link is broken"),
    ("#formula=%E0%A4%A", "This link is broken"),
    ("#formula=" + "x" * 10_001, "This link is too long: at most 10,000"),
    ("#python=" + "x" * 50_001, "This link is too long: at most 50,000"),
    ("#numbers=" + "a=1 " * 100_000, ""),
    ("#numbers=" + " ".join(f"a{i}=1" for i in range(5000)), ""),
    ("#view=nothing&direction=up&theme=__proto__&derivatives=maybe&step=-1&node=1e9&moved=a:1 2:x 3", ""),
    ("#__proto__=1&constructor=2&formula=x&numbers=__proto__=5", ""),
    ("#&&&==&=", ""),
    ("", ""),
]


def test_a_hostile_address_is_data(node):
    names, *states = node("[plain(), ...data.map(readAddress)]", [hostile for hostile, _ in HOSTILE])
    for (hostile, problem), state in zip(HOSTILE, states, strict=True):
        assert set(state) - {"problem"} == set(names), hostile[:100]
        assert state["view"] == "steps"
        assert state["direction"] == "LR"
        assert (state["step"], state["node"]) == (0, None)
        assert len(state["text"]) <= 50_000
        assert len(state["numbers"]) <= 1000
        assert state["moved"] == []
        assert state.get("problem", "").startswith(problem)
        assert bool(state.get("problem")) == bool(problem)


def test_numbers_that_are_none_are_not_written(node):
    assert node("writeAddress({ ...plain(), text: 'x', numbers: { x: '1,500', y: '' } })") == "#formula=x"


def test_only_the_pages_own_code_may_run_by_itself(node):
    codes = node("EXAMPLES.flatMap(({ python }) => python ?? [])")
    assert len(codes) > 2
    assert all(node("data.map(isOurs)", codes))
    assert not any(node("data.map(isOurs)", [codes[0] + "import os", "", "undefined"]))
