"""Matrix products of numpy on processors that its OpenBLAS does not know.

numpy's wheels carry OpenBLAS, which looks at the processor when numpy is loaded and takes kernels of 2013 (Haswell)
for one that it does not know. AMD's of family 26 (Zen 5, from 2024 on) have all of AVX-512 and are not known to the
OpenBLAS 0.3.31 of numpy 2.4: with the kernels for AVX-512 a product of 30 x 784 by 784 x 32 takes 16 us instead of 42.
"""

from __future__ import annotations

import os
import sys

_NEEDED = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
_FIRST_UNKNOWN_FAMILY = 26


def prefer_avx512(cpuinfo: str = "/proc/cpuinfo") -> None:
    """Name the kernels in the environment, where numpy is still to be loaded and nobody has named others."""
    if "numpy" in sys.modules or "OPENBLAS_CORETYPE" in os.environ:
        return
    processor: dict[str, str] = {}
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break  # the others are like the first
                name, _, value = line.partition(":")
                processor[name.strip()] = value.strip()
    except OSError:  # another system
        return
    family = processor.get("cpu family", "")
    new = processor.get("vendor_id") == "AuthenticAMD" and family.isdecimal() and int(family) >= _FIRST_UNKNOWN_FAMILY
    if new and set(processor.get("flags", "").split()) >= _NEEDED:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
