"""Files of ONNX and safetensors, and networks of PyTorch and scikit-learn: the same numbers there and back."""

import contextlib
import subprocess
import sys
import warnings
from copy import deepcopy

import numpy as np
import pytest

from engine import tanh
from nn import MLP, Activation, Dropout, Layer, ModelFileError, Module, Neuron, Sequential, Softmax
from nn.activations import ACTIVATIONS
from nn.exchange import from_sklearn, from_torch, load_weights, to_onnx, to_sklearn, to_torch

X = np.random.default_rng(0).normal(size=(20, 3))


def mixed():
    """A Sequential with every kind of layer."""
    inner = MLP(4, [3, 2], activation="gelu", seed=1)
    return Sequential(
        Layer(3, 4, activation="linear", seed=0), "tanh", Dropout(0.3), inner, Activation("sin"), Softmax()
    )


def classifier(n_outputs=3, **options):
    model = MLP(3, [4, n_outputs], activation="tanh", seed=2, **options)
    model.loss = "cross_entropy" if n_outputs > 1 else "binary_cross_entropy"
    model.classes = ["ant", "bee", "cat"] if n_outputs > 1 else [False, True]
    return model


MODELS = {
    "mlp": lambda: MLP(3, [4, 3, 2], activation="softplus", output="sigmoid", seed=0),
    "one layer": lambda: MLP(3, [1], seed=0),
    "classes": classifier,
    "sequential": mixed,
    "activation first": lambda: Sequential("tanh", Layer(3, 2, seed=0)),
    "noise first": lambda: Sequential(Dropout(0.5), Softmax(), Layer(3, 2, seed=0)),
    "layer": lambda: Layer(3, 2, activation="leaky_relu", seed=0),
    "neuron": lambda: Neuron(3, activation="tanh", seed=0),
}


def outputs(model, table=X):
    return np.asarray([[float(z) for z in np.ravel(model.eval()(row.tolist()))] for row in table])


def close(found, expected, tolerance):
    """Equal, measured by the largest number of all."""
    np.testing.assert_allclose(np.asarray(found, float), expected, rtol=0, atol=tolerance * abs(expected).max())


# ------------------------------------------------------------------------------------------------------ files of both


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
@pytest.mark.parametrize("name", MODELS)
def test_a_file_gives_the_same_model(folder, ending, name):
    pytest.importorskip(ending)
    model, path = MODELS[name](), f"model.{ending}"
    model.column_names = None if isinstance(model, Sequential) else ["a", "b", "c"]
    model.save(path)
    again = type(model).load(path)
    assert again.state_dict() == model.state_dict()
    assert repr(again) == repr(model)
    assert (again.loss, again.classes, again.column_names) == (model.loss, model.classes, model.column_names)
    assert again.predict(X) == model.eval().predict(X) if name != "classes" else again.predict(X) == model.predict(X)
    again.save(f"again.{ending}")
    assert (folder / path).read_bytes() == (folder / f"again.{ending}").read_bytes()


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_a_layer_that_is_used_twice_becomes_two(folder, ending):
    pytest.importorskip(ending)
    layer, noise = Layer(3, 3, seed=0), Dropout(0.5)
    model = Sequential(layer, noise, layer, noise)
    model.save(f"model.{ending}")
    again = Sequential.load(f"model.{ending}")
    assert outputs(again).tolist() == outputs(model).tolist()
    assert (len(model.parameters()), len(again.parameters())) == (12, 24)


@pytest.mark.parametrize("ending", ["ONNX", "onnx", "safetensors"])
def test_a_file_is_of_one_kind(folder, ending):
    pytest.importorskip(ending.lower())
    MLP(2, [1], seed=0).save(f"m.{ending}")
    with pytest.raises(ModelFileError, match=f"m.{ending}: the kind must be Sequential, got MLP"):
        Sequential.load(f"m.{ending}")


class Own(Module):
    """A class of the user's."""

    def __init__(self):
        self.line = Layer(1, 1)

    def __call__(self, x):
        return self.line(x)


def refused_models():
    changed, infinite = MLP(2, [2, 1], seed=0), MLP(2, [1], seed=0)
    changed.layers[0].neurons[0].activation = "tanh"
    infinite.layers[0].neurons[0].b.data = float("inf")
    return [
        (Own(), "Own.*has no counterpart there|a file cannot hold"),
        (changed, "is 'tanh', and a new MLP has 'relu' there"),
        (infinite, r"the parameter layers\.0\.neurons\.0\.b must be a finite number for a model file, got inf"),
        (Sequential(Layer(2, 2), lambda x: x), "a file cannot hold"),
        (MLP(2, [2, 1], activation=tanh), "a file cannot hold|must be given by name"),
    ]


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
@pytest.mark.parametrize("case", range(5))
def test_what_a_file_cannot_hold_leaves_the_old_file(folder, ending, case):
    pytest.importorskip(ending)
    model, words = refused_models()[case]
    (folder / f"m.{ending}").write_text("old")
    with pytest.raises(ValueError, match=words):
        model.save(f"m.{ending}")
    assert (folder / f"m.{ending}").read_text() == "old"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_large_files_are_not_read(folder, ending):
    pytest.importorskip(ending)
    with (folder / f"m.{ending}").open("wb") as file:
        file.truncate((1 << 28) + 1)
    with pytest.raises(ModelFileError, match="at most 268,435,456 bytes, got 268,435,457"):
        MLP.load(f"m.{ending}")


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_every_truncation_is_refused(folder, ending):
    pytest.importorskip(ending)
    MLP(1, [1], seed=0).save(f"m.{ending}")
    whole = (folder / f"m.{ending}").read_bytes()
    for length in range(0, len(whole), 7):
        (folder / f"m.{ending}").write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=f"m.{ending}: "):
            MLP.load(f"m.{ending}")


def test_import_of_nn_loads_no_other_tool():
    tools = "['numpy', 'onnx', 'safetensors', 'torch', 'sklearn']"
    line = f"import sys, nn, nn.exchange; sys.exit(str([name for name in {tools} if name in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr.strip() in ("", "[]"), done.stderr


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("onnx", lambda: MLP(2, [1]).save("m.onnx")),
        ("onnx", lambda: MLP.load("m.onnx")),
        ("safetensors", lambda: MLP(2, [1]).save("m.safetensors")),
        ("safetensors", lambda: load_weights(MLP(2, [1]), "m.safetensors")),
        ("torch", lambda: to_torch(MLP(2, [1]))),
        ("torch", lambda: from_torch(None)),
        ("sklearn.neural_network", lambda: to_sklearn(MLP(2, [1]))),
        ("sklearn.neural_network", lambda: from_sklearn(None)),
    ],
)
def test_a_missing_package_is_one_sentence(folder, monkeypatch, name, call):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"must have the package .* pip install [\w\"\[]+") as told:
        call()
    assert "\n" not in str(told.value)
    assert not list(folder.iterdir())


def test_a_missing_package_is_told_before_training(folder, monkeypatch, failing, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "an .onnx file must have the package onnx" in failing("train", "xor", "--out", "m.onnx")
    assert "m.onnx" not in capsys.readouterr().out
    assert not list(folder.iterdir())


def test_the_command_reads_what_it_wrote(folder, gradstep):
    pytest.importorskip("onnx")
    pytest.importorskip("pandas")
    rows = (f"{size:.2f},{'pqr'[row % 3]},{'xy'[int(size > 0)]}\n" for row, size in enumerate(X[:, 0]))
    (folder / "rows.csv").write_text("size,kind,class\n" + "".join(rows))
    gradstep("train", "rows.csv", "--epochs", 2, "--quiet", "--out", "m.json")
    MLP.load("m.json").save("m.onnx")
    said = gradstep("predict", "m.json", "rows.csv")
    assert said[0] == 0
    assert gradstep("predict", "m.onnx", "rows.csv") == said


# --------------------------------------------------------------------------------------------------------------- ONNX


def run_onnx(path, table=X):
    """What onnxruntime computes."""
    runtime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    kind = onnx.load(path).graph.input[0].type.tensor_type.elem_type
    table = table.astype(np.float64 if kind == onnx.TensorProto.DOUBLE else np.float32)
    return runtime.InferenceSession(path).run(None, {"X": table})[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_onnxruntime_computes_the_same(folder, activation, dtype):
    onnx = pytest.importorskip("onnx")
    model = MLP(3, [5, 4, 2], activation=activation, seed=1)
    to_onnx(model, "m.onnx", dtype=dtype)
    onnx.checker.check_model("m.onnx", full_check=True)
    close(run_onnx("m.onnx"), outputs(model), 1e-6 if dtype == "float32" else 1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_exact_in_float64(folder, activation):
    pytest.importorskip("onnx")
    model = Layer(1, 1, activation=activation)
    model.neurons[0].w[0].data, model.neurons[0].b.data = 1.0, 0.0
    model.save("m.onnx")
    ends = [0.0, 1e-300, 1e-9, 0.5, 5.0, 20.0, 30.0, 40.0, 700.0, 1e16, np.inf]
    table = np.array([[sign * number] for number in ends for sign in (1, -1)])
    if activation == "sin":
        table = table[abs(table) <= 20.0].reshape(-1, 1)  # onnxruntime's is less exact for large numbers
    np.testing.assert_allclose(run_onnx("m.onnx", table), outputs(model, table), rtol=1e-12)


def test_functions_of_this_library_are_known_by_name(folder):
    onnx = pytest.importorskip("onnx")
    model = Sequential(
        Layer(3, 4, activation="gelu", seed=0), "softplus", "gelu", Layer(4, 1, activation="linear", seed=0)
    )
    model.save("m.onnx")
    written = onnx.load("m.onnx")
    assert [node.op_type for node in written.graph.node] == ["Gemm", "gelu", "softplus", "gelu", "Gemm"]
    assert sorted(function.name for function in written.functions) == ["gelu", "softplus"]
    written.ClearField("metadata_props")
    onnx.save(written, "m.onnx")
    assert outputs(Sequential.load("m.onnx")).tolist() == outputs(model).tolist()
    changed = deepcopy(written)
    changed.graph.node[1].output.append("b")
    onnx.save(changed, "m.onnx")
    with pytest.raises(ModelFileError, match=r"node 1 \(gelu gelu_1\): it must have one result, got .*'b'"):
        Sequential.load("m.onnx")
    changed = deepcopy(written)
    next(node for node in changed.functions[0].node if node.op_type == "Mul").op_type = "Add"
    onnx.save(changed, "m.onnx")
    with pytest.raises(ModelFileError, match=r"no functions but those that gradstep writes, got another gradstep\."):
        Sequential.load("m.onnx")
    written.functions[0].domain = written.graph.node[1].domain = "other"
    onnx.save(written, "m.onnx")
    with pytest.raises(ModelFileError, match=r"no functions but those that gradstep writes, got another other\."):
        Sequential.load("m.onnx")
    written.ClearField("functions")
    onnx.save(written, "m.onnx")
    with pytest.raises(ModelFileError, match=r"not a sound ONNX file .*gelu_1"):
        Sequential.load("m.onnx")
    written.opset_import.add(domain="other", version=1)
    onnx.save(written, "m.onnx")
    with pytest.raises(ModelFileError, match=r"node 1 \(gelu gelu_1\): the type must be one of Gemm"):
        Sequential.load("m.onnx")


def test_layers_in_a_row_without_dropout(folder):
    pytest.importorskip("onnx")
    model = mixed()
    to_onnx(model, "m.onnx", dtype="float32")
    close(run_onnx("m.onnx"), outputs(model), 1e-6)
    assert isinstance(Sequential.load("m.onnx").layers[2], Dropout)


def test_a_rounded_file_has_rounded_weights(folder):
    pytest.importorskip("onnx")
    model = MLP(3, [4, 1], seed=0)
    to_onnx(model, "m.onnx", dtype=np.float32)
    rounded = {name: float(np.float32(number)) for name, number in model.state_dict().items()}
    assert MLP.load("m.onnx").state_dict() == rounded
    model.layers[0].neurons[0].b.data = 1e300
    with pytest.raises(ValueError, match="must be a finite number within the range of float32"):
        to_onnx(model, "m.onnx", dtype="float32")
    assert MLP.load("m.onnx").state_dict() == rounded


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((MLP(1, [1]), "m.json"), r"path must end with \.onnx, got 'm\.json'"),
        ((MLP(1, [1]), "m.onnx", "float16"), 'dtype must be "float64" or "float32", got \'float16\''),
        ((Sequential("tanh"), "m.onnx"), "a model must have a Layer to be written as ONNX, got none"),
    ],
)
def test_wrong_arguments_of_to_onnx(folder, arguments, words):
    pytest.importorskip("onnx")
    with pytest.raises(ValueError, match=words):
        to_onnx(*arguments)
    assert not list(folder.iterdir())


def graph_of(nodes, tensors, shape=("n", 3), dtype=np.float32, opset=17, result="Y"):
    """An ONNX model of other makers: nodes are (type, inputs, output, options)."""
    onnx = pytest.importorskip("onnx")
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    made = [
        onnx.helper.make_node(operator, given, [out], name=f"a{operator}{index}", **options)
        for index, (operator, given, out, options) in enumerate(nodes)
    ]
    ends = [
        onnx.helper.make_tensor_value_info("X", kind, shape),
        onnx.helper.make_tensor_value_info(result, kind, ["n", None]),
    ]
    held = [onnx.numpy_helper.from_array(np.asarray(array, dtype), name) for name, array in tensors.items()]
    graph = onnx.helper.make_graph(made, "g", ends[:1], ends[1:], held)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)


W, B, V = np.arange(6.0).reshape(3, 2) / 4 - 0.6, [0.5, -0.25], [[1.0, -2.0]]
GEMM, LAST = ("Gemm", ["X", "W", "B"], "h", {}), ("Gemm", ["a", "V"], "Y", {"transB": 1})
TENSORS = {"W": W, "B": B, "V": V}
FOREIGN = {
    "gemm": ([GEMM, ("Tanh", ["h"], "a", {}), LAST], TENSORS),
    "matmul": (
        [("MatMul", ["X", "W"], "m", {}), ("Add", ["B", "m"], "h", {}), ("Relu", ["h"], "a", {}), LAST],
        TENSORS,
    ),
    "no bias": ([("MatMul", ["X", "W"], "h", {}), ("Sigmoid", ["h"], "a", {}), LAST], TENSORS),
    "one bias": ([GEMM, ("Sin", ["h"], "a", {}), LAST], {**TENSORS, "B": 0.5}),
    "bias of a row": ([GEMM, ("LeakyRelu", ["h"], "a", {"alpha": 0.01}), LAST], {**TENSORS, "B": [B]}),
    "default slope": ([GEMM, ("LeakyRelu", ["h"], "a", {}), LAST], TENSORS),
    "prelu": ([GEMM, ("PRelu", ["h", "s"], "a", {}), LAST], {**TENSORS, "s": [0.01]}),
}


@pytest.mark.parametrize("kind", [MLP, Sequential])
@pytest.mark.parametrize("name", FOREIGN)
def test_networks_of_other_makers(folder, name, kind):
    onnx = pytest.importorskip("onnx")
    onnx.save(graph_of(*FOREIGN[name]), "m.onnx")
    model = kind.load("m.onnx")
    assert (model.loss, model.classes, model.n_inputs, model.n_outputs) == (None, None, 3, 1)
    close(run_onnx("m.onnx"), outputs(model), 1e-6)


def test_numbers_that_are_no_raw_bytes(folder):
    onnx = pytest.importorskip("onnx")
    model = graph_of(*FOREIGN["gemm"])
    for tensor in model.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        tensor.ClearField("raw_data")
        tensor.float_data.extend(array.ravel().tolist())
    onnx.save(model, "m.onnx")
    close(run_onnx("m.onnx"), outputs(MLP.load("m.onnx")), 1e-6)


def test_a_layer_and_a_softmax(folder):
    onnx = pytest.importorskip("onnx")
    onnx.save(graph_of([GEMM, ("Tanh", ["h"], "Y", {})], TENSORS), "layer.onnx")
    assert repr(Layer.load("layer.onnx")) == "Layer of [2 TanhNeuron(3)]"
    with pytest.raises(ModelFileError, match="must be loaded by Sequential, got Neuron"):
        Neuron.load("layer.onnx")
    onnx.save(graph_of([GEMM, ("Softmax", ["h"], "Y", {"axis": 1})], TENSORS), "m.onnx")
    with pytest.raises(ModelFileError, match="must be loaded by Sequential, got MLP"):
        MLP.load("m.onnx")
    close(run_onnx("m.onnx"), outputs(Sequential.load("m.onnx")), 1e-6)


def test_an_exported_network_of_pytorch(folder):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter grows old; the new one needs more packages
        torch.onnx.export(
            network, (torch.zeros(1, 3),), "m.onnx", dynamo=False, input_names=["X"], dynamic_axes={"X": [0]}
        )
    expected = network(torch.tensor(X, dtype=torch.float32)).detach().numpy()
    close(outputs(MLP.load("m.onnx")), expected, 1e-6)


def tensor_of(model, name="W"):
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def node_of(model, index=0):
    return model.graph.node[index]


HOSTILE = {
    "type": (
        lambda m: setattr(node_of(m, 1), "op_type", "Elu"),
        r"node 1 \(Elu aTanh1\): the type must be one of Gemm, Ma",
    ),
    "domain": (lambda m: setattr(node_of(m, 1), "domain", "other"), "not a sound ONNX file .*aTanh1 OpType: Tanh"),
    "control": (lambda m: setattr(node_of(m, 1), "op_type", "\x1b[2J"), "not a sound ONNX file .*aTanh1"),
    "not in a row": (lambda m: node_of(m, 2).input.__setitem__(0, "h"), "must take the result of the node before"),
    "operand twice": (lambda m: node_of(m, 2).input.append("a"), "and then tensors of the file, got .'a', 'V', 'a'"),
    "missing tensor": (
        lambda m: node_of(m).input.__setitem__(1, "no"),
        "not a sound ONNX file .*'no'.*aGemm0",
    ),
    "no weights": (lambda m: node_of(m).ClearField("input"), "not a sound ONNX file"),
    "one name": (lambda m: node_of(m, 1).output.__setitem__(0, "h"), "not a sound ONNX file"),
    "second result": (lambda m: node_of(m, 1).output.append("b"), "not a sound ONNX file"),
    "result": (lambda m: setattr(m.graph.output[0], "name", "h"), "end with the result of its last node"),
    "no nodes": (lambda m: m.graph.ClearField("node"), "not a sound ONNX file|must have a Gemm"),
    "inputs": (
        lambda m: m.graph.input.add(name="Z", type=m.graph.input[0].type),
        "one input and one output, got 2 and 1",
    ),
    "outputs": (lambda m: m.graph.ClearField("output"), "one input and one output, got 1 and 0"),
    "elements": (
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 10),
        "not a sound ONNX file .*inconsistent type",
    ),
    "width": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 4),
        r"not a sound ONNX file .*aGemm0|the shape \(n, 3\) of the weights",
    ),
    "rank": (lambda m: m.graph.input[0].type.tensor_type.shape.dim.add(dim_value=3), "not a sound ONNX file"),
    "alpha": (
        lambda m: node_of(m).attribute.add(name="alpha", type=1, f=2.0),
        "the attribute alpha cannot be 2.0 here",
    ),
    "transA": (lambda m: node_of(m).attribute.add(name="transA", type=2, i=1), "the attribute transA cannot be 1 here"),
    "twice": (
        lambda m: node_of(m, 2).attribute.add(name="transB", type=2, i=0),
        "not a sound ONNX file .*aGemm2",
    ),
    "reference": (
        lambda m: node_of(m, 0).attribute.add(name="transB", type=2, ref_attr_name="t"),
        r"node 0 \(Gemm aGemm0\): .*reference attribute",
    ),
    "functions": (lambda m: m.functions.add(name="Tanh", domain=""), "the file must have no functions"),
    "one tensor twice": (lambda m: m.graph.initializer.append(tensor_of(m)), "not a sound ONNX file"),
    "two forms": (lambda m: tensor_of(m, "B").float_data.extend([1, 2]), "not a sound ONNX file"),
    "unknown": (lambda m: node_of(m, 1).attribute.add(name="x", type=2, i=1), "not a sound ONNX file"),
    "external": (
        lambda m: setattr(tensor_of(m), "data_location", 1),
        "the tensor W must be in the file, .* got a path",
    ),
    "path": (lambda m: tensor_of(m).external_data.add(key="location", value="/etc/passwd"), "W must be in the file"),
    "long": (
        lambda m: tensor_of(m).dims.__setitem__(0, 2**40),
        "not a sound ONNX file",
    ),
    "too many numbers": (
        lambda m: setattr(tensor_of(m), "raw_data", bytes(32)),
        r"not a sound ONNX file \(cannot reshape array of size 8",
    ),
    "negative": (lambda m: tensor_of(m).dims.__setitem__(0, -3), r"the tensor W must .* in the shape \[-3, 2\]"),
    "empty": (lambda m: tensor_of(m).dims.__setitem__(0, 0), r"the tensor W must .* in the shape \[0, 2\]"),
    "scalar": (lambda m: tensor_of(m).ClearField("dims"), "not a sound ONNX file"),
    "deep": (lambda m: tensor_of(m).dims.append(1), "not a sound ONNX file"),
    "half": (
        lambda m: setattr(tensor_of(m), "data_type", 10),
        "must be in .* float32 or float64, got ONNX's type 10",
    ),
    "cut": (lambda m: setattr(tensor_of(m), "raw_data", b"abc"), "not a sound ONNX file|must be a multiple"),
    "nan": (lambda m: setattr(tensor_of(m), "raw_data", b"\xff" * 24), "must be finite numbers"),
    "bias": (lambda m: tensor_of(m, "B").dims.extend([1]), r"node 0 .* a bias must .*\(2,\), got \(2, 1\)"),
    "sizes": (lambda m: m.graph.node.insert(2, node_of(m)), "not a sound ONNX file"),
    "old": (lambda m: setattr(m.opset_import[0], "version", 6), "the opset must be 7 to 28, got 6"),
    "new": (lambda m: setattr(m.opset_import[0], "version", 99), "the opset must be 7 to 28, got 99"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_wrong_thing_is_refused(folder, name):
    change, words = HOSTILE[name]
    model = graph_of(*FOREIGN["gemm"])
    change(model)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=f"m.onnx: .*{words}") as told:
        MLP.load("m.onnx")
    assert str(told.value).isprintable()


def test_names_that_are_no_text(folder):
    data = graph_of(*FOREIGN["gemm"]).SerializeToString()
    (folder / "m.onnx").write_bytes(data.replace(b"aTanh1", b"\xffTanh1"))
    assert MLP.load("m.onnx").n_inputs == 3
    for part in (b"Tanh", b"transB", b"V"):
        (folder / "m.onnx").write_bytes(data.replace(part, b"\xff" * len(part)))
        with contextlib.suppress(ModelFileError):
            MLP.load("m.onnx")
    classifier().save("m.onnx")
    (folder / "m.onnx").write_bytes(
        (folder / "m.onnx").read_bytes().replace(b'"gradstep model"', b'"\xffradstep model"')
    )
    with pytest.raises(ModelFileError, match="not a whole gradstep model file"):
        MLP.load("m.onnx")


@pytest.mark.parametrize(
    ("nodes", "tensors", "dtype", "words"),
    [
        (
            [GEMM, ("Add", ["h", "B"], "Y", {})],
            TENSORS,
            "f4",
            r"node 1 \(Add aAdd1\): .* an Add follow a MatMul",
        ),
        ([GEMM, ("LeakyRelu", ["h"], "Y", {"alpha": 0.2})], TENSORS, "f4", "the attribute alpha cannot be 0.2.* here"),
        ([GEMM, ("LeakyRelu", ["h"], "Y", {})], TENSORS, "f8", "a slope be 0.01, in float64 by PRelu"),
        ([GEMM, ("PRelu", ["h", "B"], "Y", {})], TENSORS, "f4", r"a slope be 0.01, .* got \['B'\]"),
        ([GEMM, ("Softmax", ["h"], "Y", {"axis": 0})], TENSORS, "f4", "the attribute axis cannot be 0 here"),
        ([GEMM, ("Gelu", ["h"], "Y", {"approximate": "tanh"})], TENSORS, "f4", "approximate cannot be b'tanh' here"),
        ([("Tanh", ["X"], "Y", {})], TENSORS, "f4", "must have a Gemm or MatMul"),
        ([("MatMul", ["W", "X"], "Y", {})], TENSORS, "f4", "must take the result of the node before"),
        ([("MatMul", ["X", "B"], "Y", {})], TENSORS, "f4", "not a sound ONNX file"),
        ([GEMM, ("Gemm", ["h", "U"], "Y", {})], {**TENSORS, "U": W}, "f4", "not a sound|must take the 2 outputs"),
        ([GEMM, ("Tanh", ["h"], "a", {}), ("Sin", ["a"], "Y", {})], TENSORS, "f4", "must be loaded by Sequential"),
        ([("Gemm", ["X", "W", "B"], "Y", {})], {**TENSORS, "B": [1, 2, 3]}, "f4", r"a bias must .*, got \(3,\)"),
        ([("Gemm", ["X", "W", "B"], "Y", {})], {**TENSORS, "B": [[1], [2]]}, "f4", r"a bias must .*, got \(2, 1\)"),
        ([GEMM, ("PRelu", ["h", "U"], "Y", {})], {**TENSORS, "U": [[[0.01]]]}, "f4", r"a slope be 0.01, .* \['U'\]"),
    ],
)
def test_graphs_with_another_meaning_are_refused(folder, nodes, tensors, dtype, words):
    opset = 20 if any(node[0] == "Gelu" for node in nodes) else 17
    (folder / "m.onnx").write_bytes(graph_of(nodes, tensors, dtype=dtype, opset=opset).SerializeToString())
    with pytest.raises(ModelFileError, match=words):
        MLP.load("m.onnx")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"activation": "tanh"', '"activation": "relu"', "must be the one that the text in the file describes"),
        ('"sizes": [4, 3]', '"sizes": [4, 2]', "parameters for these weights"),
        ('"sizes": [4, 3]', '"sizes": [4, 999999999]', "parameters, as the file has, got more"),
        ('"version": 1', '"version": 2', "the version of the format must be 1, got 2"),
        ('["ant", "bee", "cat"]', '["ant", "bee"]', "classes must be 3, as this model tells so many apart, got 2"),
        ('["ant", "bee", "cat"]', '["ant", "bee", NaN]', "NaN is not a finite number"),
        ('"kind": "MLP"', '"kind": "Module"', "the kind must be MLP, got Module"),
    ],
)
@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_a_text_that_does_not_fit_the_weights_is_refused(folder, ending, old, new, words):
    pytest.importorskip(ending)
    classifier().save(f"m.{ending}")
    if ending == "onnx":
        import onnx

        model = onnx.load("m.onnx")
        (entry,) = model.metadata_props
        assert entry.value.count(old) == 1
        entry.value = entry.value.replace(old, new)
        onnx.save(model, "m.onnx")
    else:
        from safetensors import safe_open
        from safetensors.numpy import load_file, save_file

        with safe_open("m.safetensors", "numpy") as file:
            text = file.metadata()["gradstep"]
        save_file(load_file("m.safetensors"), "m.safetensors", {"gradstep": text.replace(old, new)})
        if "activation" in old:  # the file has no activation but the one of the text
            return
    with pytest.raises(ModelFileError, match=words):
        MLP.load(f"m.{ending}")


# -------------------------------------------------------------------------------------------------------- safetensors


def test_weights_from_and_to_pytorch(folder):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    model = Sequential(Layer(3, 4, activation="tanh", seed=0), Dropout(0.1), MLP(4, [3, 2], seed=1))
    model.save("m.safetensors")
    network = to_torch(MLP(3, [4, 2], seed=3))
    wanted = to_torch(model)
    wanted.load_state_dict(files.load_file("m.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(wanted.parameters(), to_torch(model).parameters(), strict=True))
    files.save_file(network.state_dict(), "t.safetensors")
    other = MLP(3, [4, 2], seed=9)
    load_weights(other, "t.safetensors")
    assert other.state_dict() == from_torch(network).state_dict()
    with pytest.raises(ModelFileError, match=r"the file has weights alone; make the model, and load_weights"):
        MLP.load("t.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"0.bias": None}, r"the tensors must be '0\.weight', '0\.bias', .* got"),
        ({"extra": np.zeros(2)}, "the tensors must be .* got .*'extra'"),
        ({"0.weight": np.zeros((3, 4))}, r"the tensor 0\.weight must have the shape \(4, 3\), got \(3, 4\)"),
        (
            {"0.weight": np.zeros((4, 3), np.float16)},
            r"the tensor 0\.weight must be float32 or float64, got F16",
        ),
        ({"0.bias": np.array([0, 1, np.nan, 2.0])}, "weights and biases must be finite numbers"),
        ({"0.weight": np.zeros((0, 3))}, r"the tensor 0\.weight must have the shape"),
    ],
)
def test_weights_of_another_network_change_nothing(folder, change, words):
    files = pytest.importorskip("safetensors.numpy")
    model = MLP(3, [4, 2], seed=0)
    model.save("m.safetensors")
    arrays = {k: v for k, v in {**files.load_file("m.safetensors"), **change}.items() if v is not None}
    files.save_file(arrays, "w.safetensors")
    before = model.state_dict()
    with pytest.raises(ModelFileError, match=f"w.safetensors: {words}"):
        load_weights(model, "w.safetensors")
    assert model.state_dict() == before


def test_numbers_that_numpy_has_not_are_refused(folder):
    pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    state = to_torch(MLP(3, [1])).state_dict()
    files.save_file({name: each.bfloat16() for name, each in state.items()}, "w.safetensors")
    with pytest.raises(ModelFileError, match=r"the tensor 0\.bias must be float32 or float64, got BF16"):
        load_weights(MLP(3, [1]), "w.safetensors")


# ------------------------------------------------------------------------------------------------------------ PyTorch


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "sin"])
def test_pytorch_has_the_same_outputs_and_gradients(activation):
    torch = pytest.importorskip("torch")
    model = MLP(3, [5, 4, 2], activation=activation, seed=1)
    table = np.concatenate([X, 30 * X])  # where softplus is nearly x
    network = to_torch(model)
    found = network(torch.tensor(table))
    close(found.detach(), outputs(model, table), 1e-15)
    (found**2).sum().backward()
    model.zero_grad()
    sum(z**2 for row in table for z in model(row.tolist())).backward()
    ours = from_torch(network)  # gradients in the order of its parameters
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(weights.grad)
    theirs = np.array([p.data for p in from_torch(network).parameters()])
    close(theirs, np.array([p.grad for p in model.parameters()]), 1e-13)
    assert ours.state_dict() == model.state_dict()


@pytest.mark.parametrize("name", ["mlp", "one layer", "classes"])
def test_there_and_back(name):
    torch = pytest.importorskip("torch")
    model = MODELS[name]()
    again = from_torch(to_torch(model))
    assert (repr(again), again.state_dict()) == (repr(model), model.state_dict())
    assert (
        from_torch(to_torch(model, "float32").double()).state_dict()
        == from_torch(to_torch(model, "float32")).state_dict()
    )
    assert all(weights.dtype == torch.float32 for weights in to_torch(model, "float32").parameters())


def test_dropout_goes_along_and_is_off():
    torch = pytest.importorskip("torch")
    network = to_torch(Sequential(Layer(3, 4), Dropout(0.25), Layer(4, 1, activation="linear")))
    assert not network.training
    assert network[2].p == 0.25
    again = from_torch(network)
    assert (type(again), again.layers[1].rate, again.training) == (Sequential, 0.25, False)
    state = torch.get_rng_state()
    to_torch(MLP(3, [4, 1]))
    assert torch.equal(state, torch.get_rng_state()), "no random number is drawn"


def test_modules_that_are_used_twice_or_nested_or_do_nothing():
    torch = pytest.importorskip("torch")
    activation, nn = torch.nn.Tanh(), torch.nn
    inner = nn.Sequential(nn.Identity(), nn.Linear(4, 4, bias=False), activation)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3, 4), activation, inner, nn.Linear(4, 2), activation)
    model = from_torch(network)
    assert repr(model) == "MLP of [Layer of [4 TanhNeuron(3)], Layer of [4 TanhNeuron(4)], Layer of [2 TanhNeuron(4)]]"
    close(outputs(model), network(torch.tensor(X, dtype=torch.float32)).detach().numpy(), 1e-6)


def test_hidden_layers_with_two_activations_are_no_mlp(folder):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    model = from_torch(network)
    assert type(model) is Sequential
    close(outputs(model), network(torch.tensor(X)).detach().numpy(), 1e-15)
    pytest.importorskip("onnx")
    nodes = [GEMM, ("Tanh", ["h"], "a", {}), ("MatMul", ["a", "S"], "b", {}), ("Relu", ["b"], "c", {})]
    tensors = {**TENSORS, "S": np.ones((2, 2))}
    last = ("MatMul", ["c", "S"], "Y", {})
    (folder / "m.onnx").write_bytes(graph_of([*nodes, last], tensors).SerializeToString())
    with pytest.raises(ModelFileError, match="must be loaded by Sequential, got MLP for Linear, tanh, Linear, relu"):
        MLP.load("m.onnx")
    close(run_onnx("m.onnx"), outputs(Sequential.load("m.onnx")), 1e-6)


def torch_refusals():
    torch = pytest.importorskip("torch")
    nn, line = torch.nn, torch.nn.Linear(2, 2)
    hooked, weighed = nn.Linear(2, 2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    hooked.register_forward_hook(lambda module, given, made: made + 1)

    class Own(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1

    infinite = nn.Linear(1, 1)
    infinite.bias.data[:] = float("nan")
    hooked_whole, prehooked_whole, own_forward, own_layer, with_none = (
        nn.Sequential(nn.Linear(2, 2)) for _ in range(5)
    )
    hooked_whole.register_forward_hook(lambda module, given, made: made + 1)
    prehooked_whole.register_forward_pre_hook(lambda module, given: (given[0] + 1,))
    own_forward.forward = own_layer[0].forward = lambda x: x + 1
    with_none.append(nn.Tanh())
    with_none[1] = None
    return [
        (line, "network must be a torch.nn.Sequential, got Linear"),
        (MLP(1, [1]), "network must be a torch.nn.Sequential, got MLP"),
        (nn.Sequential(nn.Tanh()), "must have weights in float32 or float64, got none"),
        (nn.Sequential(line, nn.BatchNorm1d(2)), "module 1 must be one of Linear, .* got BatchNorm1d"),
        (nn.Sequential(line, nn.Sequential(nn.ELU())), "module 1.0 must be one of"),
        (nn.Sequential(line, nn.LeakyReLU(0.2)), "module 1 must have negative_slope=0.01, got LeakyReLU"),
        (nn.Sequential(line, nn.GELU(approximate="tanh")), "module 1 must have approximate=none"),
        (nn.Sequential(line, nn.Softplus(beta=2)), "module 1 must have beta=1.0"),
        (nn.Sequential(nn.Linear(2, 2).double(), nn.Softplus()), "module 1 must have threshold=40.0"),
        (nn.Sequential(line, nn.Softmax(dim=0)), "module 1 must have dim=-1"),
        (nn.Sequential(line, nn.Linear(3, 1)), "must take the 2 outputs of the one before, got a layer with 3 inputs"),
        (nn.Sequential(hooked), "module 0 must have no hooks"),
        (nn.Sequential(weighed), "module 0 must be one of"),
        (nn.Sequential(Own(2, 2)), "module 0 must be one of"),
        (nn.Sequential(nn.Linear(2, 2).half()), "float32 or float64, got torch.float16"),
        (nn.Sequential(infinite), "must be finite numbers, got NaN"),
        (hooked_whole, "network must have no hooks"),
        (prehooked_whole, "network must have no hooks"),
        (nn.Sequential(line, hooked_whole), "module 1 must have no hooks"),
        (own_forward, "network must have no hooks and no forward set on it"),
        (own_layer, "module 0 must have no hooks and no forward set on it"),
        (with_none, "module 1 must be one of .*, got None"),
        (nn.Sequential(nn.Linear(2, 2, device="meta")), "network must have weights in float32 or float64, got meta"),
        (nn.Sequential(line, nn.Linear(2, 0)), r"sizes\[1\] must be an int >= 1, got 0"),
        (nn.Sequential(nn.Linear(0, 2)), "n_inputs must be an int >= 1, got 0"),
    ]


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("case", range(25))
def test_what_pytorch_has_beyond_is_refused(case):
    network, words = torch_refusals()[case]
    with pytest.raises(ValueError, match=words):
        from_torch(network)


def test_what_pytorch_has_not_is_refused():
    pytest.importorskip("torch")
    for model, words in [
        (MLP(2, [2, 1], activation="sin"), "sin has no counterpart in torch.nn, which has relu, leaky_relu"),
        (MLP(2, [2, 1], activation=lambda z: tanh(2 * z)), "an activation must be given by name to go to other tools"),
        (Own(), r"made of MLP, Sequential, .* got Own\(\), which has no counterpart"),
        (Sequential(Layer(1, 1), lambda x: x), "which has no counterpart there"),
    ]:
        with pytest.raises(ValueError, match=words):
            to_torch(model)
    mixed_layer = Layer(2, 2, activation="tanh")
    mixed_layer.neurons[0].activation = "relu"
    with pytest.raises(ValueError, match="a layer must have one activation, got 'relu', 'tanh'"):
        to_torch(mixed_layer)
    with pytest.raises(ValueError, match='dtype must be "float64" or "float32"'):
        to_torch(MLP(1, [1]), dtype="float16")


# ------------------------------------------------------------------------------------------------------- scikit-learn


def same_predictions(model, estimator):
    assert np.array_equal(np.asarray(model.predict(X)), estimator.predict(X)) or model.classes is None
    if model.classes is None:
        close(estimator.predict(X), np.asarray(model.predict(X)), 1e-15)
    else:
        close(estimator.predict_proba(X), model.predict_proba(X), 1e-14)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("sizes", [[5, 4, 3], [3], [4, 1], [1]], ids=str)
@pytest.mark.parametrize("classes", [False, True])
def test_to_scikit_learn_and_back(activation, sizes, classes):
    pytest.importorskip("sklearn")
    model = MLP(3, sizes, activation=activation, seed=1)
    if classes:
        like = classifier(sizes[-1])
        model.loss, model.classes = like.loss, like.classes
    estimator = to_sklearn(model)
    same_predictions(model, estimator)
    again = from_sklearn(estimator)
    assert again.state_dict() == model.state_dict()
    assert (again.classes, again.loss) == (model.classes, model.loss or "mse")
    assert again.predict(X) == model.predict(X)


def test_columns_go_along():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    model = classifier()
    model.column_names = ["a", "b", "c"]
    estimator = to_sklearn(model)
    frame = pandas.DataFrame(X, columns=model.column_names)
    assert estimator.predict(frame).tolist() == model.predict(frame)
    assert from_sklearn(estimator).column_names == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(frame[["b", "a", "c"]])


def test_several_answers():
    pytest.importorskip("sklearn")
    model = classifier()
    model.loss, model.classes = "binary_cross_entropy", ["x", "y", "z"]
    estimator = to_sklearn(model)
    assert estimator.predict(X).tolist() == model.predict(X)
    close(estimator.predict_proba(X), model.predict_proba(X), 1e-15)
    assert from_sklearn(estimator).predict(X) == model.predict(X)


def test_two_logits_become_one():
    pytest.importorskip("sklearn")
    model = MLP(3, [4, 2], seed=0)
    model.loss, model.classes = "cross_entropy", ["no", "yes"]
    same_predictions(model, to_sklearn(model))
    assert from_sklearn(to_sklearn(model)).n_outputs == 1
    model.loss, model.classes = "binary_cross_entropy", [0, 1]
    assert to_sklearn(model).predict(X).tolist() == model.predict(X)


def trained(kind, y, **options):
    networks = pytest.importorskip("sklearn.neural_network")
    estimator = getattr(networks, kind)(
        hidden_layer_sizes=[6, 4], solver="lbfgs", max_iter=20, random_state=0, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may not have converged
        return estimator.fit(X, y)


@pytest.mark.parametrize(
    ("kind", "y", "options"),
    [
        ("MLPClassifier", np.arange(20) % 2 > 0, {}),
        ("MLPClassifier", np.array(["ant", "bee", "cat", "dog"] * 5), {"activation": "logistic"}),
        ("MLPClassifier", np.array([7, 3, 5, 3] * 5), {"activation": "identity"}),
        ("MLPClassifier", np.arange(60).reshape(20, 3) % 7 < 3, {"activation": "tanh"}),
        ("MLPRegressor", X[:, 0] * X[:, 1], {"activation": "tanh"}),
        ("MLPRegressor", X[:, :2] ** 2, {}),
    ],
)
def test_from_scikit_learn(kind, y, options):
    estimator = trained(kind, y, **options)
    model = from_sklearn(estimator)
    same_predictions(model, estimator)
    again = to_sklearn(model)
    assert all(np.array_equal(a, b) for a, b in zip(again.coefs_, estimator.coefs_, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(again.intercepts_, estimator.intercepts_, strict=True))
    assert np.array_equal(again.predict(X), estimator.predict(X))


def test_an_estimator_can_be_trained_on():
    pytest.importorskip("sklearn")
    estimator = to_sklearn(classifier())
    estimator.partial_fit(X, ["ant", "bee"] * 10)
    assert estimator.n_iter_ == 1


def test_what_scikit_learn_has_not_is_refused():
    networks = pytest.importorskip("sklearn.neural_network")
    from sklearn.pipeline import make_pipeline

    from nn.estimators import MLPClassifier

    hinge, mixed_classes, reverse = classifier(), classifier(), classifier(1)
    hinge.loss, mixed_classes.classes, reverse.classes = "hinge", [1, "a", 2], ["yes", "no"]
    for model, words in [
        (MLP(2, [2, 1], activation="gelu"), "hidden layers must have one of relu, tanh, sigmoid, linear, .* got gelu"),
        (MLP(2, [2, 1], output="tanh"), "the output linear; got relu and tanh"),
        (
            Sequential(Layer(2, 2), Layer(2, 2, activation="tanh"), Layer(2, 1)),
            "one of .*; got Linear, relu, Linear, tanh, ",
        ),
        (Sequential("tanh"), "one of|must"),
        (Sequential(Dropout(0.5)), "hidden layers must have one of .*; got no layer"),
        (Sequential(Layer(2, 2), Softmax()), "the output linear; got Linear, relu, softmax"),
        (hinge, "must be trained with .*cross_entropy.*, got hinge"),
        (mixed_classes, "classes must be all strings or all numbers"),
        (reverse, "in sorted order, as scikit-learn has them, got"),
    ]:
        with pytest.raises(ValueError, match=words):
            to_sklearn(model)
    own = MLPClassifier([2], max_iter=1, random_state=0).fit(X, [0, 1] * 10)
    counts = networks.MLPRegressor(hidden_layer_sizes=(2,), random_state=0).partial_fit(X, [0, 1] * 10)
    counts.out_activation_ = "exp"  # what loss="poisson" has
    for estimator, words in [
        (counts, "an output of softmax, logistic, identity, got relu and exp"),
        (networks.MLPClassifier(), "must be fitted"),
        (own, "got .*; its model_ is the MLP"),
        (make_pipeline(networks.MLPRegressor()), "of a pipeline, give the last step"),
        (3, "must be scikit-learn's"),
    ]:
        with pytest.raises(ValueError, match=words):
            from_sklearn(estimator)


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_an_empty_file_is_not_whole(ending, tmp_path):
    pytest.importorskip(ending)
    (tmp_path / f"empty.{ending}").write_bytes(b"")
    with pytest.raises(ModelFileError, match=f"empty.{ending}: not a whole (ONNX|safetensors) file"):
        MLP.load(tmp_path / f"empty.{ending}")
