"""Give files, formulas and arguments that atheris invents to gradstep, and stop at the first that it does not survive.

    pip install -e ".[demo,fuzz]"
    python proof/fuzz.py                      # every target in turn, ten minutes each
    python proof/fuzz.py model --seconds 60   # one of them
    python proof/fuzz.py model FILE           # one input again, such as one that was found

What must be true of every input stands in ``fuzz_checks.py``. An input that breaks it, or that takes longer than ten
seconds, is written to the folder ``findings`` beside this file and named. Each target runs in a Python of its own.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

NAMES = ("model", "onnx", "safetensors", "checkpoint", "csv", "idx", "expression", "command")
LONGEST_INPUT = 20_000  # bytes
LONGEST_TIME = 10  # seconds for one input
MOST_MEMORY = 2_000  # megabytes of the process; what an input may take is far less, see fuzz_checks.py
FINDINGS = Path(__file__).parent / "findings"


def fuzz(name: str, seconds: int) -> None:
    """Invent inputs for so long; atheris ends the process, with status 0 if there was nothing to find."""
    import atheris

    with atheris.instrument_imports(include=["engine", "nn"]):  # what was reached is what new inputs are made from
        from fuzz_checks import check, warm_up
        from fuzz_targets import TARGETS
    target = TARGETS[name]
    corpus = Path(tempfile.mkdtemp(prefix="gradstep-corpus-"))
    words = corpus / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")
    inputs = corpus / "inputs"
    inputs.mkdir()
    FINDINGS.mkdir(exist_ok=True)
    for number, seed in enumerate(warm_up(target)):
        (inputs / f"seed{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={LONGEST_TIME}",
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-max_len={LONGEST_INPUT}",
        f"-dict={words}",
        f"-artifact_prefix={FINDINGS}/{target.name}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]

    def changed(data: bytes, longest: int, seed: int) -> bytes:
        rng = random.Random(seed)
        new = target.changed(data, rng) if rng.random() < 0.5 else None
        return atheris.Mutate(data, longest) if new is None or len(new) > longest else new

    tracemalloc.start()
    atheris.Setup([sys.argv[0], *options, str(inputs)], lambda data: check(target, data), custom_mutator=changed)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def main() -> int:
    """The status is 0 if nothing was found."""
    parser = argparse.ArgumentParser(description="Look for input that gradstep does not survive.")
    parser.add_argument("target", nargs="?", choices=NAMES, help="what to give input to (all, unless given)")
    parser.add_argument("file", nargs="?", type=Path, help="give it the bytes of this file, once")
    parser.add_argument("--seconds", type=int, default=600, help="how long for each target (default: 600)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.file:
        from fuzz_checks import check, warm_up
        from fuzz_targets import TARGETS

        warm_up(TARGETS[chosen.target])
        tracemalloc.start()
        check(TARGETS[chosen.target], chosen.file.read_bytes())
        print("as it should be")
        return 0
    if chosen.here:
        fuzz(chosen.target, chosen.seconds)
    for name in [chosen.target] if chosen.target else NAMES:
        print(f"{name}: {chosen.seconds} seconds", flush=True)
        command = [sys.executable, __file__, name, "--seconds", str(chosen.seconds), "--here"]
        if subprocess.run(command, check=False).returncode:
            print(f"{name}: something was found, see above and {FINDINGS}")
            return 1
    print("nothing was found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
