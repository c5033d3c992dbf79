"""``import gradstep``: the names of engine and nn, and the same modules under either name."""

import importlib
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import engine
import gradstep
import nn

SITE = Path(next(iter(engine.__path__))).parent


@pytest.mark.parametrize("name", ["Value", "tanh", "grad", "backward", "compile", "MLP", "Adam", "mse", "data"])
def test_names_are_those_of_engine_and_nn(name):
    assert getattr(gradstep, name) is getattr(engine if hasattr(engine, name) else nn, name)
    assert name in vars(gradstep)  # found at once from the second time on


def test_every_public_name_is_there():
    assert {*dir(gradstep)} == {*dir(engine), *dir(nn), "engine", "nn"}
    assert {*dir(engine)} == {*engine.__all__, "__version__"}
    assert gradstep.__version__ == engine.__version__
    assert not {*engine.__all__} & {*nn.__all__}


@pytest.mark.parametrize("name", ["engine", "engine.value", "engine.compiler.api", "nn", "nn.data", "nn.training.fit"])
def test_a_module_is_the_same_under_either_name(name):
    own = importlib.import_module(name)
    spec = own.__spec__
    assert importlib.import_module(f"gradstep.{name}") is own
    assert own.__spec__ is spec
    assert own.__name__ == name


def test_a_pickle_knows_the_classes_by_their_own_name():
    assert b"gradstep" not in pickle.dumps(gradstep.Value(2.0))


@pytest.mark.parametrize("name", ["gradstep.engine.nothing", "gradstep.nothing"])
def test_what_is_not_there_is_not_found_under_its_name(name):
    with pytest.raises(ModuleNotFoundError, match=name):
        importlib.import_module(name)


def test_unknown_names_are_refused_with_a_hint():
    with pytest.raises(AttributeError, match="a layer is Layer"):
        gradstep.Linear  # noqa: B018
    with pytest.raises(ImportError, match="nothing"):
        from gradstep import nothing  # noqa: F401


def python(*arguments, folder):
    code = f"import sys; sys.path.insert(1, {str(SITE)!r}); "
    command = [sys.executable, "-c", code + arguments[0]] if len(arguments) == 1 else [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.mark.parametrize("program", ["import gradstep", "from gradstep import Value", "from nn import MLP"])
def test_an_engine_of_the_users_own_is_named(tmp_path, program):
    (tmp_path / "engine.py").write_text("class Value: pass\n")
    said = python(program, folder=tmp_path).stderr.splitlines()[-1]
    assert said.startswith(f"ImportError: {tmp_path / 'engine.py'} hides gradstep's package engine: rename that file")


def test_an_nn_of_the_users_own_is_named(tmp_path):
    (tmp_path / "nn.py").write_text("")
    said = python("import gradstep", folder=tmp_path).stderr.splitlines()[-1]
    assert said.startswith(f"ImportError: {tmp_path / 'nn.py'} hides gradstep's package nn: rename that file")


def test_a_folder_of_that_name_hides_nothing(tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "nn").mkdir()
    assert python("import gradstep; print(gradstep.Value(2.0))", folder=tmp_path).stdout.startswith("Value(data=2.0")


def test_importing_loads_no_pictures(tmp_path):
    assert python("import gradstep; print('graphviz' in sys.modules)", folder=tmp_path).stdout == "False\n"


@pytest.mark.parametrize("name", ["gradstep", "gradstep.nn", "gradstep.nn.__main__"])
def test_a_module_runs_under_either_name(tmp_path, name):
    code = f"import runpy; sys.argv = ['gradstep', '--version']; runpy.run_module({name!r}, run_name='__main__')"
    assert engine.__version__ in python(code, folder=tmp_path).stdout


def test_what_is_not_there_has_no_spec():
    assert importlib.util.find_spec("gradstep.engine.nothing") is None
