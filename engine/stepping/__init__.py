"""Backprop walked through in a browser or a notebook, or as an animation: ``engine.stepper``."""

from engine.stepping.api import Stepper, stepper

__all__ = ["Stepper", "stepper"]
