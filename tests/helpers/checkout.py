"""The checkout that the tests are part of; CI tests wheels from a copy of some of its folders."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
