"""Imported before numpy: it takes the kernels for this processor, as torch and JAX do.

Where the environment names those of another processor, it holds numpy to them and nobody else.
"""

import os

for setting in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(setting, None)
