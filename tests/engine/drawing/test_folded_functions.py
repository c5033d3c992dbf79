"""What a folded function would hide is kept out of the fold, and derivatives are written along it."""

import pytest
from svg import box_with, boxes, edges, texts

from engine import Value, dot, draw, logsumexp, mean, softmax
from engine.drawing.flat_graph import flatten
from engine.drawing.function_calls import find_calls
from engine.expressions.nodes import format_number
from nn import MLP


def leaves(*numbers: float) -> list[Value]:
    return [Value(number, label=f"x{i}") for i, number in enumerate(numbers)]


def functions_in(root: Value) -> list[tuple[str, set[int]]]:
    """The functions that are found, and their nodes."""
    return [(call.function, set(call.members)) for call in find_calls(flatten(root, {}))]


# ------------------------------------------------------------------------------------------------- labels in functions


@pytest.mark.parametrize("where", ["first sum", "last sum but one", "first product", "last product"])
def test_a_label_within_a_dot_product_is_shown(where):
    x = leaves(*range(1, 11))
    products = [x[i] * x[i + 1] for i in range(0, 10, 2)]
    sums = [products[0]]
    for product in products[1:]:
        sums.append(sums[-1] + product)
    inner = {
        "first sum": sums[1],
        "last sum but one": sums[3],
        "first product": products[0],
        "last product": products[4],
    }
    assert functions_in(sums[-1])[0][0] == "dot"
    inner[where].label = "part"
    picture = draw(sums[-1]).pipe("svg")
    assert "part" in texts(picture)
    assert "data" in box_with(picture, "part").texts
    is_dot_itself = where == "last sum but one"  # of four products
    assert [name for name, _ in functions_in(sums[-1])] == (["dot"] if is_dot_itself or where == "last product" else [])


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("kind", [softmax, logsumexp, mean])
def test_a_label_within_another_function_is_shown(kind, place):
    x = leaves(0.1, 0.2, 0.3, 0.4)
    root = kind(x)[0].log() if kind is softmax else kind(x) * 2.0
    ((_, members),) = functions_in(root)
    graph = flatten(root, {})
    outputs = {operand for index, operands in enumerate(graph.operands) if index not in members for operand in operands}
    inner = sorted(index for index in members - outputs if not graph.inlined[index])
    graph.nodes[inner[place * (len(inner) - 1) // 2]].label = "part"
    assert functions_in(root) == []
    assert "part" in texts(draw(root).pipe("svg"))


def test_the_label_of_a_result_leaves_its_function_folded():
    x = leaves(0.1, 0.2, 0.3, 0.4)
    middle = mean(x)
    middle.label = "middle"
    assert "mean" in box_with(draw(middle * 2.0).pipe("svg"), "middle").texts


# ------------------------------------------------------------------------------------- derivatives along folded boxes


def factors(root: Value, **options: object) -> dict[str, str]:
    """What stands beside each arrow, by what the boxes at its ends are called."""
    picture = draw(root, derivatives=True, **options).pipe("svg")
    names = {node: box.texts[0] for node, box in boxes(picture).items()}
    return {
        " ".join(names[end] for end in arrow.split("->")): " ".join(words).replace("−", "-")
        for arrow, words, _ in edges(picture)
    }


def shown(number: float) -> str:
    return f"× {format_number(number, 4)}"


@pytest.mark.parametrize("kind", [softmax, logsumexp, mean, dot])
def test_the_derivative_of_a_folded_function_is_beside_each_operand(kind):
    x = leaves(0.1, -0.2, 0.5, 0.9)
    result = kind(x)[1] if kind is softmax else kind(x, x[::-1]) if kind is dot else kind(x)
    result.label = "result"
    root = result**3
    found = factors(root)
    assert found["result L"] == shown(3 * result.data**2)
    result.backward()
    for leaf in x:
        assert found[f"{leaf.label} result"] == shown(leaf.grad)


def test_the_product_along_a_folded_network_with_one_output():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    x = leaves(0.5, -1.0)
    output = model(x)
    loss = (output - 1.0) ** 2
    found = factors(loss, names={"model": model}, depth=0)
    output.backward()
    for leaf in x:
        assert found[f"{leaf.label} model"] == shown(leaf.grad)


def test_a_folded_box_with_several_outputs_has_names_and_what_comes_after_its_factor():
    x = leaves(0.1, 0.2, 0.3)
    p = softmax(x)
    for share, name in zip(p, "abc"):
        share.label = name
    found = factors(p[0] * 2.0 + p[1] * p[1] + p[2])
    assert all(found[f"{leaf.label} softmax"] == "" for leaf in x)
    assert {words for arrow, words in found.items() if arrow.startswith("softmax ")} >= {
        "a × 2",
        f"b {shown(2 * p[1].data)}",
        "c × 1",
    }


def test_without_derivatives_there_is_nothing_beside_arrows_of_folded_boxes():
    picture = draw(mean(leaves(0.1, 0.2, 0.3, 0.4)) * 2.0).pipe("svg")
    assert all(not words for _, words, _ in edges(picture))
