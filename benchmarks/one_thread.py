"""Imported before numpy: matrix products in one thread, so that times of processors can be compared.

The engine is loaded as well: it names numpy's kernels where OpenBLAS does not know the processor, for all contenders.
"""

import os

for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import engine  # noqa: E402, F401 - names numpy's kernels for this processor, for all who use numpy here
