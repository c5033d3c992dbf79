"""Settings for every test."""

from hypothesis import settings

settings.register_profile("gradstep", deadline=None)  # no timed assertions: machines differ
settings.load_profile("gradstep")
