"""Do what a newcomer does, in a bare virtual environment, and measure how long it takes.

    python proof/newcomer.py           # also what each page of the how-to guides says
    python proof/newcomer.py --quick   # the README alone

From a fresh clone: to the first picture, to a network that reads digits, to a page to walk through. The status is 1 if
something fails, or takes longer than its bar; the time of downloads counts.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
BARS = {"the first picture": 120.0, "a trained reader of digits": 180.0, "a live page": 240.0}  # seconds from the start
PAGE = """
from engine import stepper
stepper(y).save("backprop.html")
"""


def run(*command: object, folder: Path) -> str:
    """What a command prints; its output is shown where it fails."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def first_block(readme: Path) -> str:
    """The README's first Python, with its picture saved into a file as its comment says."""
    block = re.search(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert block, "the README has no Python"
    return block[1] + '\ndraw(y).save("graph.png")\n'


def main() -> None:
    """Everything, with a line for each mark that is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the README alone")
    quick = parser.parse_args().quick
    late = []
    with tempfile.TemporaryDirectory() as name:
        folder, start = Path(name), time.monotonic()
        clone, bin_ = folder / "clone", folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")

        def reached(mark: str) -> None:
            seconds = time.monotonic() - start
            print(f"{mark}: {seconds:.0f} s (bar {BARS[mark]:.0f} s)", flush=True)
            if seconds > BARS[mark]:
                late.append(mark)

        run("git", "clone", "--quiet", ROOT, clone, folder=folder)
        venv.create(folder / "venv", with_pip=True)
        run(bin_ / "python", "-m", "pip", "install", "--quiet", ".[demo]", folder=clone)
        block = first_block(clone / "README.md")
        run(bin_ / "python", "-c", block, folder=folder)
        assert (folder / "graph.png").read_bytes().startswith(b"\x89PNG")
        reached("the first picture")
        said = run(bin_ / "gradstep", "train", "digits", "--quiet", folder=folder)
        accuracy = float(re.findall(r"accuracy: ([\d.]+)%", said)[-1])
        assert accuracy >= 97.0, said
        reached("a trained reader of digits")
        run(bin_ / "python", "-c", block + PAGE, folder=folder)
        assert "<script" in (folder / "backprop.html").read_text(encoding="utf-8")
        reached("a live page")
        if not quick:
            run(bin_ / "python", "-m", "pip", "install", "--quiet", ".[docs,notebook,test]", folder=clone)
            pages = [f"tests/docs/test_{name}.py" for name in ("docs", "readme")]
            print(run(bin_ / "python", "-P", "-m", "pytest", *pages, folder=clone))
    sys.exit(f"later than its bar: {', '.join(late)}" if late else 0)


if __name__ == "__main__":
    main()
