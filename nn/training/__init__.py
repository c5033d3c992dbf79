"""Training: ``fit`` checks its arguments, with ``options`` for those that have no data, and ``loop`` takes the steps.

``steps`` holds the protocol of a step and the eager steps, ``replayed`` the steps on whole batches, ``shared`` those of
several processes. Processes meet in ``teams``, by ``communicators``. A run leaves a ``history``, and a ``checkpoint``
if asked; its ``fingerprint`` tells it from others. ``interrupts`` and ``threads`` keep Ctrl-C and other threads in
order. ``made_of_nn`` tells when a model of nn's own parts need not be recorded again.
"""

from nn.training.fit import fit

__all__ = ["fit"]
