"""One example with names, a Series, a dict or a named tuple, is read as a frame is: by the names that fit saw."""

import collections
from collections import namedtuple

import numpy as np
import pytest

from engine import Value
from nn import MLP, Layer, Neuron, Softmax
from nn.data import moons
from nn.data.names import by_name, rows_with_names

pd = pytest.importorskip("pandas")

X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
Y = pd.DataFrame({"u": 3 * X.a + X.b, "v": X.a - 10 * X.b})
OPTIONS = {"epochs": 2, "seed": 0, "progress": False, "optimizer": "sgd", "learning_rate": 0.01}
PAIR = namedtuple("Pair", "b a")
ROWS = [
    lambda row: row[["b", "a"]],
    lambda row: {"b": row.b, "a": row.a},
    lambda row: PAIR(row.b, row.a),
    lambda row: np.array([(row.b, row.a)], dtype=[("b", float), ("a", float)])[0],
]
TURNED = [ROWS[0](row) for _, row in X.iterrows()]
NUMBERS = X.iloc[0].tolist()


def numbers_of(outputs):
    return [output.data for output in (outputs if isinstance(outputs, list) else [outputs])]


def trained(kind=lambda: MLP(2, [2], seed=0)):
    model = kind()
    model.fit(X, Y[["u", "v"][: model.n_outputs]], **OPTIONS)
    return model


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    "kind", [lambda: MLP(2, [2], seed=0), lambda: Layer(2, 2, seed=0), lambda: Neuron(2, seed=0, activation="tanh")]
)
def test_a_model_reads_a_row_by_name(kind, row):
    model = trained(kind)
    named = row(X.iloc[0])
    assert numbers_of(model(named)) == numbers_of(model(NUMBERS))
    assert model.predict([named, X.iloc[1]]) == model.predict(X[:2])
    assert model.score([named, X.iloc[1]], Y[model.target_column_names][:2]) == model.score(
        X[:2], Y[model.target_column_names][:2]
    )


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_other_names_is_refused(row):
    model = trained()
    model.column_names = ["a", "c"]
    for call in (model, lambda x: model.predict([x]), lambda x: model.predict([NUMBERS, x])):
        with pytest.raises(ValueError, match=r"must have the columns that fit saw, \['a', 'c'\]"):
            call(row(X.iloc[0]))


def test_a_row_with_more_or_fewer_names_is_refused():
    model = trained()
    for row in ({"a": 1.0}, {"a": 1.0, "b": 2.0, "u": 3.0}, X.assign(u=0.0).iloc[0], next(X.itertuples())):
        with pytest.raises(ValueError, match=r"x must have the columns that fit saw, \['a', 'b'\], got"):
            model(row)
    assert numbers_of(model(next(X.itertuples(index=False)))) == numbers_of(model(NUMBERS))


def test_a_row_of_values_keeps_its_graph():
    model, a, b = trained(), Value(0.5), Value(-1.0)
    output = model({"b": b, "a": a})[0]
    output.backward()
    assert (a.grad, b.grad) == tuple(weight.data for weight in model.layers[0].neurons[0].w)


def test_a_model_without_names_reads_a_row_in_its_order():
    model = MLP(2, [1], seed=0)
    expected = model(NUMBERS).data
    for row in (X.iloc[0], {"a": NUMBERS[0], "b": NUMBERS[1]}, pd.Series(NUMBERS)):
        assert model(row).data == expected
        assert model.predict([row]) == [expected]
    turned = pd.Series(NUMBERS, index=[1, 0])
    for call in (model, lambda x: model.predict([x])):
        with pytest.raises(ValueError, match=r"must have .* in order, got the names \['1', '0'\]"):
            call(turned)
    with pytest.raises(ValueError, match=r"X must have the names of the first row, \['a', 'b'\], got \['b', 'c'\]"):
        model.predict([X.iloc[0], X.iloc[1].rename({"a": "b", "b": "c"})])
    assert model.predict([X.iloc[0], TURNED[1]]) == model.predict(X[:2])


def test_rows_with_numbers_that_pandas_counts_with_are_in_order():
    model = trained()
    assert numbers_of(model(pd.Series(NUMBERS))) == numbers_of(model(NUMBERS))


def test_fit_learns_the_names_of_rows():
    model, expected = MLP(2, [2], seed=0), trained()
    model.fit([row if i % 2 else TURNED[i] for i, (_, row) in enumerate(X.iterrows())][1:], Y[1:], **OPTIONS)
    assert model.column_names == ["a", "b"]
    assert model.predict(X[["b", "a"]]) == model.predict(X)
    again = MLP(2, [2], seed=0)
    targets = [dict(zip("vu", pair)) for pair in zip(Y.v, Y.u)]
    again.fit([dict(row) for _, row in X.iterrows()], [{"u": one["u"], "v": one["v"]} for one in targets], **OPTIONS)
    assert again.target_column_names == ["u", "v"]
    assert again.state_dict() == expected.state_dict()
    assert again.score(TURNED, targets) == again.score(X, Y)
    expected.fit(TURNED, targets, validation_data=(TURNED, targets), **OPTIONS)
    again.fit(X, Y, validation_data=(X, Y), **OPTIONS)
    assert again.state_dict() == expected.state_dict()


def test_records_are_rows():
    model, other = trained(), MLP(2, [2], seed=0)
    records = X[["b", "a"]].to_records(index=False)
    assert model.predict(records) == model.predict(X)
    other.fit(X.to_records(index=False), Y.to_records(index=False), **OPTIONS)
    assert (other.column_names, other.target_column_names) == (["a", "b"], ["u", "v"])
    assert other.state_dict() == model.state_dict()
    with pytest.raises(ValueError, match="X must have the columns that fit saw"):
        model.predict(X.to_records())


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_rows_of_answers_are_read_by_name(loss):
    truth = pd.DataFrame({"yes": (X.a > 0) * 1.0, "no": (X.a <= 0) * 1.0})
    model, other = MLP(2, [2], seed=0), MLP(2, [2], seed=0)
    model.fit(X, truth, loss=loss, **OPTIONS)
    other.fit(X, truth.to_dict("records"), loss=loss, **OPTIONS)
    assert other.classes == model.classes == ["yes", "no"]
    assert other.state_dict() == model.state_dict()
    assert other.score(X, truth[["no", "yes"]].to_dict("records")) == model.score(X, truth)


def test_a_series_of_the_only_input_has_its_name():
    model = MLP(1, [1], seed=0)
    model.fit(X["a"], Y["u"], **OPTIONS)
    assert model.column_names == ["a"]
    expected = model.predict(X[["a"]])
    for same in (X["a"], X["a"].rename(None), X["a"].rename(0), X["a"].tolist()):
        assert model.predict(same) == expected
    assert model.predict(X.iloc[3][["a"]]) == expected[3:4]
    with pytest.raises(ValueError, match=r"X must have the columns that fit saw, \['a'\], got \['b'\]"):
        model.predict(X["b"])


def test_a_frame_is_no_example():
    for model in (trained(), MLP(2, [2], seed=0), Layer(2, 1), Neuron(2)):
        for rows in (X[:1], X[:2], X[:1].to_numpy()):
            with pytest.raises(TypeError, match=r"x must be the inputs of one example, got rows of them; predict\(X\)"):
                model(rows)
    with pytest.raises(ValueError, match=r"got \(2,\); one example is a row: predict\(\[x\]\)"):
        trained().predict(X.iloc[0])


def test_a_picture_reads_a_row_by_name(monkeypatch):
    pytest.importorskip("matplotlib")
    from nn.pictures import network, neurons

    seen = []
    draw = neurons.activations_of
    monkeypatch.setattr(neurons, "activations_of", lambda layers, x: seen.append(x) or draw(layers, x))
    model = trained()
    network(model, TURNED[0])
    network(model, {"b": NUMBERS[1], "a": NUMBERS[0]}, Y.iloc[0][["v", "u"]])
    assert seen == [NUMBERS, NUMBERS]
    for target in ({"u": 1.0, "w": 2.0}, Y.iloc[0].rename({"v": "w"})):
        with pytest.raises(ValueError, match="target must have the columns that fit saw"):
            network(model, X.iloc[0], target)
    with pytest.raises(ValueError, match=r"x must have the columns that fit saw, \['a', 'b'\]"):
        network(model, X.iloc[0].rename({"b": "c"}))


def test_the_estimators_read_rows_by_name():
    estimators = pytest.importorskip("nn.estimators")
    model = estimators.MLPRegressor([], max_iter=5, random_state=0).fit(X, Y)
    expected = model.predict(X[:2]).tolist()
    assert model.predict(TURNED[:2]).tolist() == expected
    assert model.predict([dict(row) for row in TURNED[:2]]).tolist() == expected
    with pytest.raises(ValueError, match="X must have the columns that fit saw"):
        model.predict([X.iloc[0].rename({"b": "c"})])
    rows = estimators.MLPRegressor([], max_iter=5, random_state=0).fit(TURNED, Y)
    assert rows.predict(X).tolist() == rows.predict(TURNED).tolist()


def test_pictures_name_the_columns():
    pytest.importorskip("matplotlib")
    from matplotlib.text import Text

    from nn.pictures import TrainingStepper, decision_boundary, network

    def words(figure):
        return {text.get_text() for text in figure.findobj(Text)}

    labels = (X.a > 0.0) * 1
    learned, fresh = MLP(2, [1], seed=0), MLP(2, [1], seed=0)
    learned.fit(X, labels, loss="binary_cross_entropy", **OPTIONS)
    options = {"loss": "binary_cross_entropy"}
    for model, table in ((learned, X[["b", "a"]]), (learned, X.to_numpy()), (fresh, X)):
        figure = decision_boundary(model, table, labels, resolution=5, **options)
        assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("a", "b")
    assert {"a", "b"} <= words(network(learned, NUMBERS))
    assert not {"a", "b"} & words(network(learned, NUMBERS, input_names=["p", "q"]))
    assert TrainingStepper(fresh, X, labels, **options).input_names == ["a", "b"]
    assert TrainingStepper(fresh, X.to_numpy(), labels, input_names=np.array(["p", "q"])).input_names == ["p", "q"]
    counted = decision_boundary(MLP(2, [1], seed=0), pd.DataFrame(X.to_numpy()), labels, resolution=5, **options)
    assert counted.axes[0].get_xlabel() == "first input"


CONTAINERS = [
    collections.deque,
    lambda rows: dict(enumerate(rows)).values(),
    pd.Series,
    lambda rows: np.array([*rows, None], object)[:-1],
    lambda rows: [dict(zip(row._fields, row)) for row in rows],
]


def structs(rows):
    polars = pytest.importorskip("polars")
    return polars.DataFrame([row._asdict() for row in rows]).to_struct()


@pytest.mark.parametrize("container", [*CONTAINERS, structs])
def test_rows_with_names_in_any_container_are_read_by_name(container):
    model, again = trained(), MLP(2, [2], seed=0)
    rows = container([PAIR(row.b, row.a) for row in X.itertuples()])
    assert model.predict(rows) == model.predict(X)
    assert model.score(rows, container(list(Y.itertuples(index=False)))) == model.score(X, Y)
    again.fit(container(list(X.itertuples(index=False))), container(list(Y.itertuples(index=False))), **OPTIONS)
    assert (again.column_names, again.target_column_names) == (["a", "b"], ["u", "v"])
    assert again.state_dict() == model.state_dict()
    with pytest.raises(ValueError, match=r"must have the columns that fit saw, \['a', 'b'\]"):
        model.predict(container(list(Y.itertuples(index=False))))


@pytest.mark.parametrize("column", [X.a, X.a.astype(object), X.a.rename(None), (X.a > 0).astype("category")])
def test_a_column_holds_no_rows_with_names(column):
    assert rows_with_names(column) is None


@pytest.mark.parametrize("row", [{8.0, 1.0}, frozenset({8.0, 1.0}), {8.0: 0, 1.0: 0}.keys()])
def test_a_set_is_no_row(row):
    model = trained()
    with pytest.raises(ValueError, match=r"X must have rows in an order, got .* in row 1; make it a list"):
        model.predict([[1.0, 2.0], row])
    with pytest.raises(ValueError, match="y must have"):
        model.fit(X, [row] * 30, **OPTIONS)
    for part in (model, model.layers[0], model.layers[0].neurons[0], Softmax()):
        with pytest.raises(TypeError, match="x must be the inputs of one example, such as"):
            part(row)


def test_columns_in_a_named_tuple_are_no_rows():
    model, columns = trained(), PAIR(b=[2.0, 4.0], a=[1.0, 3.0])
    for call in (lambda: model.predict(columns), lambda: MLP(2, [2]).fit(columns, Y[:2], **OPTIONS)):
        with pytest.raises(ValueError, match=r"X must be rows of numbers, got Pair.*; give a list of rows, or a"):
            call()
    with pytest.raises(ValueError, match=r"y must be rows of numbers, got Pair.* names$"):
        MLP(2, [2]).fit(X, columns, **OPTIONS)
    with pytest.raises(ValueError, match=r"y must be a list of labels, got Pair"):
        MLP(2, [1]).fit(X[:2], PAIR(1, 0), loss="binary_cross_entropy", **OPTIONS)


@pytest.mark.parametrize("targets", [dict(enumerate(Y.u)), dict(Y), set(Y.u)])
def test_targets_that_are_no_rows_get_no_advice_about_classes(targets):
    for n in (1, 2):
        with pytest.raises(ValueError, match=r"(?s)^y must be rows of numbers, got (dict|set) ((?!cross_entropy).)*$"):
            MLP(2, [n]).fit(X, targets, **OPTIONS)


def test_masked_numbers_in_a_list_are_refused():
    with pytest.raises(ValueError, match="X must have no masked numbers, got 1 of them"):
        trained().predict([np.ma.array([1.0, 2.0], mask=[0, 1])])


@pytest.mark.parametrize("names", ["y X", "X y"])
def test_validation_data_is_read_by_name(names):
    fields = {"X": X, "y": Y}
    pair = namedtuple("Validation", names)(**fields)
    one, other = MLP(2, [2], seed=0), MLP(2, [2], seed=0)
    expected = one.fit(X, Y, validation_data=(X, Y), **OPTIONS).validation_loss
    assert other.fit(X, Y, validation_data=pair, **OPTIONS).validation_loss == expected


def test_validation_data_of_other_names_is_refused():
    with pytest.raises(ValueError, match=r"validation_data must be a pair \(X, y\), got Validation\(targets="):
        trained().fit(X, Y, validation_data=namedtuple("Validation", "targets inputs")(Y, X), **OPTIONS)


def test_a_data_set_is_validation_data():
    data, held_out = moons(40).split(0.2, 0)
    one, other = MLP(2, [1], seed=0), MLP(2, [1], seed=0)
    options = {"loss": "binary_cross_entropy", **OPTIONS}
    expected = one.fit(*data, validation_data=tuple(held_out), **options).validation_loss
    assert other.fit(*data, validation_data=held_out, **options).validation_loss == expected


def test_a_record_in_an_array_without_axes_is_no_row_read_by_position() -> None:
    record = np.array((0.5, 2.0), dtype=[("a", float), ("b", float)])
    with pytest.raises(TypeError, match="0-d array"):
        by_name([record, record], ["b", "a"])


def test_rows_keep_their_names_or_become_lists() -> None:
    rows = [PAIR(2.0, 1.0), [3.0, 4.0], {"a": 5.0, "b": 6.0}]
    assert by_name(rows, ["a", "b"]) == [{"a": 1.0, "b": 2.0}, [3.0, 4.0], {"a": 5.0, "b": 6.0}]
    assert by_name(rows, ["a", "b"], keep=False) == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert by_name(rows, None, keep=False) == [[2.0, 1.0], [3.0, 4.0], [6.0, 5.0]]
    for keep in (True, False):
        with pytest.raises(ValueError, match=r"X must have its numbers in order, got the names \['1', '0'\]"):
            by_name([{1: 2.0, 0: 1.0}], None, keep=keep)
