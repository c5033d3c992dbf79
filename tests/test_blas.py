"""Which kernels OpenBLAS is told to take, and when it is left alone."""

import os
import subprocess
import sys

import pytest

from engine.blas import prefer_avx512

ZEN_5 = {
    "vendor_id": "AuthenticAMD",
    "cpu family": "26",
    "flags": "fpu sse2 avx2 avx512f avx512dq avx512cd avx512bw avx512vl",
}


@pytest.fixture
def kernels_for(tmp_path, monkeypatch):
    """The kernels named for a processor, in a process in which numpy is still to be loaded."""

    def name(processor, chosen=None, numpy_loaded=False):
        lines = [f"{key}\t: {value}" for key, value in {"processor": "0", **processor}.items()]
        file = tmp_path / "cpuinfo"
        file.write_text("\n".join([*lines, "", "vendor_id : other", "flags : none"]))
        monkeypatch.setenv("OPENBLAS_CORETYPE", chosen or "")
        if not chosen:
            monkeypatch.delenv("OPENBLAS_CORETYPE")
        monkeypatch.setitem(sys.modules, "numpy", None)
        if not numpy_loaded:
            monkeypatch.delitem(sys.modules, "numpy")
        prefer_avx512(str(file))
        return os.environ.get("OPENBLAS_CORETYPE")

    return name


def test_a_processor_younger_than_openblas_gets_its_kernels(kernels_for):
    assert kernels_for(ZEN_5) == "SkylakeX"
    assert kernels_for({**ZEN_5, "cpu family": "27"}) == "SkylakeX"


@pytest.mark.parametrize(
    "change",
    [
        {"cpu family": "25"},
        {"cpu family": "?"},
        {"vendor_id": "GenuineIntel"},
        {"flags": "fpu sse2 avx2"},
        {"flags": ZEN_5["flags"].replace("avx512vl", "")},
    ],
)
def test_others_are_left_to_openblas(kernels_for, change):
    assert kernels_for({**ZEN_5, **change}) is None


def test_what_a_user_chose_and_a_numpy_that_is_there_are_left_alone(kernels_for, tmp_path):
    assert kernels_for(ZEN_5, chosen="Haswell") == "Haswell"
    assert kernels_for(ZEN_5, numpy_loaded=True) is None
    prefer_avx512(str(tmp_path / "no such file"))


def test_products_are_right_with_the_kernels_that_were_chosen():
    script = """
import engine, numpy as np
from fractions import Fraction
numbers = np.random.default_rng(0)
for dtype, ulp in ("float64", 2e-13), ("float32", 1e-4):
    for m, k, n in (1, 1, 1), (3, 7, 5), (30, 785, 33), (130, 64, 17):
        a, b = numbers.normal(size=(m, k)).astype(dtype), numbers.normal(size=(n, k)).astype(dtype)
        product = a @ b.T
        for i in (0, m // 2, m - 1):
            for j in (0, n // 2, n - 1):
                exact = sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a[i], b[j]))
                assert abs(float(exact) - product[i, j]) < ulp * k, (dtype, m, k, n)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
