"""Training: ``fit`` checks its arguments, and ``loop`` takes the steps.

``steps`` holds the protocol of a step and the eager steps, ``replayed`` the steps on whole batches. A run leaves a
``history``, and a ``checkpoint`` if asked. ``interrupts`` and ``threads`` keep Ctrl-C and other threads in order.
"""

from nn.training.fit import fit

__all__ = ["fit"]
