"""A recorded graph as an ES module that imports nothing: its numbers and its gradient, from the one table."""

import json
from collections.abc import Sequence

from engine.compiler.statements import Statements, block_comment, harmless
from engine.compiler.trace import Record
from engine.domains import refuses
from engine.expressions.javascript import functions_of, in_functions, javascript, javascript_number, refusals_of
from engine.validation import plain_label

_COMMENT = """A graph of {n_computed:,} operations, for one example. Written by gradstep.

    import {{ values, gradient, weights }} from "./{file}";

values(x, w) returns the outputs y; gradient(x, w) returns {{ y, dx, dw }}, the outputs and the derivatives of
y[{output}] with respect to x and w. Where an operation refuses its operands both throw a RangeError that says so.

x, w and y are arrays of {n_inputs}, {n_parameters} and {n_outputs} numbers. Without w the parameters are weights.
"""
_MODULE = """export const weights = new Float64Array([{weights}]);

const v = new Float64Array({n_computed});
const g = new Float64Array({n_gradients});
{helpers}
/** Throw an error unless these are so many numbers. */
function check(name, numbers, length) {{
  const n = numbers?.length;
  if (n !== length) throw new RangeError(`${{name}} must be ${{length}} numbers, got ${{n}}`);
  for (const number of numbers) {{
    if (typeof number !== "number") throw new TypeError(`${{name}} must be numbers, got ${{typeof number}}`);
  }}
}}
{parts}
export function values(x, w = weights) {{
  check("x", x, {n_inputs});
  check("w", w, {n_parameters});
{forward}  return new Float64Array([{outputs}]);
}}

export function gradient(x, w = weights) {{
  const y = values(x, w);
  const [dx, dw] = [new Float64Array({n_inputs}), new Float64Array({n_parameters})];
{backward}  return {{ y, dx, dw }};
}}
"""
_REFUSE = """
/** Throw the engine's error where an operation refuses its operands; what is refused has no finite result. */
function refuse(key, y, numbers, names) {
  const words = refusalOf(OPERATIONS[key], y, numbers, names);
  if (words) throw new RangeError(words);
}
"""


def javascript_module(
    record: Record, weights: Sequence[float], labels: Sequence[str], file: str, output: int = 0, comment: str = ""
) -> str:
    """An ES module that computes a graph and the gradient of one *output*, for one example; it imports nothing.

    The arguments are those of ``c_text``; *file* is the module's name. Labels are for errors, too.
    """
    statements = Statements(record, "JavaScript", javascript, javascript_number)
    forward, calls = in_functions("forward", "x, w", _forward(statements, labels))
    backward_parts, backward_calls = in_functions("backward", "x, w, dx, dw", list(statements.backward(output)))
    keys = sorted({key for key in statements.keys if refuses(key)})
    rows = "".join(f"  {json.dumps(key)}: {{ {refusals_of(key)} }},\n" for key in keys)
    parts = (f"\nconst OPERATIONS = {{\n{rows}}};\n{_REFUSE}" if keys else "") + forward + backward_parts
    sizes = {
        "n_inputs": record.n_inputs,
        "n_parameters": record.n_parameters,
        "n_outputs": len(record.outputs),
        "n_computed": statements.n_computed,
        "n_gradients": statements.n_gradients,
    }
    helpers = functions_of(parts)
    module = _MODULE.format(
        **sizes,
        weights="".join(f"\n  {javascript_number(number)}," for number in weights) + "\n" * bool(weights),
        helpers=f"\n{helpers}\n" if helpers else "",
        parts=parts,
        forward=calls,
        backward=backward_calls,
        outputs=", ".join(statements.names[place] for place in record.outputs),
    )
    told = _COMMENT.format(**sizes, output=output, file=harmless(file)).splitlines()
    words = [*comment.splitlines(), *statements.labelled(labels)]
    return f"{block_comment(told, words)}\n{module}"


def _forward(statements: Statements, labels: Sequence[str]) -> list[str]:
    """A statement for each node, and a call of ``refuse`` where its operation may refuse operands."""
    names, found = statements.names, list[str]()
    for place, statement in statements.forward():
        key, operands = statements.keys[place], statements.operands[place]
        found.append(statement)
        if refuses(key):
            numbers = ", ".join(names[i] for i in operands)
            words = json.dumps([plain_label(labels[i]) if i < len(labels) else "" for i in operands])
            call = f"refuse({json.dumps(key)}, {names[place]}, [{numbers}], {words})"
            found.append(f"if (!Number.isFinite({names[place]})) {call};")
    return found
