"""Seventh pass: the chain rule, group by group from the last to the first, as instructions."""

from dataclasses import replace

import numpy as np

from engine.compiler.adjoints import Gradients, moderate
from engine.compiler.ir import ONE, Indexes, MatMul, Total, View, equal, is_repeated, some
from engine.compiler.ir_builder import Emitter, Scaled
from engine.compiler.memory_layout import Placed, find_products
from engine.compiler.vectorize import INPUTS, SUM, UNIFORM, Column, Factors, Group, Part, matrix


def leading_to(graph: Placed, output: int) -> list[Group]:
    """The groups with only those nodes that *output* is made of: zeros times the infinities of others are no zeros."""
    if set(graph.record.outputs) == {output}:
        return graph.groups  # all else was left out before
    leads = np.frombuffer(graph.record.leading_to([output]), np.bool_)
    groups = []
    for group in graph.groups:
        if some(leads, group.nodes):
            leading = leads[group.nodes]
            if not leading.all():
                group = replace(group)  # noqa: PLW2901 - the group itself belongs to the graph
                group.reordered(np.flatnonzero(leading))
                find_products(group, graph.spaces)
            groups.append(group)
    return groups


class Backward:
    """Writes the backward pass from one output, whose gradient is there when it starts, to the wanted leaves.

    *careful* instructions hand nothing on where a gradient or a local derivative is exactly 0, as Values do. The others
    are faster, and give NaN there beside infinity or NaN.
    """

    def __init__(self, emitter: Emitter, output: int, wanted: Indexes, careful: bool = False) -> None:
        self.emitter = emitter
        self.careful = careful
        self.graph = emitter.graph
        self.needs = np.frombuffer(self.graph.record.made_of(wanted.tolist(), "detach"), np.bool_)
        """Which nodes hand gradients on to the wanted ones."""
        self.gradients = Gradients(emitter, output)
        for group in reversed(leading_to(self.graph, output)):
            self.emit(group)
        for space in (INPUTS, UNIFORM):
            here = [place for place in wanted.tolist() if self.graph.spaces[place] == space]
            self.gradients.settle(np.array(here, dtype=np.int64))

    def emit(self, group: Group) -> None:
        """The instructions that carry the gradients of one group to its operands."""
        if not (some(self.needs, group.nodes) and self.gradients.any(group.nodes)):
            return
        self.emitter.fresh_scratch()
        gradient = self.gradients.of(group.nodes)
        if group.op == SUM:
            self.emit_sum(group, gradient)
            return
        operands = [self.emitter.read(group.nodes), *[self.operand(places) for places in group.operands]]
        for which, places in enumerate(group.operands):
            if some(self.needs, places):
                local = self.emitter.rule(group.op, which, operands)
                if isinstance(local, Scaled):
                    self.add_product(places, gradient, local)
                elif local != 0.0:
                    self.add_gradient(places, Scaled(gradient.view, gradient.number * local))

    def operand(self, places: Column) -> View | float:
        """An operand as the rules take it: a constant as a number."""
        number = self.emitter.constant(places)
        return self.emitter.read(places) if number is None else number

    def emit_sum(self, group: Group, gradient: Scaled) -> None:
        factors = [part.factors if part.k > 1 else None for part in group.parts]
        if any(factors):
            gradient = Scaled(self.emitter.keep(self.emitter.numbers(gradient)))  # fewer numbers than products have
        for part, found in zip(group.parts, factors):
            left_needs = some(self.needs, part.left)
            right_needs = part.right is not None and some(self.needs, part.right)
            if left_needs or right_needs:
                own = gradient
                if own.view.per_example and not part.per_example:
                    own = self.over_examples(own)
                if not part.positive:
                    own = Scaled(own.view, -own.number)
                if found is None:
                    self.emit_part(part, own, left_needs, right_needs)
                else:
                    self.emit_products(found, self.emitter.numbers(own), left_needs, right_needs)

    def emit_part(self, part: Part, gradient: Scaled, left_needs: bool, right_needs: bool) -> None:
        """One block of a group of sums: single terms, or products number by number."""
        left: Column
        right: Column | None
        if part.k == 1:
            ((left, right),) = part.terms()
        else:
            left, right = matrix(part.left), None if part.right is None else matrix(part.right)
            view = gradient.view
            spread = View(view.memory, view.start, left.shape, (view.strides[0], 0))
            gradient = Scaled(spread, gradient.number, gradient.inverse)
        if right is None:
            self.add_gradient(left, gradient)
        elif equal(left, right):  # squares
            twice = Scaled(gradient.view, 2.0 * gradient.number)
            self.add_product(left, twice, Scaled(self.emitter.read(left)))
        else:
            for places, other, needs in ((left, right, left_needs), (right, left, right_needs)):
                if needs:
                    factor = self.operand(other)
                    if isinstance(factor, View):
                        self.add_product(places, gradient, Scaled(factor))
                    else:
                        self.add_gradient(places, Scaled(gradient.view, gradient.number * factor))

    def emit_products(self, factors: Factors, gradient: View, left_needs: bool, right_needs: bool) -> None:
        """One block of a group of sums that is a matrix product."""
        m, n, k = len(factors.right), len(factors.left), factors.left.shape[1]
        step = gradient.strides[0]  # 1, but where only some of a group lead to the output
        shaped = View(gradient.memory, gradient.start, (m, n), (n * step, step))
        if left_needs:
            out = self.emitter.scratch((n, k), False)
            vectors = self.emitter.read(factors.right, axes=1)
            self.emitter.add(MatMul(self.kind("to weights"), out, shaped, vectors))
            self.add_gradient(factors.left, Scaled(out))
        if right_needs:
            weights = self.emitter.read(factors.left, axes=2)
            out = self.emitter.scratch((m, k), gradient.per_example)
            self.emitter.add(MatMul(self.kind("to vectors"), out, weights, shaped))
            self.add_gradient(factors.right, Scaled(out))

    def kind(self, kind: str) -> str:
        return f"{kind}, careful" if self.careful else kind

    def add_product(self, places: Column, gradient: Scaled, local: Scaled) -> None:
        """Add a product to the gradients of these nodes, written straight where the first belongs."""
        single = isinstance(places, int) and self.graph.spaces[places] == UNIFORM
        out = self.gradients.empty(places)
        if self.careful:
            sides = self.emitter.numbers(gradient), self.emitter.numbers(local)
            value = Scaled(self.emitter.map("times", sides, out))
        elif single and gradient.view.per_example and local.view.per_example and not local.inverse:
            dot = self.emitter.scratch(ONE, False)
            self.emitter.add(MatMul("dot", dot, gradient.view, local.view))
            value = Scaled(dot, gradient.number * local.number)
        else:
            function = "divide" if local.inverse else "multiply"
            product = self.emitter.map(function, (gradient.view, local.view), out)
            value = moderate(self.emitter, Scaled(product, gradient.number * local.number), out)
        if out is None:
            self.add_gradient(places, value)
        else:
            self.gradients.stand(places, value)

    def over_examples(self, value: Scaled) -> Scaled:
        out = self.emitter.scratch(value.view.shape, False)
        self.emitter.add(Total(out, value.view, over_examples=True))
        return Scaled(out, value.number)

    def add_gradient(self, places: Column, value: Scaled) -> None:
        """Add *value*, of the shape of *places*, to the gradients of these nodes."""
        if value.view.per_example and self.emitter.space_of(places) == UNIFORM:
            value = self.over_examples(value)
        if not isinstance(places, int):
            places, value = self.of_different(places, value)
        self.gradients.accumulate(places, value)

    def of_different(self, places: Indexes, value: Scaled) -> tuple[Column, Scaled]:
        """The nodes, each once where they are all the same or the same in every row or column, and their sums."""
        view, number = value.view, value.number
        if places.ndim == 2 and len(places) > 1 and is_repeated(places):  # the same nodes in every row
            turned = View(view.memory, view.start, view.shape[::-1], view.strides[::-1])
            places, view = places[0], self.emitter.total(turned)
        elif places.ndim == 2 and places.shape[1] > 1 and is_repeated(places.T):
            places, view = places[:, 0], self.emitter.total(view)
        if places.ndim == 1 and is_repeated(places):
            if len(places) > 1:
                view = self.emitter.total(View(view.memory, view.start, (1, *view.shape), (0, *view.strides)))
            return places.item(0), Scaled(view, number)
        return places, Scaled(view, number)
