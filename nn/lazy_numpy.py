"""numpy, loaded where it is first used: ``import nn`` is quick without it, and a page in a browser has none."""

from typing import TYPE_CHECKING

__all__ = ["np"]

if TYPE_CHECKING:
    import numpy as np
else:

    class _Numpy:
        def __getattr__(self, name):
            import numpy

            self.__dict__ = vars(numpy)  # from now on as quick as numpy
            return getattr(numpy, name)

    np = _Numpy()
