"""Backprop step by step in a browser, a notebook or an animation: ``engine.stepper``."""

from engine.stepping.api import Stepper, stepper

__all__ = ["Stepper", "stepper"]
