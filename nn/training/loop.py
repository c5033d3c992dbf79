"""The training loop: steps on shuffled batches, then measurements and callbacks."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from nn.data.columns import Columns
from nn.examples import Tally, input_names
from nn.schedules import ReduceOnPlateau
from nn.training.checkpoint import Checkpoint, Progress
from nn.training.fingerprint import facts_of, probes_of, state_of
from nn.training.history import History
from nn.training.interrupts import Interrupts
from nn.training.options import is_true
from nn.training.steps import Steps, Task
from nn.training.threads import trained_here

Names = list[str] | None
_ALIKE = "give models and fit the same seed and the same arguments"
_SECONDS = 0.5
"""How old the numbers in parameters may be where only other threads, signals or printing can see them."""


class Training:
    """One call of ``fit``, its arguments checked; *names* are those of the columns of X and y, if they have some."""

    def __init__(self, task: Task, names: tuple[Names, Names], checkpoint: Checkpoint | None) -> None:
        self.task, self.team, self.checkpoint = task, task.team, checkpoint
        self.column_names, self.target_column_names = names
        self.progress, self.interrupts, self.steps = Progress(), Interrupts(), Steps(task, "replay=False")

    def run(self, given: dict[str, Any]) -> History:
        """Train until all epochs are done or something ends it; all processes must be *given* these alike."""
        task = self.task
        with ExitStack() as stack, self.interrupts.handled():
            self.team.caught(lambda: stack.enter_context(trained_here(task.model.parameters(), task.optimizer)))
            self._run(given)
        return self.progress.history

    def _run(self, given: dict[str, Any]) -> None:
        try:
            with self.team.shield(self.interrupts):
                probes = self.team.first(lambda: probes_of(self.task))
                names = {"names of the inputs": self.column_names, "names of the targets": self.target_column_names}
                alike = partial(facts_of, self.task, probes, names | given)
                if self.team.check(alike, _ALIKE) or self.team.agree(self._begin):
                    raise KeyboardInterrupt
                advice = "give all an optimizer that took the same steps before"
                if self.team.agree(self._resume) or self._check_state(advice):
                    raise KeyboardInterrupt
                self._epochs()
                if self.progress.best:
                    self._restore_best()
        except KeyboardInterrupt:
            self.task.optimizer.put_weights()  # whole, even if it came between two parameters
            self.progress.history.interrupted = True
        finally:
            with self.interrupts.shielded():
                self.steps.close()
            self.progress.history.eager = self.steps.eager

    def _restore_best(self) -> None:
        try:
            self.task.model.load_state_dict(self.progress.best)
        except ValueError as error:
            advice = "give early_stopping=EarlyStopping(restore_best=False) where a callback adds or removes some"
            raise ValueError(f"the best epoch had other parameters ({error}); {advice}") from None

    def _begin(self) -> None:
        self.task.model.eval()  # its mode from now on; steps have their noise all the same
        if self.task.options.replay is False:
            self.steps = Steps(self.task.kept(), "replay=False")
        else:
            from nn.training import replayed, shared

            kind = shared.Shared if self.team.is_shared else replayed.Replayed
            self.steps = replayed.steps_for(self.task, kind)
        self.task = self.steps.task
        self._bind()
        with self.interrupts.shielded():
            self.steps.begin()

    def _resume(self) -> None:
        """Restore what a checkpoint holds."""
        if self.checkpoint is not None:
            self.progress = self.checkpoint.begin(self.task)
            history = self.progress.history
            self._tell_schedule(history.first(n + 1) for n in range(history.epochs))
            self.steps.next_epoch()
            with self.interrupts.shielded():
                self.steps.begin()

    def _check_state(self, hint: str) -> bool:
        """Raise an error unless all processes have the same state; return whether Ctrl-C came."""
        return self.team.check(lambda: state_of(self.task, self.steps.numbers()), hint, RuntimeError)

    def _epochs(self) -> None:
        """Train for the epochs that are left, or until something ends it."""
        task, progress, history = self.task, self.progress, self.progress.history
        batch_size = task.options.batch_size
        with self._bar() as bar:
            while history.epochs < task.n_epochs and not progress.stopped:
                bar.set_description(f"epoch {history.epochs + 1}/{task.n_epochs}", refresh=False)
                if not progress.order:
                    progress.order = list(range(self.team.n_examples))
                    task.rng.shuffle(progress.order)
                for start in range(progress.tally.n, len(progress.order), batch_size):
                    self._step(progress.order[start : start + batch_size])
                    bar.update()
                    if self.checkpoint is not None and self.checkpoint.due():
                        self.team.caught(self._save)
                self._measure()
                self.team.caught(partial(self._show, bar))
                progress.stopped = self._ends()
                if self.team.agree(self._go_on):
                    progress.stopped = history.interrupted = True

    def _step(self, batch: list[int]) -> None:
        with self._finite(f"step {self.task.optimizer.steps + 1}"):
            self.progress.tally += self.steps.step(batch)

    @contextmanager
    def _finite(self, where: str) -> Iterator[None]:
        """A block in which an ArithmeticError says that training diverged."""
        epoch = self.progress.history.epochs + 1
        try:
            yield
        except ArithmeticError as error:
            raise FloatingPointError(
                f"training diverged in epoch {epoch}, {where} ({error}); try a smaller learning rate, or inputs of a "
                "smaller range"
            ) from error

    def _measure(self) -> None:
        """Append the losses of this epoch, and those of validation, to the history."""
        progress, options = self.progress, self.task.options
        classifies, is_first = self.task.examples.targets.classes is not None, not progress.history.epochs
        is_seen = is_first or options.callbacks or options.stopping is not None or self.checkpoint is not None
        self.steps.put_back(0.0 if is_seen else _SECONDS)
        if is_first:
            self.team.caught(self.steps.check_trains)
        with self._finite("validation"):
            validation = self.steps.validate()
            if validation is not None and not math.isfinite(validation.loss):
                raise FloatingPointError(f"the loss is {validation.loss}")
        progress.history.note(progress.tally, classifies)
        progress.order, progress.tally = [], Tally()
        if validation is not None:
            progress.history.note(validation, classifies, "validation_")
        progress.history.eager = self.steps.eager

    def _ends(self) -> bool:
        """Call the callbacks; return whether one of them, or early stopping, ends the training."""
        history, stopping, is_over = self.progress.history, self.task.options.stopping, False
        self.team.caught(lambda: self._tell_schedule([history]))
        if stopping is not None:
            is_over = stopping.ends(history)
            if stopping.restore_best and stopping.best_epoch(history) == history.epochs - 1:
                self.progress.best = self.task.model.state_dict()
        if self.team.agree(self._call_back):
            history.interrupted = True
        if self._check_state("a callback or an optimizer changed some"):
            history.interrupted = True
        return is_over or history.interrupted

    def _call_back(self) -> bool:
        history = self.progress.history
        epochs = history.epochs
        answers = [callback(self.task.model, history) for callback in self.task.options.callbacks]
        if history.epochs != epochs:
            raise ValueError(f"history.loss must keep its {epochs} losses, got {history.epochs} after the callbacks")
        return any(map(is_true, answers))

    def _go_on(self) -> None:
        """Save the epoch, and make ready for the next one."""
        self._save()
        if not self.progress.stopped:
            self.steps.next_epoch()

    def _tell_schedule(self, histories: Iterable[History]) -> None:
        """Give the learning rate the history after each epoch, if it takes one."""
        after_epoch = getattr(self.task.optimizer.learning_rate, "after_epoch", None)
        if after_epoch is None:
            return
        if self.checkpoint is not None:
            self.checkpoint.check()
        for history in histories:
            after_epoch(history)
        if self.checkpoint is not None:
            self.checkpoint.look()

    def _bind(self) -> None:
        """Give the optimizer the parameters, unless it has some of them; prepare its schedule and the model."""
        task, rate = self.task, self.task.optimizer.learning_rate
        task.optimizer.follow(task.model.parameters(), task.model)
        if isinstance(rate, ReduceOnPlateau):
            rate.restart()
        task.model.loss, task.model.classes = task.loss.name, task.examples.targets.classes
        if isinstance(task.model.table, Columns) and self.column_names not in (None, input_names(task.model)):
            task.model.table = None  # it was trained on other columns before
        task.model.column_names, task.model.target_column_names = self.column_names, self.target_column_names

    def _save(self) -> None:
        if self.checkpoint is not None:
            self.steps.put_back()
            self.checkpoint.write(self.progress)

    def _bar(self) -> Any:
        """A progress bar over all steps; shown on a terminal or in a notebook, not in a pipe."""
        from tqdm import tqdm

        task, progress, options = self.task, self.progress, self.task.options
        total = task.n_epochs * task.steps_per_epoch
        done = min(total, progress.history.epochs * task.steps_per_epoch + -(-progress.tally.n // options.batch_size))
        in_notebook = type(sys.stderr).__module__.partition(".")[0] == "ipykernel"
        is_seen = in_notebook or (sys.stderr is not None and sys.stderr.isatty())
        hidden = options.verbose != 1 or not is_seen or done == total or self.team.rank > 0
        file = sys.stdout if in_notebook else sys.stderr  # a notebook shows the latter as if it were an error
        return tqdm(total=total, initial=done, disable=hidden, unit="step", dynamic_ncols=True, file=file)

    def _show(self, bar: Any) -> None:
        history = self.progress.history
        bar.set_postfix(history.last(), refresh=False)
        if self.task.options.verbose == 2 and not self.team.rank:
            numbers = ", ".join(f"{name} {number:.4g}" for name, number in history.last().items())
            print(f"epoch {history.epochs}/{self.task.n_epochs}: {numbers}")
