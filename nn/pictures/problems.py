"""What a picture is of: a model, examples and a loss that fit together, as ``fit`` takes them."""

import math
from dataclasses import dataclass
from typing import Any

from engine import Value, sigmoid, softmax
from engine.names import are_counted, column_text
from nn.data.names import column_labels
from nn.examples import Examples, examples_by_name, input_names, output_numbers, output_values
from nn.losses import LossFunction, as_loss, chosen_loss
from nn.module import Module
from nn.noise import no_noise, noise_from
from nn.targets import ANSWERS, CLASSES, Label, predicted
from nn.validation import described

Loss = str | LossFunction | None


@dataclass(frozen=True)
class Problem:
    """A model with checked examples and a loss."""

    model: Module
    examples: Examples
    loss: str
    loss_function: LossFunction

    @property
    def classes(self) -> list[Label] | None:
        """The label that each output stands for; None where the targets are numbers."""
        return self.examples.targets.classes

    def __len__(self) -> int:
        return len(self.examples)

    def target(self, place: int) -> Any:
        return self.examples.target(place)

    def outputs(self, place: int) -> list[float]:
        return self.outputs_for(self.examples.row(place))

    @noise_from(no_noise)
    def outputs_for(self, x: list[float]) -> list[float]:
        return output_numbers(self.model(x))

    @noise_from(no_noise)
    def example_loss(self, place: int) -> Value:
        return loss_of(self.loss_function, self.model(self.examples.row(place)), self.target(place))

    def said(self, outputs: list[float]) -> Any:
        """The label that these outputs stand for, the answers to questions, or the number or numbers."""
        return predicted(self.classes, self.loss, outputs)

    def place_of_right(self, place: int) -> int:
        """The place of an example's right class among the classes."""
        return int(self.examples.targets.class_indices()[place])

    def right_answer(self, place: int) -> Any:
        """The label, answers, number or numbers that would be right."""
        if self.classes is None or self.examples.targets.kind == ANSWERS:
            return self.target(place)
        return self.classes[self.place_of_right(place)]

    def given(self, place: int) -> Any:
        """The target as ``fit`` takes it: a label, and else what the loss compares the outputs with."""
        return self.right_answer(place) if self.examples.targets.kind == CLASSES else self.target(place)

    def is_right(self, place: int, outputs: list[float]) -> bool:
        return self.examples.targets.is_right(outputs, place)

    def cost(self) -> float:
        return math.fsum(self.example_loss(place).data for place in range(len(self))) / len(self)

    def cost_and_gradient(self) -> tuple[float, list[float]]:
        """The cost and its derivative with respect to each parameter; the parameters keep the gradients."""
        self.model.zero_grad()
        losses = []
        for place in range(len(self)):
            loss = self.example_loss(place)
            loss.backward(1.0 / len(self))
            losses.append(loss.data)
        return math.fsum(losses) / len(self), [parameter.grad for parameter in self.model.parameters()]


@noise_from(no_noise)
def problem(model: Module, X: Any, y: Any, loss: Loss) -> Problem:
    """Check that model, examples and loss fit together, as for ``fit``; raises a ValueError or TypeError where not.

    Without a *loss* it is the one that the model was trained for, or ``"mse"``.
    """
    if not isinstance(model, Module):
        raise TypeError(f"model must be a Module such as an MLP, got {described(model)}")
    name, function = chosen_loss(loss, model.loss)
    return Problem(model, examples_by_name(model, X, y, name), name, function)


def names_of_inputs(given: Any, model: Module, X: Any = None, default: Any = None) -> Any:
    """The names *given*; else of the columns that the model was trained on, or of the frame *X*; else the *default*."""
    if given is not None:
        return given
    names = input_names(model) or [column_text(label) for label in column_labels(X)]
    return default if are_counted(names) else names


def classifying(model: Module, X: Any, y: Any, loss: Loss, what: str) -> tuple[Problem, list[Label]]:
    """A problem with classes, and the classes; a ValueError if the loss is one for numbers."""
    found = problem(model, X, y, loss)
    if found.classes is None:
        raise ValueError(
            f"{what} needs a model that tells classes apart, but {found.loss} is a loss for numbers; "
            'train with loss="cross_entropy" or "binary_cross_entropy", or name the loss here'
        )
    refuse_answers(found, what)
    return found, found.classes


def refuse_answers(found: Problem, what: str) -> None:
    """Raise a ValueError if the outputs answer several questions, of which none is a class."""
    if found.examples.targets.kind == ANSWERS:
        raise ValueError(
            f"{what} needs a model that says one class, but this one answers {len(found.outputs(0))} questions; give a "
            "model of one question, or network(model, x, target), which shows all answers"
        )


def loss_of(function: LossFunction, outputs: Value | list[Value], target: Any) -> Value:
    """The loss of one example: see ``as_loss``."""
    values = output_values(outputs)
    return as_loss(function(values, target), lambda _: [function(values, target)])


def answers(loss: str, outputs: list[float]) -> list[float]:
    """What outputs say under that loss: probabilities where they are logits, else the outputs themselves."""
    if loss == "binary_cross_entropy":
        return [sigmoid(output) for output in outputs]
    if loss == "cross_entropy":
        return list(softmax(outputs))
    return outputs
