"""What is added to the C code that mypyc makes of the engine, before a compiler sees it.

Things that mypyc 2.4 has no option for:

* docstrings: it writes only the signatures of functions and methods into their tables;
* memory: a Value that CPython's cyclic garbage collector knows of is visited again and again while a graph grows,
  which was half the time of a large graph. Values need no collector: operands are fixed when a node is made and always
  older than it, and its other parts are strings and numbers, so that they cannot form a cycle. They are taken out of
  its hands, and get and give back their memory by node_memory.c;
* attributes of a user's own on a Value: their dict has the place of the table of virtual methods, of which it has none;
* refusals: deleting a property, or calling the method in which mypyc makes an object, would crash Python;
* levels of optimization: at gcc's third one the compiler's passes take 16 s more to install and run as fast.

Every replacement must match exactly once; a mypyc that writes other code is an error here, not a surprise at run time.
"""

import ast
import inspect
import re
from pathlib import Path

_MEMORY = Path(__file__).with_name("node_memory.c")
_FIELDS = {"a", "b", "da", "db", "grad", "label", "mark", "number", "operation"}
_MADE_AT_ONCE = {  # functions of value.py that do the same in one step of node_memory.c, without a constructor's checks
    "_node": "watched(new_node(cpy_r_operation, cpy_r_data, cpy_r_a, cpy_r_da, cpy_r_b,"
    " cpy_r___bitmap & 1 ? cpy_r_db : 0.0))",
    "_plain": "new_node(CPyStatic_operations___PLAIN, cpy_r_number, Py_None, 0.0, Py_None, 0.0)",
}


def improved(c_code: str, sources: dict[str, str]) -> str:
    """The C code with docstrings, refusals, and with Values outside the garbage collector.

    Args:
        c_code: what mypyc wrote for the whole group of modules.
        sources: the Python source of each module, by its last name, such as ``"value"``.
    """
    flush_left = re.sub(r"(?m)^[ \t]+", "", c_code)  # its indentation grows from class to class and means nothing
    changed = with_own_memory(with_refusals(with_docstrings(flush_left, sources), sources))
    return with_quick_passes(changed, min(sources))


def with_quick_passes(c_code: str, after: str) -> str:
    """The passes of engine.compiler are optimized at gcc's first level; they end where the module *after* begins."""
    functions = list(re.finditer(r"(?m)^\w[\w *]*\bCPyDef_(\w+?)___\w+\([^;]*?\) \{$", c_code))
    modules = [function.group(1) for function in functions]
    if after not in modules[1:]:
        raise ValueError(f"the functions of {after} were not found after others in the generated C code")
    start, end = functions[0].start(), functions[modules.index(after)].start()
    only_gcc = "#if defined(__GNUC__) && !defined(__clang__)\n{}#endif\n"
    begin = only_gcc.format('#pragma GCC push_options\n#pragma GCC optimize ("O1")\n')
    finish = only_gcc.format("#pragma GCC pop_options\n")
    return c_code[:start] + begin + c_code[start:end] + finish + c_code[end:]


def with_own_memory(c_code: str) -> str:
    """Values are allocated and freed by node_memory.c, and unknown to the cyclic collector; so are their bases."""
    clear = _only(r"(?ms)^static int32_t CPyDef_\w*Value_clear\(PyObject \*cpy_r_self\)$.*?^return 0;", c_code).group()
    setup = _only(r"(?ms)^PyObject \*CPyDef_\w*__Value_setup\(PyObject \*cpy_r_type\)$.*?\)self;$", c_code).group()
    found = set(re.findall(r"self->__(\w+)", clear + setup))
    if found != _FIELDS:
        raise ValueError(
            f"node_memory.c knows of {', '.join(sorted(_FIELDS))}, and a Value has {', '.join(sorted(found))}"
        )
    for cls in ("Node", "Provenance", "Value"):
        struct, name = _only(rf"^(\w*___{cls})_dealloc\((\w+) \*self\)$", c_code).group(2, 1)
        c_code = _replaced(
            rf"(?ms)^({name}_dealloc\(\w+ \*self\)\n)\{{.*?^\}}\n",
            lambda m: f"{m.group(1)}{{\n    deallocate_node((NODE *)self);\n}}\n",
            c_code,
        )
        c_code = _replaced(
            rf"self = \({struct} \*\)type->tp_alloc\(type, 0\);\n",
            lambda m, struct=struct: f"self = ({struct} *)allocate_node(type);\n",
            c_code,
        )
        template = _only(rf"(?ms)^static PyTypeObject CPyType_{name}_template_ = \{{.*?^\}};", c_code).group()
        plain = re.sub(r"(?m)^\.tp_(traverse|clear) = .*\n", "", template).replace(" | Py_TPFLAGS_HAVE_GC", "")
        if plain.count("\n") != template.count("\n") - 2 or "HAVE_GC" in plain:
            raise ValueError(f"the type object of {cls} is not as expected")
        dict_in_vtable = f".tp_dictoffset = offsetof({struct}, vtable),\n}};"
        c_code = c_code.replace(template, plain.removesuffix("};") + dict_in_vtable)
        c_code = _replaced(rf"self->vtable = {name}_vtable;\n", lambda m: "", c_code)
        if re.search(rf"CPY_GET_METHOD\w*\(\w+, CPyType_{name},", c_code):
            raise ValueError(f"{cls} has virtual methods")
    c_code = _replaced(
        rf"PyGetSetDef {name}_getseters\[\] = \{{\n",
        lambda m: m.group() + '{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},\n',
        c_code,
    )
    for function, call in _MADE_AT_ONCE.items():
        c_code = _replaced(
            rf"(?ms)^(PyObject \*CPyDef_value___{function}\([^)]*\) )\{{\n.*?^\}}\n\n",
            lambda m, call=call: f"{m.group(1)}{{\n    return {call};\n}}\n\n",
            c_code,
        )
    c_code = _replaced(
        r"(?m)^PyObject \*CPyDef_value___Value____attributes\(PyObject \*cpy_r_self\) \{\n",
        lambda m: m.group() + "if (((NODE *)cpy_r_self)->vtable == NULL) Py_RETURN_NONE;\n",
        c_code,
    )
    # No instance of a subclass can exist, so that the operators need not ask for one.
    c_code = re.sub(rf"PyObject_IsInstance\((\w+), \(PyObject \*\)(CPyType_{name})\)", r"(Py_TYPE(\1) == \2)", c_code)
    last_include = list(re.finditer(r"(?m)^#include .*\n", c_code))[-1].end()
    memory = f"\n#define NODE {struct}\n{_MEMORY.read_text(encoding='utf-8')}"
    return c_code[:last_include] + memory + c_code[last_include:]


def with_refusals(c_code: str, sources: dict[str, str]) -> str:
    """No property can be deleted, nor assigned where it has no setter, and no object made without its constructor."""
    c_code = re.sub(r'\{"__internal_mypyc_setup", [^}]*\},\n', "", c_code)
    for module, source in sources.items():
        for cls in ast.parse(source).body:
            if isinstance(cls, ast.ClassDef):
                for name, has_setter in _properties(cls).items():
                    c_code = _refusing(c_code, rf"{module}___{cls.name}", name, has_setter)
    return c_code


def _properties(cls: ast.ClassDef) -> dict[str, bool]:
    """The properties of a class, and whether each has a setter."""
    found: dict[str, bool] = {}
    for member in cls.body:
        for decorator in getattr(member, "decorator_list", []):
            if isinstance(decorator, ast.Name) and decorator.id == "property":
                found[member.name] = False
            elif isinstance(decorator, ast.Attribute) and decorator.attr == "setter":
                found[member.name] = True
    return found


def _refusing(c_code: str, prefix: str, name: str, has_setter: bool) -> str:
    if has_setter:
        return _replaced(
            rf"{prefix}_set_{name}\(\w+ \*self, PyObject \*value, void \*closure\)\n\{{\n",
            lambda m: f'{m.group()}if (value == NULL) return refuse((PyObject *)self, NULL, "{name}");\n',
            c_code,
        )
    getter = rf'(\{{"{name}",\s*\(getter\){prefix}_get_{name},\s*)NULL(,[^}}]*?)NULL(\}})'
    return _replaced(getter, lambda m: f'{m.group(1)}(setter)refuse{m.group(2)}"{name}"{m.group(3)}', c_code)


def with_docstrings(c_code: str, sources: dict[str, str]) -> str:
    """Every docstring of the sources, put into the tables from which Python reads ``__doc__``."""
    for module, source in sources.items():
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.FunctionDef):
                c_code = _documented(c_code, rf"CPyPy_{module}___{statement.name}", statement)
            elif isinstance(statement, ast.ClassDef):
                c_code = _class_documented(c_code, module, statement)
    return c_code


def _class_documented(c_code: str, module: str, cls: ast.ClassDef) -> str:
    prefix = rf"(?:{module}___)?{cls.name}"
    c_code = _with_text(c_code, rf'\.tp_doc = PyDoc_STR\("{cls.name}\(.*?\)\\n--\\n\\n', cls)
    for member in cls.body:
        if not isinstance(member, ast.FunctionDef):
            continue
        decorators = [d.id for d in member.decorator_list if isinstance(d, ast.Name)]
        if "property" in decorators:
            getset = rf'(\{{"{member.name}",\s*\(getter\){prefix}_get_{member.name},[^}}]*?)NULL(, NULL\}})'
            text = _quoted(ast.get_docstring(member) or "")
            c_code = _replaced(getset, lambda m, text=text: f'{m.group(1)}PyDoc_STR("{text}"){m.group(2)}', c_code)
        elif not member.decorator_list:
            c_code = _documented(c_code, rf"CPyPy_{prefix}___{member.name}", member)
    return c_code


def _documented(c_code: str, symbol: str, definition: ast.FunctionDef) -> str:
    flags = r"[A-Z_| ]+"
    return _with_text(
        c_code, rf'\(PyCFunction\){symbol},\s*{flags}, PyDoc_STR\("{definition.name}\(.*?\)\\n--\\n\\n', definition
    )


def _with_text(c_code: str, pattern: str, definition: ast.FunctionDef | ast.ClassDef) -> str:
    text = ast.get_docstring(definition)
    if text is None:
        return c_code
    return _replaced(pattern, lambda m: m.group() + _quoted(inspect.cleandoc(text)), c_code)


def _quoted(text: str) -> str:
    """As the inside of a C string. Octal escapes end after three digits, so that nothing after them joins in."""
    plain = {ord(c) for c in map(chr, range(32, 127)) if c not in '"\\?'}
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode())


def _only(pattern: str, text: str) -> re.Match[str]:
    found = list(re.finditer(pattern, text, re.MULTILINE))
    if len(found) != 1:
        raise ValueError(f"{pattern}: found {len(found)} times in the generated C code, and expected once")
    return found[0]


def _replaced(pattern: str, replacement, text: str) -> str:
    match = _only(pattern, text)
    return text[: match.start()] + replacement(match) + text[match.end() :]
