"""The build's changes to generated C code. They stand in the checkout only, not in what is installed."""

import importlib.util
import shutil
import subprocess

import pytest
from checkout import ROOT

FILE = ROOT / "building" / "generated_c.py"
if not FILE.is_file():
    pytest.skip("these tests need the checkout", allow_module_level=True)
spec = importlib.util.spec_from_file_location("generated_c", FILE)
generated_c = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generated_c)

FUNCTION = (
    '{"twice", (PyCFunction)CPyPy_module___twice, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("twice(x)\\n--\\n\\n"), },\n'
)
TEXTS = [
    "plain",
    "quotes \" and '",
    "back\\slash \\n \\",
    "what??! trigraphs ??/ ??=",
    "a\nb\r\n\tc",
    "größer, 二, 🙂",
    "% %s {braces}",
    "digits after \x01" + "23",
    "\x7f",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_quoted_text_is_plain_ascii_on_one_line(text):
    quoted = generated_c._quoted(text)
    assert quoted.isascii()
    assert quoted.isprintable()
    assert '"' not in quoted
    assert "??" not in quoted


@pytest.mark.parametrize("text", TEXTS)
def test_quoted_text_reads_back(text):
    """C's octal escapes are Python's, where each has three digits."""
    quoted = generated_c._quoted(text)
    assert eval(f'b"{quoted}"').decode() == text


def test_a_compiler_reads_it_back(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    strings = "".join(f'"{generated_c._quoted(text)}", ' for text in TEXTS)
    code = f"#include <stdio.h>\nstatic const char *all[] = {{{strings}}};\n"
    code += "int main(void) { for (int i = 0; i < COUNT; i++) { fputs(all[i], stdout); putchar(0); } return 0; }"
    (tmp_path / "main.c").write_text(code.replace("COUNT", str(len(TEXTS))))
    subprocess.run([compiler, "-trigraphs", "-o", tmp_path / "main", tmp_path / "main.c"], check=True)
    printed = subprocess.run([tmp_path / "main"], check=True, capture_output=True).stdout
    assert printed == b"".join(text.encode() + b"\0" for text in TEXTS)


def test_a_docstring_is_added_to_a_function():
    sources = {"module": 'def twice(x):\n    """Two "times" x.\n\n    More.\n    """\n'}
    assert generated_c.with_docstrings(FUNCTION, sources) == FUNCTION.replace(
        '--\\n\\n"', '--\\n\\nTwo \\042times\\042 x.\\012\\012More."'
    )


def test_without_a_docstring_nothing_is_looked_for():
    assert generated_c.with_docstrings("", {"module": "def twice(x):\n    return x\n"}) == ""


@pytest.mark.parametrize("code", ["", FUNCTION.replace("twice", "thrice"), FUNCTION + FUNCTION])
def test_a_pattern_that_is_not_there_once_is_an_error(code):
    with pytest.raises(ValueError, match=r"twice.*: found [02] times in the generated C code, and expected once"):
        generated_c.with_docstrings(code, {"module": 'def twice(x):\n    """Two."""\n'})


def test_other_code_than_expected_is_an_error():
    with pytest.raises(ValueError, match="found 0 times in the generated C code, and expected once"):
        generated_c.with_own_memory("int main(void) { return 0; }")
    with pytest.raises(ValueError, match="found 0 times"):
        generated_c.improved("#include <Python.h>\n", {})


def test_replacements_are_made_once_and_literally():
    assert generated_c._replaced("b+", lambda match: r"\1" + match.group(), "abbc") == r"a\1bbc"
    with pytest.raises(ValueError, match="found 2 times"):
        generated_c._replaced("b", lambda match: "", "abb")


def test_only_the_passes_are_optimized_less():
    header = "#include <Python.h>\n"
    passes = "PyObject *CPyDef_adjoints___first(PyObject *cpy_r_x) {\nreturn x;\n}\nchar CPyDef_ir___a(void) {\n}\n"
    others = "PyObject *CPyDef_custom___call(PyObject *cpy_r_x) {\n}\nchar CPyDef_value___b(void) {\n}\n"
    changed = generated_c.with_quick_passes(header + passes + others, "custom")
    before, less, after = changed.split("#pragma GCC push_options")[0], *changed.split("#pragma GCC pop_options")
    assert "CPyDef" not in before
    assert passes in less
    assert "custom" not in less
    assert after == "\n#endif\n" + others
