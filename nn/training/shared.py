"""Training steps of several processes: each replays its share of a batch, and all take the same step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nn.examples import Tally
from nn.noise import noise_rows
from nn.programs import Array
from nn.training.replayed import Replayed
from nn.training.steps import Task
from nn.training.teams import Team


class Shared(Replayed):
    """Steps by replay, with the gradients and tallies of all processes of a *team* added up.

    A step in which a process meets infinity or NaN ends the training of all: nothing is repeated eagerly.
    """

    differentiates_others = False  # processes may know different leaves

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        assert isinstance(task.team, Team)
        self.team = task.team

    def next_epoch(self) -> None:
        super().next_epoch()
        if self.eager:
            raise self.refusal(self.eager)

    def step(self, batch: Sequence[int]) -> Tally:
        places, indices = self.team.share(batch)
        if self.n_noise:  # as one process draws it, for the whole batch
            noise = noise_rows(self.task.noise, self.task.rng, len(batch))
            self.rows[indices, -self.n_noise :] = np.array(noise)[places]
        gradient = np.zeros(len(self.paths.parameters), self.dtype)
        tally = self.team.total(lambda: self._own(indices, len(batch), gradient))
        self._advance(self.team.sum(gradient))
        return tally

    def _own(self, indices: Array, n_examples: int, gradient: Array) -> Tally:
        """The tally of this process's examples; adds their part of the gradient of the mean.

        A share is cut in two, so that the larger part is of few sizes: a program needs memory for each size.
        """
        tally = Tally()
        unit = 2 << (len(indices).bit_length() // 2)  # of about the spread of the sizes
        if self.task.options.backend.startswith("jax"):  # which pads batches to few sizes, and compiles for each
            unit = 1
        for part in np.split(indices, [len(indices) // unit * unit]):
            if not len(part):
                continue
            results, found = self.paths.run(self.rows, part)
            gradient += found * (len(part) / n_examples)
            tally += self._tally(self.task.examples, results, part)
        if not np.isfinite(tally.loss) or not np.isfinite(gradient).all():
            what = "gradient is not finite" if np.isfinite(tally.loss) else f"loss is {tally.loss}"
            raise FloatingPointError(f"the {what}")
        return tally

    def trains(self) -> bool:
        return self.has_gradient or self.team.any(super().trains)

    @staticmethod
    def refusal(why: str) -> ValueError:
        told = "several processes train by replay alone, and this model cannot be replayed with this loss"
        return ValueError(f"{told}: {why}")

    def validate(self) -> Tally | None:
        own = super().validate
        return None if self.task.validation is None else self.team.total(lambda: own() or Tally())
