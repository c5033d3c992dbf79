"""Calls of softmax, logsumexp, mean and dot, found in a graph by its structure: nodes keep no mark of their function.

A sum of products that was written by hand is a dot product, too. Sums of few terms are left as they are, and so is what
would hide a node with a label.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from engine.drawing.flat_graph import FlatGraph
from engine.operations import ADD, DETACH, DIV, EXP, LOG, MAXIMUM, MINUS, MUL, PLAIN, SUB, Operation

FUNCTIONS = ("softmax", "logsumexp", "mean", "dot")
_FEWEST_TERMS = 4  # of a mean or a dot product; fewer are easily read, and mostly written by hand


class Call(NamedTuple):
    """The nodes that a call of a *function* made, and those among them that it returned; all by index."""

    function: str
    members: list[int]
    outputs: list[int]
    n_inputs: int


class _Exponentials(NamedTuple):
    """A sum of exp(x - shift), the shift being the largest x: its terms, and all its nodes."""

    shift: int
    terms: list[int]
    members: list[int]


def find_calls(graph: FlatGraph) -> list[Call]:
    """All calls in a graph. No node is in two of them, and only outputs are used outside of theirs."""
    finder = _Finder(graph)
    calls: list[Call] = []
    claimed: set[int] = set()
    for find in (finder.softmaxes, finder.logsumexps, finder.means):
        for call in find():
            if claimed.isdisjoint(call.members) and not finder.hides_label(call):
                claimed.update(call.members)
                calls.append(call)
    return [*calls, *finder.dots(claimed)]


class _Finder:
    """Looks for the functions one by one, each in time proportional to the graph's size."""

    def __init__(self, graph: FlatGraph) -> None:
        self.graph, self.operands = graph, graph.operands
        self.operations = [node.operation for node in graph.nodes]
        self.n_uses = Counter(chain.from_iterable(graph.operands))

    def softmaxes(self) -> Iterator[Call]:
        """exp(x - shift) / total, for one or more of the terms of the total."""
        quotients: defaultdict[int, list[int]] = defaultdict(list)
        for index in self._all(DIV):
            quotients[self.operands[index][1]].append(index)
        for total, outputs in quotients.items():
            found = self._exponentials(total, SUB, len(outputs))
            if found is None or self.n_uses[found.shift] != len(found.terms):
                continue
            divided = Counter(self.operands[output][0] for output in outputs)
            uses = [self.n_uses[term] - 1 for term in found.terms]
            if [divided[term] for term in found.terms] == uses and sum(uses) == len(outputs):
                yield Call("softmax", sorted([*found.members, *outputs]), outputs, len(found.terms))

    def logsumexps(self) -> Iterator[Call]:
        """shift + log(total)."""
        for index in self._all(ADD):
            shift, log = self.operands[index]
            if self.operations[shift] is not DETACH or not self._is_inner(log, LOG):
                continue
            found = self._exponentials(self.operands[log][0], MINUS, 1)
            if found is None or found.shift != shift or self.n_uses[shift] != len(found.terms) + 1:
                continue
            if all(self.n_uses[term] == 1 for term in found.terms):
                yield Call("logsumexp", sorted([*found.members, log, index]), [index], len(found.terms))

    def means(self) -> Iterator[Call]:
        """A sum from the left over the count of its terms."""
        for index in self._all(DIV):
            total, count = self.operands[index]
            if self.operations[count] is not PLAIN or not self.graph.inlined[count]:
                continue
            n = self.graph.nodes[count].data
            sums: list[int] = []
            while len(sums) < n - 1 and self._is_inner(total, ADD):
                sums.append(total)
                total = self.operands[total][0]
            if n >= _FEWEST_TERMS and len(sums) == n - 1:
                yield Call("mean", sorted([*sums, count, index]), [index], len(sums) + 1)

    def dots(self, claimed: set[int]) -> Iterator[Call]:
        """A sum from the left of products; as long as it goes on."""
        n_terms = [0] * len(self.operands)  # of the dot product that ends with a node; a product is one of one term
        longer: set[int] = set()  # those that are the start of another
        for index, operands in enumerate(self.operands):
            if self.operations[index] is MUL:
                n_terms[index] = 1
            elif self.operations[index] is ADD and index not in claimed:
                start, product = operands
                is_unlabelled = not (self._has_label(start) or self._has_label(product))
                if n_terms[start] and self._is_inner(product, MUL) and self.n_uses[start] == 1 and is_unlabelled:
                    n_terms[index] = n_terms[start] + 1
                    longer.add(start)
        for index, n in enumerate(n_terms):
            if n >= _FEWEST_TERMS and index not in longer:
                members, node = [index], index
                for _ in range(n - 1):
                    members += self.operands[node]
                    node = self.operands[node][0]
                yield Call("dot", sorted(members), [index], 2 * n)

    def hides_label(self, call: Call) -> bool:
        """Whether a node with a label is inside of a call, and would not be shown."""
        return any(map(self._has_label, set(call.members).difference(call.outputs)))

    def _has_label(self, index: int) -> bool:
        return bool(self.graph.nodes[index].label)

    def _all(self, operation: Operation) -> list[int]:
        return [index for index, other in enumerate(self.operations) if other is operation]

    def _is_inner(self, index: int, operation: Operation) -> bool:
        """Whether a node is of that *operation*, and used once."""
        return self.operations[index] is operation and self.n_uses[index] == 1

    def _exponentials(self, total: int, minus: Operation, n_uses: int) -> _Exponentials | None:
        """The sum of two or more exp(x - shift) that *total* is, used so often; the uses of terms are not looked at."""
        if self.n_uses[total] != n_uses:
            return None
        terms: list[int] = []
        members: list[int] = []
        node = total
        while self.operations[node] is ADD and (node == total or self.n_uses[node] == 1):
            members.append(node)
            node, term = self.operands[node]
            terms.append(term)
        terms.append(node)
        if len(terms) < 2 or any(self.operations[term] is not EXP for term in terms):
            return None
        differences = [self.operands[term][0] for term in terms]
        if not all(self._is_inner(difference, minus) for difference in differences):
            return None
        shifts = {self.operands[difference][1] for difference in differences}
        shift = shifts.pop()
        if shifts or self.operations[shift] is not DETACH:
            return None
        maxima = self._maxima(shift, [self.operands[difference][0] for difference in differences])
        return None if maxima is None else _Exponentials(shift, terms, [*members, *terms, *differences, *maxima, shift])

    def _maxima(self, shift: int, numbers: list[int]) -> list[int] | None:
        """The nodes that find the largest of the *numbers*, which stand from the last to the first."""
        maxima: list[int] = []
        (node,) = self.operands[shift]
        for number in numbers[:-1]:
            if not self._is_inner(node, MAXIMUM) or self.operands[node][1] != number:
                return None
            maxima.append(node)
            node = self.operands[node][0]
        return maxima if node == numbers[-1] else None
