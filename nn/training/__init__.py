"""Training: ``fit`` is the loop; a step is eager or replayed; a checkpoint holds a run.

``fit`` checks its arguments (``options``) and trains; ``steps`` has the protocol of a step and the eager ones,
``replayed`` those for whole batches; ``checkpoint`` and ``history`` are what a run leaves; ``interrupts`` and ``turns``
keep Ctrl-C and other threads from leaving half of something.
"""

from nn.training.fit import fit

__all__ = ["fit"]
