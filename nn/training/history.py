"""History: losses and accuracies, a number an epoch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.other_names import no_attribute
from nn.other_names import OF_A_HISTORY

if TYPE_CHECKING:
    import pandas

    from nn.examples import Tally

COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy")
_LEAST_EPOCHS, _LATELY, _FALLS = 10, 0.1, 0.05
"""Warn if more than a twentieth of the fall came in the last tenth of a run of 10 epochs or more."""
_LARGE = 1e4
"""A loss above this that hardly falls is likely one of targets in the hundreds or more."""


class ConvergenceWarning(UserWarning):
    """Training ended while the loss was still falling fast, or the loss never fell."""


@dataclass(repr=False)
class History:
    """The losses of training, and the accuracies of a classifier, one for each epoch.

    ``interrupted`` is True if Ctrl-C or a callback ended it. ``eager`` says why training was eager, example by
    example; it is empty if a recorded graph was replayed for whole batches.

    >>> History(loss=[0.7, 0.5, 0.25])
    History of 3 epochs: loss 0.25
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False
    eager: str = field(default="", compare=False)

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.loss)

    def note(self, tally: Tally, classifies: bool, which: str = "") -> None:
        """Append the mean loss of an epoch, and a classifier's share of right answers."""
        getattr(self, f"{which}loss").append(tally.loss / tally.n)
        if classifies:
            getattr(self, f"{which}accuracy").append(tally.right / tally.n)

    def first(self, n: int) -> History:
        """The numbers of the first *n* epochs."""
        return History(**{name: getattr(self, name)[:n] for name in COLUMNS})

    def __getattr__(self, name: str) -> Any:
        raise no_attribute("'History' object", name, OF_A_HISTORY)

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch by name."""
        return {name: getattr(self, name)[-1] for name in COLUMNS if getattr(self, name)}

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {number:.4g}" for name, number in self.last().items())
        ended = ", interrupted" if self.interrupted else ""
        return f"History of {self.epochs} epochs{': ' if numbers else ''}{numbers}{ended}"

    def to_frame(self) -> pandas.DataFrame:
        """The numbers as a pandas frame: a row for each epoch, a column for each name."""
        import pandas

        columns = {name: getattr(self, name) for name in self.last()}
        return pandas.DataFrame(columns, index=pandas.RangeIndex(1, self.epochs + 1, name="epoch"))

    def plot(self, theme: str = "auto") -> Any:
        """The curves as a matplotlib figure: see ``nn.pictures.curves``."""
        from nn.pictures.training_curves import curves

        return curves(self, theme)

    def warn_if_not_converged(self) -> None:
        """Warn if the loss was still falling fast at the end, or never fell."""
        if self.epochs < _LEAST_EPOCHS or self.interrupted:
            return
        first, last = self.loss[0], self.loss[-1]
        before = self.loss[-1 - max(1, round(_LATELY * self.epochs))]
        if first > 0.0 and min(self.loss[1:]) >= first:
            words = f"the loss never fell below that of the first epoch ({first:.4g}): try another learning rate"
        elif before - last > _FALLS * abs(first - last):
            digits = next((n for n in (4, 6, 9) if f"{before:.{n}g}" != f"{last:.{n}g}"), 17)
            words = (
                f"the loss was still falling after {self.epochs} epochs (from {before:.{digits}g} to {last:.{digits}g} "
                "lately): train for more epochs, or try a larger learning rate"
            )
            if before < 1.01 * last and last > _LARGE:
                words += "; targets of large numbers are learnt faster when they are scaled to about -1 ... 1"
        else:
            return
        warnings.warn(words, ConvergenceWarning, stacklevel=4)  # the caller of fit, which is decorated
