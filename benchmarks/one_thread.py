"""Imported before numpy: matrix products in one thread, so that times of processors can be compared."""

import os

import own_kernels  # noqa: F401 - as the other libraries have

for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
