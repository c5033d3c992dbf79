"""The build: a wheel holds the engine compiled by mypyc where there is a C compiler, and plain Python elsewhere.

``GRADSTEP_PURE=1`` asks for plain Python. An editable install is always plain, so that what is edited is what runs.
All other settings are in pyproject.toml.
"""

import os
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))
from building.backend import never_compiled  # noqa: E402

COMPILED = [
    "validation",
    "special",
    "operations",
    "node",
    "custom",
    "provenance",
    "refresh",
    "value",
    "functions",
    *(f"compiler/{name}" for name in ("trace", "simplify", "fuse_sums", "vectorize", "memory_layout", "ir")),
    *(f"compiler/{name}" for name in ("ir_builder", "lower_forward", "lower_backward", "adjoints", "buffer_reuse")),
    "compiler/backends/numpy_calls",
]  # where the time goes


def why_plain() -> str:
    """The reason to build plain Python, or an empty string."""
    if reason := never_compiled():
        return reason
    if not {"bdist_wheel", "build_ext", "build", "install"} & set(sys.argv):
        return "nothing is built now, or an editable install"
    try:
        import mypyc.build  # noqa: F401
    except ImportError:
        return "mypy is not installed"
    return "" if compiles("#include <Python.h>\nint main(void) { return 0; }\n") else "no C compiler works here"


def compiles(program: str) -> bool:
    """Whether a C compiler is there and finds Python's headers."""
    from setuptools import Distribution

    command = build_ext(Distribution())
    command.finalize_options()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "trial.c")
        source.write_text(program)
        try:
            from setuptools._distutils.ccompiler import new_compiler
            from setuptools._distutils.sysconfig import customize_compiler

            compiler = new_compiler()
            customize_compiler(compiler)
            compiler.compile([str(source)], output_dir=folder, include_dirs=command.include_dirs)
        except Exception:  # no program of that name, or it knows no Python.h: each setuptools has its own errors for it
            return False
    return True


def extensions(folder: str) -> list:
    """The compiled modules: mypyc writes C code into *folder*, and generated_c.py improves it."""
    from mypyc.build import mypycify

    from building.generated_c import improved

    files = [f"engine/{name}.py" for name in COMPILED]
    options = ["--follow-imports=silent"]  # what is not compiled is not checked here
    modules = mypycify([*options, *files], group_name="engine._compiled", target_dir=folder, opt_level="3")
    public = [name for name in COMPILED if "/" not in name]
    sources = {name: (ROOT / "engine" / f"{name}.py").read_text(encoding="utf-8") for name in public}
    code = Path(folder, "engine", "__native__compiled.c")
    code.write_text(improved(code.read_text(encoding="utf-8"), sources), encoding="utf-8")
    for module in modules:  # a warning of somebody's newer compiler is no reason to fail
        module.extra_compile_args = [flag for flag in module.extra_compile_args if flag not in ("-Werror", "/WX")]
        if sys.platform != "win32":
            module.extra_compile_args += [
                "-g0",  # half the size
                "-fno-semantic-interposition",  # calls within the engine become inlined
                "-ffp-contract=off",  # no fused multiply-add, so that compiled and plain agree to the last bit
                "-fno-thread-jumps",  # by which GCC 16.2 takes x == y for true beside NaN
            ]
    return modules


class BuildOrFallBack(build_ext):
    """Falls back on plain Python where the compiler gives up."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # compilers, linkers and their wrappers each raise their own
            print(f"gradstep: the compiler failed ({error}); this build is plain Python", file=sys.stderr)
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions = []


with tempfile.TemporaryDirectory(
    prefix=".build-", dir=ROOT
) as scratch:  # nothing of a build stays in the source tree to shadow a file there
    reason = why_plain()
    print(f"gradstep: {'plain Python, because ' + reason if reason else 'compiled with mypyc'}", file=sys.stderr)
    setup(
        ext_modules=[] if reason else extensions(os.path.relpath(scratch, ROOT)),
        cmdclass={"build_ext": BuildOrFallBack},
        options={"build": {"build_base": os.path.join(scratch, "build")}},
    )
