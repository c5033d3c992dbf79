"""Imported before numpy: matrix products in one thread, so that times of processors can be compared."""

import os

for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
