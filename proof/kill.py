"""Kill a training run with ``kill -9`` again and again, at random moments: is there always a whole checkpoint?

    python proof/kill.py [--kills 200] [--seed 0]

Each time the same script is started again, which goes on from the checkpoint. In the end it has to have the very
weights of a run that nobody stopped. The script writes its checkpoint after every step, so that many of the kills fall
into a write.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

SCRIPT = """
    import sys
    from nn import MLP
    from nn.data import moons
    data = moons(100, seed=1)
    model = MLP(2, [8, 1], activation="tanh", seed=3)
    model.fit(data.X, data.y, loss="binary_cross_entropy", epochs=int(sys.argv[2]), batch_size=8, seed=5,
              progress=False, checkpoint=sys.argv[1], checkpoint_every=0.0)
    print([p.data for p in model.parameters()])
"""


def started(script: Path, checkpoint: Path, epochs: int) -> subprocess.Popen[str]:
    """The script as a process."""
    return subprocess.Popen([sys.executable, script, checkpoint, str(epochs)], stdout=subprocess.PIPE, text=True)


def main() -> None:
    """Kill, look, start again; then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        script, checkpoint = Path(folder, "script.py"), Path(folder, "run.json")
        script.write_text(textwrap.dedent(SCRIPT))
        epochs = 100 * options.kills  # more than the kills leave time for
        steps = -1
        for kill in range(options.kills):
            process = started(script, checkpoint, epochs)
            while kill == 0 and not checkpoint.exists():
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 1.5))
            process.kill()
            process.communicate()
            steps_before, steps = steps, json.loads(checkpoint.read_text())["optimizer"]["steps"]
            assert steps >= steps_before, f"kill {kill}: the checkpoint went back from step {steps_before} to {steps}"
        done = len(json.loads(checkpoint.read_text())["history"]["loss"])
        resumed, _ = started(script, checkpoint, done + 3).communicate()
        whole, _ = started(script, Path(folder, "whole.json"), done + 3).communicate()
        assert len(json.loads(resumed)) == len(json.loads(whole)) > 0
        assert resumed == whole, "the weights are not those of a run that nobody stopped"
        left = sorted(path.name for path in Path(folder).iterdir() if path.suffix == ".json")
        print(
            f"{options.kills} kills, {steps} steps: always a whole checkpoint, the same weights to the last bit; {left}"
        )


if __name__ == "__main__":
    main()
