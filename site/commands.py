"""Commands of the build: npm, pip and JupyterLite."""

import os
import subprocess
from pathlib import Path

SITE = Path(__file__).resolve().parent


def run(*command: object, folder: Path = SITE, **environment: str) -> None:
    """Run a command, and show what it says only where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\nfailed: {' '.join(words)}")
