"""A frame is read by the names of its columns: inputs and targets, in training, validation, scores, files, sklearn."""

import numpy as np
import pytest

from nn import MLP

pd = pytest.importorskip("pandas")

X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
Y = pd.DataFrame({"u": 3 * X.a + X.b, "v": X.a - 10 * X.b})
SWAPPED = Y[["v", "u"]]
OPTIONS = {"epochs": 3, "seed": 0, "progress": False, "optimizer": "sgd", "learning_rate": 0.01}


def model(n_outputs=2, seed=0):
    return MLP(2, [n_outputs], seed=seed)


def weights(trained):
    return [parameter.data for parameter in trained.parameters()]


@pytest.fixture
def trained():
    network = model()
    network.fit(X, Y, **OPTIONS)
    return network


def test_targets_are_read_by_name_in_scores(trained, tmp_path):
    expected = trained.score(X, Y)
    assert trained.score(X, SWAPPED) == trained.score(X[["b", "a"]], SWAPPED) == expected
    assert trained.score(X, Y.to_numpy()) == expected
    trained.save(tmp_path / "model.json")
    assert MLP.load(tmp_path / "model.json").score(X, SWAPPED) == expected


def test_other_targets_are_refused(trained):
    with pytest.raises(ValueError, match=r"y must have the columns that fit saw, \['u', 'v'\], got \['u', 'w'\]"):
        trained.score(X, Y.rename(columns={"v": "w"}))
    with pytest.raises(ValueError, match="validation y must have the columns"):
        trained.fit(X, Y, validation_data=(X, Y.rename(columns={"v": "w"})), **OPTIONS)


def test_targets_of_validation_are_read_by_name():
    one, other = model(), model()
    expected = one.fit(X, Y, validation_data=(X, Y), **OPTIONS).validation_loss
    assert other.fit(X, Y, validation_data=(X, SWAPPED), **OPTIONS).validation_loss == expected


def test_training_again_with_swapped_targets_goes_on(trained):
    other = model()
    other.fit(X, Y, **OPTIONS)
    other.fit(X, Y, **OPTIONS)
    trained.fit(X, SWAPPED, **OPTIONS)
    assert weights(trained) == weights(other)
    trained.fit(X, Y.rename(columns={"v": "w"}), **OPTIONS)  # other targets: a new start
    assert trained.target_column_names == ["u", "w"]


def test_a_series_of_targets_has_a_name(tmp_path):
    network = model(1)
    network.fit(X, Y["u"], validation_data=(X, Y[["u"]]), **OPTIONS)
    expected = network.score(X, Y[["u"]])
    for same in (Y["u"], Y["u"].rename(None), Y["v"].rename("u") * 0.0 + Y["u"], Y["u"].to_numpy(), list(Y["u"])):
        assert network.score(X, same) == expected
    network.save(tmp_path / "model.json")
    for each in (network, MLP.load(tmp_path / "model.json")):
        for other in (Y["v"], Y[["v"]], Y["u"].rename(2024)):
            with pytest.raises(ValueError, match=r"y must have the columns that fit saw, \['u'\], got \['"):
                each.score(X, other)
    with pytest.raises(ValueError, match="validation y must have the columns"):
        network.fit(X, Y["u"], validation_data=(X, Y["v"]), **OPTIONS)
    network.fit(X, Y["v"], **OPTIONS)
    assert network.target_column_names == ["v"]
    network.fit(X, (Y["u"] > 0).rename("is_u"), loss="binary_cross_entropy", **OPTIONS)
    assert network.target_column_names is None  # of labels, as of a frame of them
    one = MLP(1, [1], seed=0)
    one.fit(X["a"], Y["u"], **OPTIONS)
    assert len(one.predict(X.iloc[3][["a"]])) == 1  # a row, whose name is its number


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_answers_and_probabilities_are_read_by_name(loss):
    truth = pd.DataFrame({"yes": (X.a > 0) * 1.0, "no": (X.a <= 0) * 1.0})
    network = model()
    network.fit(X, truth, loss=loss, **OPTIONS)
    assert network.classes == ["yes", "no"]
    assert network.score(X, truth[["no", "yes"]]) == network.score(X, truth)
    with pytest.raises(ValueError, match="y must have the columns"):
        network.score(X, truth.rename(columns={"no": "maybe"}))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize(
    ("names", "classes"), [([("x", 1), ("y", 1)], ["(x, 1)", "(y, 1)"]), ([2019, 2020], [2019, 2020])]
)
def test_answers_named_by_other_things_than_texts(loss, names, classes):
    truth = pd.DataFrame({0: (X.a > 0) * 1.0, 1: (X.a <= 0) * 1.0}).set_axis(pd.Index(names), axis=1)
    network = model()
    network.fit(X, truth, loss=loss, **OPTIONS)
    assert network.classes == classes
    assert network.score(X, truth[truth.columns[::-1]]) == network.score(X, truth)


def test_the_order_of_given_classes_is_that_of_the_outputs():
    truth = pd.DataFrame({"yes": (X.a > 0) * 1.0, "no": (X.a <= 0) * 1.0})
    one, other = model(), model()
    one.fit(X, truth, loss="cross_entropy", classes=["no", "yes"], **OPTIONS)
    other.fit(X, truth[["no", "yes"]], loss="cross_entropy", **OPTIONS)
    assert weights(one) == weights(other)


@pytest.mark.parametrize("names", [[0, 1], [2019, 2020], [("x", 1), ("y", 1)], [0.5, "b"]])
def test_columns_named_by_other_things_than_texts(names, tmp_path):
    table = X.set_axis(pd.Index(names), axis=1)
    network = model()
    network.fit(table, Y, **OPTIONS)
    turned = table[[table.columns[1], table.columns[0]]]
    assert network.predict(turned) == network.predict(table)
    network.save(tmp_path / "model.json")
    assert MLP.load(tmp_path / "model.json").predict(turned) == network.predict(table)
    with pytest.raises(ValueError, match="X must have the columns"):
        network.predict(table.set_axis([7, 8], axis=1))


def test_numbers_that_pandas_counts_columns_with_are_no_names(trained):
    expected = trained.predict(X)
    assert trained.predict(pd.DataFrame(X.to_numpy())) == expected
    counted = model()
    counted.fit(pd.DataFrame(X.to_numpy()), pd.DataFrame(Y.to_numpy()), **OPTIONS)
    assert counted.predict(X) == expected
    assert counted.score(X, Y) == trained.score(X, Y)


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"], [None, "None"], [True, 1], [0, False], [1, 1.0]])
def test_columns_that_names_cannot_tell_apart_are_refused_in_training(names, trained):
    table, targets = (
        X.set_axis(pd.Index(names, dtype=object), axis=1),
        Y.set_axis(pd.Index(names, dtype=object), axis=1),
    )
    for fit in (model().fit, trained.fit):
        with pytest.raises(ValueError, match="X must have columns of different names, got"):
            fit(table, Y, **OPTIONS)
        with pytest.raises(ValueError, match="y must have columns of different names, got"):
            fit(X, targets, **OPTIONS)
    for a, b in ((table, Y), (X, targets)):
        with pytest.raises(ValueError, match="must have the columns that fit saw"):
            trained.score(a, b)
    trained.column_names = list(map(str, names[::-1]))  # such as from an old file
    if trained.column_names != list(map(str, names)):
        with pytest.raises(ValueError, match="must have the columns that fit saw"):
            trained.predict(table)
    unnamed = model()
    unnamed.fit(X.to_numpy(), Y.to_numpy(), **OPTIONS)
    assert unnamed.score(table, targets) == unnamed.score(X, Y)  # by place, as always without names


def test_a_model_of_the_command_reads_frames_by_name(tmp_path):
    from nn.__main__ import main

    data, out = tmp_path / "data.csv", tmp_path / "model.json"
    X.assign(u=Y.u).to_csv(data, index=False)
    main(["train", str(data), "--regression", "--epochs", "1", "--out", str(out), "--quiet"])
    network = MLP.load(out)
    assert network.predict(X[["b", "a"]]) == network.predict(X)
    with pytest.raises(ValueError, match=r"fit saw, \['a', 'b'\]"):
        network.predict(X.rename(columns={"a": "c"}))
    expected = network.score(X, Y.u.to_numpy())
    assert network.score(X, Y[["u"]]) == network.score(X.assign(u=0.0)[["b", "a"]], Y[["u"]]) == expected
    with pytest.raises(ValueError, match=r"y must have the columns that fit saw, \['u'\], got \['a'\]"):
        network.score(X, X[["a"]])
    problem = pytest.importorskip("nn.pictures.problems").problem
    with pytest.raises(ValueError, match="y must have the columns that fit saw"):
        problem(network, X, X[["a"]], None)
    network.fit(X[["b", "a"]], Y.u, **OPTIONS)
    assert network.column_names == ["a", "b"]
    assert network.table is not None
    network.fit(X.rename(columns={"a": "c"}), Y.u, **OPTIONS)
    assert network.table is None


def test_inputs_of_a_category_are_named(tmp_path):
    from nn.__main__ import main

    data, out = tmp_path / "data.csv", tmp_path / "model.json"
    frame = pd.DataFrame({"a": X.a, "colour": ["red", "blue", "green"] * 10, "u": Y.u})
    frame.to_csv(data, index=False)
    main(["train", str(data), "--regression", "--epochs", "1", "--out", str(out), "--quiet"])
    with pytest.raises(ValueError, match="'colour=blue', 'colour=green', 'colour=red'"):
        MLP.load(out).predict(pd.DataFrame(np.zeros((2, 4)), columns=["red", "a", "green", "blue"]))


def test_the_estimators_read_frames_by_name():
    estimators = pytest.importorskip("nn.estimators")
    network = estimators.MLPRegressor([], max_iter=5, random_state=0).fit(X, Y)
    assert network.score(X, SWAPPED) == network.score(X, Y)
    assert network.model_.score(X, SWAPPED) == network.model_.score(X, Y)
    counted = X.set_axis([1, 0], axis=1)
    network.fit(counted, Y)
    np.testing.assert_array_equal(network.predict(counted[[0, 1]]), network.predict(counted))
    answers = pd.DataFrame({"p": (X.a > 0) * 1, "q": (X.b > 0) * 1})
    classifier = estimators.MLPClassifier([], max_iter=5, random_state=0).fit(X, answers)
    assert classifier.score(X, answers[["q", "p"]]) == classifier.score(X, answers)


def test_pictures_read_frames_by_name(trained):
    pytest.importorskip("matplotlib")
    from nn.pictures.problems import problem

    found = problem(trained, X, Y, None)
    assert problem(trained, X[["b", "a"]], SWAPPED, None).cost() == found.cost()


def test_tables_of_arrow_are_read_by_name(trained):
    arrow = pytest.importorskip("pyarrow")
    turned, targets = arrow.table(dict(X[["b", "a"]])), arrow.table(dict(SWAPPED))
    assert trained.predict(turned) == trained.predict(X)
    assert trained.score(turned, targets) == trained.score(X, Y)
    network = model()
    network.fit(arrow.table(dict(X)), arrow.table(dict(Y)), validation_data=(turned, targets), **OPTIONS)
    assert (network.column_names, network.target_column_names) == (["a", "b"], ["u", "v"])
    assert weights(network) == weights(trained)
    with pytest.raises(ValueError, match=r"X must have the columns that fit saw, \['a', 'b'\], got \['u', 'v'\]"):
        trained.predict(arrow.table(dict(Y)))
    with pytest.raises(ValueError, match="X must have columns of different names"):
        model().fit(arrow.Table.from_arrays([[1.0], [2.0]], names=["a", "a"]), Y[:1], **OPTIONS)
