"""``python -m gradstep``: the command ``gradstep``."""

import sys

from nn.__main__ import main

sys.exit(main())
