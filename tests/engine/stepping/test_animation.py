"""Animations of a walk: each picture is that of ``draw``, numbers travel along arrows, files are whole or not there."""

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from svg import Box, boxes, edges, texts, tree

import engine
from engine import Value, draw, sigmoid, stepper, tanh
from engine.drawing.themes import THEMES
from engine.expressions.writers import picture_text
from engine.stepping.animation import Scene, shoot
from engine.stepping.layout import Look
from engine.steps import record_walk

HOSTILE = '<b>"\\N&amp;]>x n0 -> n1 [pos="e,1,2"]'


def neuron() -> Value:
    """A neuron whose first input is used twice."""
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    return tanh(x * w + b) * x + 3


def scene_of(root: Value, theme: str = "light", direction: str = "LR", **options: object) -> Scene:
    return Scene(record_walk(root, **options), Look(4, direction, theme, 20.0))


def picture(scene: Scene, position: int, share: float = 1.0) -> bytes:
    return scene.render(scene.picture(position, share), "svg")


def nodes(shown: bytes) -> dict[str, Box]:
    """The boxes of nodes, without numbers on arrows and the words below."""
    return {name: box for name, box in boxes(shown).items() if re.fullmatch(r"n\d+", name)}


def numbers(shown: bytes) -> dict[str, Box]:
    """The numbers on arrows."""
    return {name: box for name, box in boxes(shown).items() if name.startswith("number")}


# ------------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("label", ["x", HOSTILE, "重み"])
def test_the_last_picture_says_and_looks_what_draw_does(theme, label):
    root = neuron()
    root.operands[0].operands[1].label = label
    root.backward()
    drawn = nodes(draw(root, theme=theme).pipe("svg"))
    shown = nodes(picture(scene_of(root, theme), 5))
    assert shown.keys() == drawn.keys()
    for name, box in shown.items():
        assert box.texts == drawn[name].texts
        assert (box.fill, box.dashes, box.tint) == (drawn[name].fill, drawn[name].dashes, drawn[name].tint)


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["LR", "TB", "RL", "BT"])
def test_nothing_moves_and_gradients_fill_in(direction):
    root = neuron()
    scene = scene_of(root, direction=direction)
    walk = scene.contents.walk
    pictures = [picture(scene, position) for position in range(len(walk.steps) + 1)]
    sizes = {(tree(shown).get("width"), tree(shown).get("height")) for shown in pictures}
    assert len(sizes) == 1
    places = [{name: (box.x, box.y) for name, box in nodes(shown).items()} for shown in pictures]
    assert all(place == places[0] for place in places)
    x = f"n{walk.nodes.index(root.operands[0].operands[1])}"
    amounts = [c for step in walk.steps for c in step.contributions if c.operand.label == "x"]
    seen = [nodes(shown)[x].texts[-1] for shown in pictures]
    sums = [scene.contents.format(c.total) for c in amounts]
    assert list(dict.fromkeys(seen)) == ["?", f"{sums[0]} + …", sums[1]]
    assert nodes(pictures[0])[x].texts[:-1] == nodes(pictures[-1])[x].texts[:-1]


def test_numbers_travel_from_the_node_to_its_operands():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    scene = scene_of(a * b * 0.5)
    shares = [0.01, 0.3, 0.34, 0.6, 0.68, 0.99]
    shown = [picture(scene, 2, share) for share in shares]
    ends = [nodes(shown[0])[name] for name in ("n2", "n0")]  # a * b, and a
    for index, slope, amount in ((0, "−3", "−1.5"), (1, "2", "1")):
        pills = [numbers(each)[f"number{index}"] for each in shown]
        assert [pill.texts[0] for pill in pills] == ["0.5"] * 2 + [f"0.5 × {slope}"] * 2 + [amount] * 2
        xs = [pill.x for pill in pills]
        assert xs == sorted(xs, reverse=True)
        assert ends[1].x < xs[-1] < xs[0] < ends[0].x
    still = picture(scene, 2)
    assert {pill.texts[0] for pill in numbers(still).values()} == {"× −3", "× 2"}
    lit = [ends for ends, _, colour in edges(still) if colour == THEMES["light"].picked]
    assert lit == ["n0->n2", "n1->n2"]
    assert [nodes(each)["n0"].texts[-1] for each in (shown[-1], still)] == ["?", "−1.5"]


def test_twins_have_two_numbers_that_do_not_cover_each_other():
    x = Value(3.0, label="x")
    first, second = numbers(picture(scene_of(x * x), 1)).values()
    assert first.texts == second.texts == ["× 3"]
    assert abs(first.y - second.y) > 14.0


def test_the_words_below_are_the_chain_rule_in_the_signs_of_pictures():
    scene = scene_of(neuron())
    step = scene.contents.walk.steps[-1]
    shown = [line.replace("\xa0", " ") for line in texts(picture(scene, 5))]
    words = [picture_text(equation, 4) for equation in step.equations[2:]]
    assert shown[shown.index("Step 5 of 5") + 1 :][: len(words)] == words
    assert any("× (−3)" in line and line.startswith("∂") for line in shown)
    assert not any("*" in line.replace("**", "") or re.search(r"-\d", line) for line in shown)
    assert "∂L/∂L = 1" in texts(picture(scene, 0))


def test_the_numbers_are_those_of_the_walk():
    root = neuron()
    scene = scene_of(root)
    for node in scene.contents.walk.nodes:
        node.grad = 99.0
    scene.contents.walk.nodes[0].data = 77.0
    shown = texts(picture(scene, 5))
    assert "77" not in shown
    assert "99" not in shown


def test_a_picture_keeps_within_its_width_where_numbers_are_long():
    scene = Scene(record_walk(Value(1 / 3, label="x") * (1 / 7)), Look(17, "LR", "light", 20.0))
    widths = {tree(picture(scene, 1, share)).get("width") for share in (0.01, 0.5, 0.99)}
    assert len(widths) == 1


# --------------------------------------------------------------------------------------------------------------- files


def test_a_step_takes_its_time_and_the_last_one_twice():
    scene = scene_of(neuron())
    shots = shoot(scene, 2.0)
    stills = [shot.name for shot in shots if "to" not in shot.name]
    assert stills == [f"step_{position:02}" for position in range(6)]
    assert [shot.name for shot in shots] == sorted(shot.name for shot in shots)
    assert sum(shot.seconds for shot in shots) == pytest.approx(2.0 * 7)
    assert not [shot for shot in shots if "_00_to_01_" in shot.name] or shots[1].seconds == pytest.approx(1 / 15)
    assert len(shoot(scene, 0.02)) == 6  # too short to see anything travel


@pytest.mark.slow
def test_a_gif_has_all_pictures(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    stepper(neuron()).save(tmp_path / "walk.gif", seconds=0.15)
    with Image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames == len(shoot(scene_of(neuron()), 0.15)) > 6
        total = 0
        for count in range(gif.n_frames):
            gif.seek(count)
            total += gif.info["duration"]
    assert total == pytest.approx(0.15 * 7 * 1000, abs=5 * gif.n_frames)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_a_gif_has_the_exact_colours_of_areas(tmp_path, theme):
    Image = pytest.importorskip("PIL.Image")
    stepper(neuron(), theme=theme).save(tmp_path / "walk.gif", seconds=0.15)
    folder = tmp_path / "walk"
    stepper(neuron(), theme=theme).save(folder, seconds=0.1, format="png")
    with Image.open(tmp_path / "walk.gif") as gif:
        for name, place in (("step_00.png", 0), (max(path.name for path in folder.iterdir()), gif.n_frames - 1)):
            gif.seek(place)
            shown = gif.convert("RGB")
            picture = Image.open(folder / name).convert("RGB")
            commonest = sorted(picture.getcolors(picture.width * picture.height), reverse=True)[:3]
            there = {colour for _, colour in shown.getcolors(shown.width * shown.height)}
            assert all(colour in there for _, colour in commonest)
            assert shown.getpixel((2, 2)) == picture.getpixel((2, 2))


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_a_gif_has_the_theme(tmp_path, theme):
    Image = pytest.importorskip("PIL.Image")
    stepper(Value(2.0, label="λ <b>") * 3, theme=theme).save(tmp_path / "walk.gif", seconds=0.15)
    with Image.open(tmp_path / "walk.gif") as gif:
        corner = gif.convert("RGB").getpixel((2, 2))
    assert (sum(corner) < 150) is (theme == "dark")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "format", "kind"), [("frames/", None, "svg"), ("frames", "png", "png"), ("a/b", "svg", "svg")]
)
def test_a_folder_has_a_file_for_each_picture(tmp_path, name, format, kind):
    shown = stepper(Value(2.0, label="x") * 3)
    shown.save(f"{tmp_path}/{name}", seconds=0.3, format=format)
    names = sorted(os.listdir(tmp_path / name))
    assert names == sorted(f"{shot.name}.{kind}" for shot in shoot(scene_of(Value(2.0, label="x") * 3), 0.3))
    start = (tmp_path / name / f"step_00.{kind}").read_bytes()
    assert start.startswith(b"\x89PNG" if kind == "png" else b"<?xml")
    if kind == "svg":
        assert "x" in texts(start)
    shown.save(tmp_path / name, seconds=0.3, format=format)  # again, into the folder that is there
    assert sorted(os.listdir(tmp_path / name)) == names


@pytest.mark.slow
def test_pictures_of_a_longer_walk_are_not_left_among_new_ones(tmp_path):
    long, short = stepper(neuron()), stepper(Value(2.0, label="x") * 3)
    folder = tmp_path / "frames"
    short.save(f"{folder}/", seconds=0.1)
    for name in ("step_1.svg", "step_00_to_01.svg", "my_step_00.svg", "step_07.svg.txt"):
        (folder / name).write_text("the user's")
    long.save(folder, seconds=0.2)  # replaces all of the shorter one
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "step_05.svg" in before
    for shown, seconds in ((short, 0.1), (long, 0.02)):
        with pytest.raises(
            FileExistsError, match=r"frames must have no pictures of another walk, got step_0\w+\.svg; "
        ):
            shown.save(folder, seconds=seconds)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    short.save(folder, seconds=0.1, format="png")  # of another kind
    (tmp_path / "step_99.svg").write_text("beside")
    short.save(f"{tmp_path}/new/", seconds=0.1)


def ffmpeg_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Put a program named ffmpeg in front of everything on the PATH."""
    if os.name != "posix":
        pytest.skip("a script with a shebang")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffmpeg").write_text(f"#!{sys.executable}\n{program}")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.slow
def test_a_film_is_made_by_ffmpeg_of_pictures_that_come_in_their_time(tmp_path, monkeypatch):
    ffmpeg_that(tmp_path, monkeypatch, "import sys\nopen(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())\n")
    stepper(neuron()).save(tmp_path / "walk.mp4", seconds=0.1)
    film = (tmp_path / "walk.mp4").read_bytes()
    assert film.startswith(b"\x89PNG")
    assert film.count(b"\x89PNG") == 30 * 0.1 * 7


@pytest.mark.slow
def test_a_real_film(tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg")
    stepper(Value(2.0, label="x") * 3).save(tmp_path / "walk.mp4", seconds=0.2)
    said = subprocess.run(["ffmpeg", "-i", tmp_path / "walk.mp4"], capture_output=True, text=True, check=False).stderr
    assert "yuv420p" in said
    assert "Duration: 00:00:00.6" in said


@pytest.mark.slow
@pytest.mark.parametrize("old", [b"an older film", None])
def test_a_film_that_ffmpeg_refuses_leaves_the_old_one(tmp_path, monkeypatch, old):
    ffmpeg_that(tmp_path, monkeypatch, "import sys\nprint('no encoder', file=sys.stderr)\nsys.exit(1)\n")
    target = tmp_path / "walk.mp4"
    if old:
        target.write_bytes(old)
    with pytest.raises(RuntimeError, match="ffmpeg wrote no film: no encoder"):
        stepper(neuron()).save(target, seconds=0.1)
    assert (target.read_bytes() if target.exists() else None) == old
    assert {path.name for path in tmp_path.iterdir()} <= {"bin", "walk.mp4"}


@pytest.mark.slow
def test_a_film_of_no_bytes_leaves_the_old_one(tmp_path, monkeypatch):
    ffmpeg_that(tmp_path, monkeypatch, "import sys; sys.stdin.buffer.read(); print('full', file=sys.stderr)")
    (tmp_path / "walk.mp4").write_bytes(b"an older film")
    with pytest.raises(RuntimeError, match="ffmpeg wrote no film: full"):
        stepper(neuron()).save(tmp_path / "walk.mp4", seconds=0.1)
    assert (tmp_path / "walk.mp4").read_bytes() == b"an older film"


def test_a_film_without_ffmpeg_says_what_to_install(tmp_path, monkeypatch):
    shown = stepper(neuron())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        RuntimeError, match=r"needs ffmpeg on the PATH: install it \(apt install ffmpeg, .*save a \.gif"
    ):
        shown.save(tmp_path / "walk.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_animation_without_pillow_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="an animation needs Pillow: pip install pillow"):
        stepper(neuron()).save(tmp_path / "walk.gif")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("name", ["walk.png", "walk", "html", ".html.txt", "", "walk.avi"])
def test_other_endings_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"a file name must end in \.html, \.gif or \.mp4, got .*; a folder must end"):
        stepper(neuron()).save(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["walk.html", "walk.gif", "walk.mp4", "walk.HTML"])
def test_a_folder_with_the_name_of_a_file_is_refused(tmp_path, monkeypatch, name):
    pytest.importorskip("PIL")
    ffmpeg_that(tmp_path, monkeypatch, "")
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match="this is a folder, and must be a file name"):
        stepper(neuron()).save(tmp_path / name)
    assert list((tmp_path / name).iterdir()) == []
    stepper(Value(2.0) * 3).save(f"{tmp_path / name}/", seconds=0.02)  # a folder, as its last letter says
    assert (tmp_path / name / "step_00.svg").exists()


@pytest.mark.parametrize(
    ("name", "format", "words"),
    [
        ("walk.gif", "svg", "format must be None for a file, got 'svg' and "),
        ("walk.html", "png", "format must be None for a file, got 'png' and "),
        ("frames", "gif", 'format must be "svg" or "png", got \'gif\''),
        ("frames/", 3, 'format must be "svg" or "png", got 3'),
    ],
)
def test_wrong_formats_are_refused(tmp_path, name, format, words):
    with pytest.raises(ValueError, match=words):
        stepper(neuron()).save(f"{tmp_path}/{name}", format=format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["walk.gif", "frames/"])
@pytest.mark.parametrize("seconds", [0, 0.01, 601, "1", None, True, math.nan])
def test_wrong_seconds_are_refused(tmp_path, name, seconds):
    pytest.importorskip("PIL")
    with pytest.raises(ValueError, match=r"seconds must be a number of seconds from 0\.02 to 600, got "):
        stepper(neuron()).save(f"{tmp_path}/{name}", seconds=seconds)
    assert list(tmp_path.iterdir()) == []


def test_large_graphs_are_refused_with_advice(tmp_path):
    x = Value(1.0, label="x")
    for _ in range(99):
        x = sigmoid(x)
    shown = stepper(x)
    for name in ("walk.gif", "frames/"):
        with pytest.raises(ValueError, match="a graph on a slide must have at most 80 nodes, got 100; save the page"):
            shown.save(f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["walk.html", "walk.gif", "walk.mp4", "frames/"])
def test_what_cannot_be_written_is_refused_before_anything_is_drawn(tmp_path, monkeypatch, name):
    pytest.importorskip("PIL")
    ffmpeg_that(tmp_path, monkeypatch, "")
    monkeypatch.setattr(Scene, "render", lambda *_: pytest.fail("something was drawn"))
    shown = stepper(neuron())
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError, match="file"):
        shown.save(f"{tmp_path}/file/{name}")
    (tmp_path / "walk.gif").mkdir()
    if name != "frames/":
        with pytest.raises(OSError, match="nowhere"):
            shown.save(tmp_path / "nowhere" / name)
    if name == "frames/":
        with pytest.raises(NotADirectoryError, match="must be a folder, got a file"):
            shown.save(tmp_path / "file", format="svg")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["walk.gif", "walk.mp4", "frames/step_00.svg"])
def test_an_existing_file_stays_where_drawing_fails(tmp_path, monkeypatch, name):
    pytest.importorskip("PIL")
    ffmpeg_that(tmp_path, monkeypatch, "import sys; sys.stdin.buffer.read()")
    target = tmp_path / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(b"older")

    def too_slow(*_: object) -> bytes:
        raise TimeoutError("Graphviz had not drawn the graph")

    monkeypatch.setattr(Scene, "render", too_slow)
    with pytest.raises(TimeoutError, match="Graphviz had not drawn"):
        stepper(neuron()).save(target if "frames" not in name else f"{target.parent}/", seconds=0.1)
    assert target.read_bytes() == b"older"
    assert [path.name for path in target.parent.iterdir() if path.name != "bin"] == [target.name]


def test_the_engine_loads_no_pillow_for_it():
    program = "import sys, engine; engine.stepper(engine.Value(1.0) * 2); print('PIL' in sys.modules)"
    folder = Path(engine.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout == "False\n"
