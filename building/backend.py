"""The build backend: that of setuptools, which is given mypy only where something will be compiled."""

import os
import sys
import sysconfig

from setuptools.build_meta import *  # noqa: F403

MYPY = "mypy==2.4.1"  # this very mypy: generated_c.py works on the C code that it writes
NUMPY = "numpy>=1.26"  # mypy reads its types


def never_compiled() -> str:
    """The reason why nothing is ever compiled here, or an empty string."""
    if os.environ.get("GRADSTEP_PURE", "") not in ("", "0"):
        return "GRADSTEP_PURE asks for it"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "this is not a CPython with a global lock"  # and mypy may not install there
    return ""


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """What must be there besides setuptools. An editable install is plain and needs nothing."""
    return [] if never_compiled() else [MYPY, NUMPY]
