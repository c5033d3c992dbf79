"""Calls of softmax, logsumexp, mean and dot, found in a graph by its structure: nodes keep no mark of their function.

A sum of products that was written by hand is a dot product, too. Sums of few terms are left as they are, and so is what
would hide a node with a label.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from engine.drawing.flat_graph import FlatGraph
from engine.functions import logsumexp, mean, softmax
from engine.operations import ADD, DETACH, DIV, LOG, MUL, PLAIN, Operation
from engine.value import Value

FUNCTIONS = ("softmax", "logsumexp", "mean", "dot")
_FEWEST_TERMS = 4  # of a mean or a dot product; fewer are easily read, and mostly written by hand


class Call(NamedTuple):
    """The nodes that a call of a *function* made, and those among them that it returned; all by index."""

    function: str
    members: list[int]
    outputs: list[int]
    n_inputs: int


def find_calls(graph: FlatGraph) -> list[Call]:
    """All calls in a graph. No node is in two of them, and only outputs are used outside of theirs."""
    finder = _Finder(graph)
    calls: list[Call] = []
    claimed: set[int] = set()
    for call in chain(finder.softmaxes(), finder.logsumexps(), finder.means()):
        hidden = set(call.members).difference(call.outputs) if call else ()
        if call and claimed.isdisjoint(call.members) and not any(graph.nodes[index].label for index in hidden):
            claimed.update(call.members)
            calls.append(call)
    return [*calls, *finder.dots(claimed)]


class _Finder:
    """Looks for what each function makes of as many inputs, each in time proportional to the graph's size."""

    def __init__(self, graph: FlatGraph) -> None:
        self.graph, self.operands = graph, graph.operands
        self.operations = [node.operation for node in graph.nodes]
        self.n_uses = Counter(chain.from_iterable(graph.operands))

    def softmaxes(self) -> Iterator[Call | None]:
        """Quotients by a sum, of which all numerators are terms."""
        quotients: defaultdict[int, list[int]] = defaultdict(list)
        for index in self._all(DIV):
            quotients[self.operands[index][1]].append(index)
        for total, outputs in quotients.items():
            places = {term: place for place, term in enumerate(self._terms(total))}
            terms = [self.operands[output][0] for output in outputs]
            if len(places) > 1 and places.keys() >= set(terms):
                shares = softmax(inputs := _leaves(len(places)))
                yield self._call("softmax", inputs, [shares[places[term]] for term in terms], outputs)

    def logsumexps(self) -> Iterator[Call | None]:
        """A constant plus the logarithm of a sum."""
        for index in self._all(ADD):
            shift, log = self.operands[index]
            if self.operations[shift] is DETACH and self.operations[log] is LOG:
                inputs = _leaves(len(self._terms(self.operands[log][0])))
                if len(inputs) > 1:
                    yield self._call("logsumexp", inputs, [logsumexp(inputs)], [index])

    def means(self) -> Iterator[Call | None]:
        """A sum over the count of its terms, or of its last ones."""
        for index in self._all(DIV):
            total, count = self.operands[index]
            n = self.graph.nodes[count].data
            if self.operations[count] is PLAIN and _FEWEST_TERMS <= n <= len(self._terms(total)):
                inputs = _leaves(int(n))
                yield self._call("mean", inputs, [mean(inputs)], [index])

    def _terms(self, total: int) -> list[int]:
        terms, node = list[int](), total
        while self.operations[node] is ADD and (node == total or self.n_uses[node] == 1):
            node, term = self.operands[node]
            terms.append(term)
        return [node, *reversed(terms)]

    def _call(self, function: str, inputs: list[Value], results: list[Any], outputs: list[int]) -> Call | None:
        """The call that gave the *outputs*, if they are made as the function makes *results* of *inputs*."""
        at = dict(zip(results, outputs))  # where each node of the function's graph is in this one
        uses, nodes, given = Counter[Value](), list(at), set(inputs)
        for node in nodes:  # the list grows meanwhile
            index = at[node]
            if self.operations[index] is not node.operation:
                return None
            if node.operation is PLAIN and not (
                self.graph.inlined[index] and self.graph.nodes[index].data == node.data
            ):
                return None
            for operand, here in zip(node.operands, self.operands[index]):
                uses[operand] += 1
                if operand not in given and operand not in at:
                    nodes.append(operand)
                if at.setdefault(operand, here) != here:
                    return None
        inner = nodes[len(set(results)) :]
        if any(self.n_uses[at[node]] != uses[node] for node in inner):
            return None
        return Call(function, sorted(at[node] for node in nodes), outputs, len(inputs))

    def dots(self, claimed: set[int]) -> Iterator[Call]:
        """A sum from the left of products; as long as it goes on."""
        n_terms = [0] * len(self.operands)  # of the dot product that ends with a node; a product is one of one term
        longer: set[int] = set()  # those that are the start of another
        for index, operands in enumerate(self.operands):
            if self.operations[index] is MUL:
                n_terms[index] = 1
            elif self.operations[index] is ADD and index not in claimed:
                start, product = operands
                are_inner = all(self.n_uses[each] == 1 and not self.graph.nodes[each].label for each in operands)
                if n_terms[start] and self.operations[product] is MUL and are_inner:
                    n_terms[index] = n_terms[start] + 1
                    longer.add(start)
        for index, n in enumerate(n_terms):
            if n >= _FEWEST_TERMS and index not in longer:
                members, node = [index], index
                for _ in range(n - 1):
                    members += self.operands[node]
                    node = self.operands[node][0]
                yield Call("dot", sorted(members), [index], 2 * n)

    def _all(self, operation: Operation) -> list[int]:
        return [index for index, other in enumerate(self.operations) if other is operation]


def _leaves(n: int) -> list[Value]:
    return [Value(0.0) for _ in range(n)]
