"""A walk as an animation for a slide: a GIF, a film, or a folder of its pictures."""

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from operator import sub
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from engine.stepping.frames import Scene
from engine.validation import check_choice, check_seconds
from engine.whole_files import replacing, write_whole

_MOST_NODES, _MOST_ON_THE_WAY = 80, 400
_RATE, _FILM_RATE = 15, 30  # pictures in a second of numbers on their way, and of a film
_LONGEST_WAY = 1.2  # seconds
_EXACT, _NEAR = 24, 8  # colours of a GIF that are kept as they are, and how near to them others would be in their place
_STEP = re.compile(r"step_\d{2,}(_to_\d{2,}_\d{2,})?")  # the names of pictures


class Shot(NamedTuple):
    """A picture in the DOT language, its name, and for how many seconds it is shown."""

    source: str
    name: str
    seconds: float


def shoot(scene: Scene, seconds: float) -> list[Shot]:
    """The pictures of a walk in order: for each step the numbers on their way, and then what they have made.

    A step takes so many *seconds*, half of them on the way at most; the last one stays twice as long.
    """
    check_seconds("seconds", seconds, 0.02, 600.0)
    walk = scene.contents.walk
    if len(walk.nodes) > _MOST_NODES:
        raise ValueError(
            f"a graph on a slide must have at most {_MOST_NODES} nodes, got {len(walk.nodes):,}; save the page "
            "(.html), or animate a part of the graph"
        )
    last, way = len(walk.steps), min(seconds / 2, _LONGEST_WAY)
    n_ways = min(int(way * _RATE), _MOST_ON_THE_WAY // max(last, 1))
    shots = [Shot(scene.picture(0), "step_00", seconds)]
    for position in range(1, last + 1):
        moving = n_ways if scene.hands_on(position) else 0
        for count in range(moving):
            name = f"step_{position - 1:02}_to_{position:02}_{count + 1:02}"
            shots.append(Shot(scene.picture(position, (count + 0.5) / moving), name, way / moving))
        still = seconds - way if moving else seconds
        shots.append(Shot(scene.picture(position), f"step_{position:02}", still + seconds * (position == last)))
    return shots


def save_gif(path: str | os.PathLike[str], scene: Scene, seconds: float) -> None:
    """Write a GIF; needs Pillow, and says so with a ModuleNotFoundError."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError('an animation needs Pillow: pip install pillow (or "gradstep[plot]")') from None
    with replacing(path) as file:
        shots = shoot(scene, seconds)
        images = (Image.open(io.BytesIO(picture)).convert("RGB") for picture in _rendered(scene, shots, "png"))
        last = next(_rendered(scene, shots[-1:], "png"))  # it has all colours; with several palettes they would flicker
        palette = _palette(Image.open(io.BytesIO(last)).convert("RGB"))
        frames = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
        options: dict[str, Any] = {"duration": [round(1000 * shot.seconds) for shot in shots], "loop": 0, "disposal": 1}
        next(frames).save(file, "GIF", save_all=True, append_images=frames, **options)


def _palette(picture: Any) -> Any:
    """256 colours of a picture: the commonest exactly, as those of areas are seen, and means of all others."""
    from PIL import Image

    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    exact = [colour for _, colour in counted[:_EXACT]]
    numbers = picture.quantize(256 - _EXACT).getpalette()
    means = list(zip(numbers[::3], numbers[1::3], numbers[2::3]))
    far = [mean for mean in means if all(max(map(abs, map(sub, mean, each))) > _NEAR for each in exact)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(list(chain.from_iterable([*exact, *far])))
    return palette


def save_film(path: str | os.PathLike[str], scene: Scene, seconds: float) -> None:
    """Write an .mp4 with ffmpeg; a RuntimeError says where there is none, or what it refused."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise RuntimeError(
            "an .mp4 needs ffmpeg on the PATH: install it (apt install ffmpeg, brew install ffmpeg, or "
            "winget install ffmpeg), or save a .gif"
        )
    source = ["-f", "image2pipe", "-framerate", str(_FILM_RATE), "-c:v", "png", "-i", "-"]
    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"]  # as players need it
    ending = ["-movflags", "+faststart", "-f", "mp4"]
    with replacing(path) as file, TemporaryFile() as said:
        shots = shoot(scene, seconds)
        command = [program, "-loglevel", "error", "-y", *source, *even, *ending, str(file)]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        except OSError as error:
            raise RuntimeError(f"ffmpeg could not be started: {error}") from None
        with process:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # ffmpeg has said why
                process.stdin.writelines(_film(_rendered(scene, shots, "png"), shots))
                process.stdin.close()
        if process.returncode or (file.is_file() and not file.stat().st_size):
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"ffmpeg wrote no film: {lines[-1] if lines else 'it said nothing'}")


def save_folder(path: str | os.PathLike[str], scene: Scene, seconds: float, kind: str) -> None:
    """Write each picture into a file of a folder, ``step_00.svg`` and so on, unless it has those of another walk."""
    check_choice("format", kind, ("svg", "png"))
    folder = Path(path)
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise NotADirectoryError(f"{existing} must be a folder, got a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder {existing} is read-only")
    shots = shoot(scene, seconds)
    names = {f"{shot.name}.{kind}" for shot in shots}
    there = {path.name for path in folder.glob(f"step_*.{kind}") if _STEP.fullmatch(path.stem)}
    if others := there - names:
        raise FileExistsError(f"{folder} must have no pictures of another walk, got {min(others)}; name another folder")
    pictures = list(_rendered(scene, shots, kind))
    folder.mkdir(parents=True, exist_ok=True)
    for shot, picture in zip(shots, pictures):
        write_whole(folder / f"{shot.name}.{kind}", picture)


def _film(pictures: Iterator[bytes], shots: list[Shot]) -> Iterator[bytes]:
    """Each picture as often as it is shown; what rounding leaves goes to the next one."""
    shown, now = 0, 0.0
    for picture, shot in zip(pictures, shots):
        now += shot.seconds
        count = max(1, round(now * _FILM_RATE) - shown)
        shown += count
        yield picture * count


def _rendered(scene: Scene, shots: Sequence[Shot], kind: str) -> Iterator[bytes]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda shot: scene.render(shot.source, kind), shots)
