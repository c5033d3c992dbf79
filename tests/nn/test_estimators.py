"""nn.estimators: what scikit-learn's tools ask of an estimator, and what its users type."""

import json
import os
import pickle
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from nn import MLP, Activation, AdamW, EarlyStopping, mae
from nn.estimators import MLPClassifier, MLPRegressor

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
IRIS_X = scale(IRIS_X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[IRIS_Y]
BOTH = pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])


def small(kind=MLPClassifier, **options):
    return kind(**{"hidden_layer_sizes": [6], "learning_rate": 0.05, "max_iter": 30, "random_state": 0, **options})


# ------------------------------------------------------------------------------------------------ scikit-learn's checks

CHECKS = """
import warnings
warnings.simplefilter("ignore")
from sklearn.utils.estimator_checks import check_estimator
from nn.estimators import {kind}
results = check_estimator({kind}([10], learning_rate=0.02, max_iter=60), on_fail=None, on_skip=None)
for result in results:
    if result["status"] != "passed":
        print(result["check_name"], result["status"], repr(result["exception"]))
print(len(results) > 50)
"""


@BOTH
@pytest.mark.slow
def test_scikit_learns_checks(kind):
    """All of them: none skipped, none expected to fail. scipy reads SCIPY_ARRAY_API when it is imported."""
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    code = CHECKS.format(kind=kind.__name__)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(("missing", "said"), [("sklearn", "sklearn"), ("sklearn.utils.validation", "validation")])
def test_without_scikit_learn(missing, said):
    code = f"import sys; sys.modules[{missing!r}] = None; import nn; print(nn.MLP.__name__); nn.estimators"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "MLP\n"
    *_, last = done.stderr.splitlines()
    assert last.startswith("ImportError: nn.estimators must have scikit-learn 1.6 or newer (")
    assert said in last
    assert last.endswith('): pip install "gradstep[estimators]"')


# ------------------------------------------------------------------------------------------------------ what one types


@pytest.mark.parametrize(
    ("data", "kind", "least"),
    [(load_iris, MLPClassifier, 0.85), pytest.param(load_diabetes, MLPRegressor, 0.2, marks=pytest.mark.slow)],
)
def test_defaults_learn(data, kind, least):
    X, y = data(return_X_y=True)
    model = make_pipeline(StandardScaler(), kind(random_state=0)).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) > least


@pytest.mark.slow
def test_defaults_learn_digits():
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPClassifier([32], max_iter=60, random_state=0)).fit(X[:500], y[:500])
    assert model.score(X[500:1000], y[500:1000]) > 0.8


@pytest.mark.slow
def test_search_in_two_processes():
    pipeline = make_pipeline(StandardScaler(), small())
    grid = {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 4)], "mlpclassifier__optimizer": ["adam", AdamW()]}
    pipeline.set_params(mlpclassifier__learning_rate=None)
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(IRIS_X, NAMES)
    assert search.best_params_.keys() == grid.keys()
    assert set(search.predict(IRIS_X)) <= set(NAMES)


def test_get_and_set_params_and_clone():
    model = small(class_weight="balanced")
    assert model.get_params()["class_weight"] == "balanced"
    assert set(model.get_params()) - set(MLPRegressor().get_params()) == {"class_weight"}
    other = clone(model).set_params(max_iter=3)
    assert (other.max_iter, other.hidden_layer_sizes, model.max_iter) == (3, [6], 30)
    assert repr(MLPClassifier(max_iter=3)) == "MLPClassifier(max_iter=3)"
    assert repr(MLPRegressor((5,), "tanh")) == "MLPRegressor(activation='tanh', hidden_layer_sizes=(5,))"


def test_a_subclass_may_have_an_init_of_its_own():
    class Small(MLPClassifier):
        def __init__(self, hidden_layer_sizes=(3,), max_iter=5):
            super().__init__(hidden_layer_sizes, max_iter=max_iter, random_state=0)

    model = clone(Small(max_iter=4)).fit(IRIS_X, IRIS_Y)
    assert (model.n_iter_, model.get_params()) == (4, {"hidden_layer_sizes": (3,), "max_iter": 4})


@BOTH
def test_pickles_and_files(kind, tmp_path):
    model = small(kind).fit(IRIS_X, IRIS_Y)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(IRIS_X).tolist() == model.predict(IRIS_X).tolist()
    assert again.model_.state_dict() == model.model_.state_dict()
    model.model_.save(tmp_path / "model.json")
    loaded = MLP.load(tmp_path / "model.json")
    assert loaded.predict(IRIS_X) == model.predict(IRIS_X).tolist()
    assert "parameters" in json.loads((tmp_path / "model.json").read_text())


def test_texts_of_pandas_are_labels_in_a_file(tmp_path):
    model = small().fit(IRIS_X, pd.Series(IRIS_Y).map({0: "a", 1: "b", 2: "c"}))
    model.model_.save(tmp_path / "model.json")
    assert MLP.load(tmp_path / "model.json").classes == ["a", "b", "c"]


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes", "maybe"],
        [False, True],
        [0.5, 1.5, 2.5],
        [7, 3],
        [-1.0, 1.0],
        np.array(["b", "a"], dtype=object),
        pd.Series(["no", "yes", "maybe"], dtype="category"),
    ],
    ids=str,
)
def test_labels(labels):
    labels = np.asarray(labels)
    if labels.dtype.kind == "f" and 0.5 in labels:
        labels = labels.astype(str)  # fractions are numbers to scikit-learn
    y = labels[np.arange(60) % len(labels)]
    X = np.eye(len(labels))[np.arange(60) % len(labels)]
    model = small(max_iter=100).fit(X, y)
    assert model.classes_.tolist() == sorted(labels.tolist())
    assert model.model_.classes == model.classes_.tolist()
    assert model.predict(X).dtype == model.classes_.dtype
    assert model.predict(X).tolist() == y.tolist()
    assert small(max_iter=100).fit(pd.DataFrame(X), pd.Series(y)).predict(pd.DataFrame(X)).tolist() == y.tolist()


def test_probabilities_and_logits():
    for y in (IRIS_Y, IRIS_Y == 1):
        model = small().fit(IRIS_X, y)
        probabilities, logits = model.predict_proba(IRIS_X), model.decision_function(IRIS_X)
        assert probabilities.shape == (150, len(set(y)))
        assert probabilities.sum(axis=1) == pytest.approx(1.0)
        assert np.exp(model.predict_log_proba(IRIS_X)) == pytest.approx(probabilities)
        decided = logits > 0 if logits.ndim == 1 else logits.argmax(axis=1)
        assert model.classes_[decided.astype(int)].tolist() == model.predict(IRIS_X).tolist()
        assert (probabilities == model.model_.predict_proba(IRIS_X)).all()


def test_columns_are_known_by_name():
    frame = pd.DataFrame(IRIS_X, columns=["a", "b", "c", "d"])
    model = small().fit(frame, NAMES)
    assert (model.n_features_in_, model.feature_names_in_.tolist()) == (4, ["a", "b", "c", "d"])
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expecting 4 features"):
        small().fit(IRIS_X, NAMES).predict(IRIS_X[:, :2])


def test_score_with_weights():
    model = small(max_iter=3).fit(IRIS_X, IRIS_Y)
    right = model.predict(IRIS_X) == IRIS_Y
    assert model.score(IRIS_X, IRIS_Y) == right.mean()
    assert model.score(IRIS_X, IRIS_Y, sample_weight=right.astype(float)) == 1.0


def test_answers_to_several_questions():
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (80, 2))
    Y = (X > 0.0).astype(int)
    model = small(max_iter=150).fit(X, Y)
    assert model.predict([[0.9, -0.9], [0.9, 0.9]]).tolist() == [[1, 0], [1, 1]]
    assert model.predict_proba(X).shape == model.decision_function(X).shape == Y.shape
    assert model.score(X, Y) > 0.9
    assert model.classes_.tolist() == [0, 1]


def test_sparse_tables():
    X = pytest.importorskip("scipy.sparse").csr_matrix(np.where(IRIS_X > 0.0, IRIS_X, 0.0))
    dense, sparse = small().fit(X.toarray(), NAMES), small().fit(X, NAMES)
    assert (sparse.predict_proba(X) == dense.predict_proba(X.toarray())).all()


def test_several_numbers():
    Y = np.stack([3.0 * IRIS_X[:, 0] + 1000.0, -IRIS_X[:, 1], np.full(150, 5.0)], axis=1)
    model = small(MLPRegressor, max_iter=200).fit(IRIS_X, Y)
    assert model.predict(IRIS_X).shape == Y.shape
    assert model.score(IRIS_X, Y) > 0.6, "1, 1, and 0 for what is constant"
    assert model.predict(IRIS_X)[:, 0].mean() == pytest.approx(1000.0, abs=1.0)


@pytest.mark.parametrize("loss", ["mse", "MAE", "huber", mae])
def test_numbers_far_from_0_are_learned(loss):
    y = 1e6 + 1e5 * IRIS_X[:, 2]
    model = small(MLPRegressor, loss=loss, max_iter=150).fit(IRIS_X, y)
    assert model.score(IRIS_X, y) > 0.9
    assert model.model_.predict(IRIS_X) == model.predict(IRIS_X).tolist()
    assert model.loss_curve_[-1] < 1.0, "in units of y's standard deviation"


def test_a_loss_of_ones_own_sees_numbers_as_they_are():
    seen = []

    def own(output, target):
        seen.append(float(target))
        return (output - target) ** 2

    small(MLPRegressor, loss=own, max_iter=2).fit(IRIS_X, 100.0 + IRIS_X[:, 0], replay=False)
    assert 97.0 < min(seen) < max(seen) < 103.0


# ---------------------------------------------------------------------------------------------------- weights, stopping


@BOTH
def test_a_weight_counts_an_example_as_often(kind):
    X, y, weights = IRIS_X[::10], IRIS_Y[::10], np.arange(15) % 4
    weighted = small(kind).fit(X, y, sample_weight=weights)
    repeated = small(kind).fit(X.repeat(weights, axis=0), y.repeat(weights))
    tenfold = small(kind).fit(X, y, sample_weight=10.0 * weights)
    assert weighted.predict(IRIS_X) == pytest.approx(repeated.predict(IRIS_X))
    assert weighted.predict(IRIS_X) == pytest.approx(tenfold.predict(IRIS_X))
    for wrong in (np.zeros(15), np.full(15, 1e308)):
        with pytest.raises(ValueError, match=r"(?i)sample.weight"):
            small(kind).fit(X, y, sample_weight=wrong)
    with pytest.raises(ValueError, match=r"Negative values .* `sample_weight`"):
        small(kind).fit(X, y, sample_weight=[3.0, *[-0.1] * 14])


def test_class_weight():
    X, y = np.zeros((40, 1)), ["rare"] * 10 + ["often"] * 30
    plain, balanced = (small(max_iter=200, class_weight=each).fit(X, y) for each in (None, "balanced"))
    assert plain.predict_proba([[0.0]])[0, 1] == pytest.approx(0.25, abs=0.05)
    assert balanced.predict_proba([[0.0]])[0, 1] == pytest.approx(0.5, abs=0.05)
    assert small(class_weight={"rare": 100.0, "often": 0.01}).fit(X, y).predict([[0.0]]) == ["rare"]
    with pytest.raises(ValueError, match="class_weight must be"):
        small(class_weight={"rare": 1.0}).fit(X, y)


@pytest.mark.parametrize("stopping", [True, 4, EarlyStopping(patience=4)])
def test_early_stopping(stopping):
    y = np.random.RandomState(0).randint(0, 2, 150)  # nothing to learn
    model = small(early_stopping=stopping, validation_fraction=0.25, max_iter=500).fit(IRIS_X, y)
    losses = model.history_.validation_loss
    assert model.n_iter_ == len(model.loss_curve_) == len(losses) < 500
    assert losses.index(min(losses)) == model.n_iter_ - 1 - (10 if stopping is True else 4)
    assert small().fit(IRIS_X, y).history_.validation_loss == []
    assert len(small().fit(IRIS_X, y, validation_data=(IRIS_X, y)).history_.validation_loss) == 30


def test_random_state():
    def weights(model):
        return list(model.fit(IRIS_X, IRIS_Y).model_.state_dict().values())

    fixed = small(max_iter=2)
    assert weights(fixed) == weights(fixed) == weights(clone(fixed))
    drawn = small(max_iter=2, random_state=np.random.RandomState(3))
    assert weights(drawn) != weights(drawn)
    free = small(max_iter=2, random_state=None)
    state = np.random.get_state()
    np.random.seed(5)
    first, second = weights(free), weights(free)
    np.random.seed(5)
    assert weights(free) == first != second
    np.random.set_state(state)


def test_an_optimizer_is_left_as_it_was():
    optimizer = AdamW(learning_rate=0.05)
    model = small(optimizer=optimizer, learning_rate=None)
    first = model.fit(IRIS_X, IRIS_Y).loss_curve_
    assert model.fit(IRIS_X, IRIS_Y).loss_curve_ == first
    assert model.optimizer is optimizer
    assert (optimizer.steps, optimizer.parameters) == (0, None)


def test_more_arguments_of_fit_and_activations_by_their_other_names():
    model = small(activation="logistic").fit(IRIS_X, IRIS_Y, callbacks=[lambda model, history: history.epochs == 3])
    assert (model.n_iter_, model.model_.activation) == (3, "sigmoid")
    assert small(activation=lambda z: z.tanh()).fit(IRIS_X, IRIS_Y).score(IRIS_X, IRIS_Y) > 0.5


# -------------------------------------------------------------------------------------------------------------- answers


@BOTH
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("solver", r'did you mean optimizer="adam"\?'),
        ("alpha", r"did you mean optimizer=Adam\(l2=\.\.\.\)\?"),
        ("learning_rate_init", r"did you mean learning_rate=\.\.\."),
        ("n_iter_no_change", r"did you mean early_stopping=10\?"),
        ("hidden_layers", r"did you mean hidden_layer_sizes=\?"),
        ("warm_start", r"did you mean model_\.fit\(X, y\), which trains the same network further\?"),
        ("shuffle", r"it has hidden_layer_sizes, activation, "),
    ],
)
def test_names_that_are_others_here(kind, name, said):
    with pytest.raises(TypeError, match=f"{kind.__name__} has no argument {name}=; {said}"):
        kind(**{name: 1})
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}'"):
        kind().set_params(**{name: 1})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be an int >= 1, got 0"),
        ({"max_iter": "ten"}, "max_iter must be an int >= 0, got 'ten'"),
        ({"hidden_layer_sizes": "many"}, "hidden_layer_sizes must be an int >= 1, got 'many'"),
        ({"activation": "rely"}, "activation must be one of .* did you mean 'relu'"),
        ({"optimizer": "lbfgs"}, "'lbfgs'"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_iter": 0.5}, r"max_iter must be an int >= 0, got 0\.5"),
        ({"random_state": "zero"}, "'zero' cannot be used to seed"),
        ({"early_stopping": True, "validation_fraction": 1.5}, "in \\(0, 1\\)"),
    ],
)
@BOTH
def test_arguments_that_do_not_fit(kind, options, said):
    with pytest.raises(ValueError, match=said):
        small(kind, **options).fit(IRIS_X, IRIS_Y)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("epochs", "; give max_iter= to {kind}(...)"),
        ("seed", "; give random_state= to {kind}(...)"),
        ("batch_size", "; give batch_size= to {kind}(...)"),
        ("classes", ""),
    ],
)
@BOTH
def test_arguments_of_the_estimator_are_none_of_fit(kind, name, said):
    with pytest.raises(TypeError) as refused:
        small(kind).fit(IRIS_X, IRIS_Y, **{name: 5})
    assert str(refused.value) == f"fit of {kind.__name__} has no argument {name}=" + said.format(kind=kind.__name__)


def test_data_that_does_not_fit():
    with pytest.raises(ValueError, match=r"y must have labels of 2 classes or more, got 1 class: 'yes'"):
        small().fit(IRIS_X[:2], ["yes", "yes"])
    with pytest.raises(ValueError, match="continuous"):
        small().fit(IRIS_X[:3], [0.5, 1.25, 2.0])
    for name in ("class_weight", "classes", "loss", "epochs"):
        with pytest.raises(TypeError, match=f"has no argument {name}="):
            small().fit(IRIS_X, IRIS_Y, **{name: None})
    with pytest.raises(TypeError, match="early_stopping"):
        small(early_stopping=True).fit(IRIS_X, IRIS_Y, early_stopping=3)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        small().predict(IRIS_X)
    with pytest.raises(ValueError, match=r"y must have numbers that can be squared, up to about 1e154, got .*2e\+300"):
        small(MLPRegressor).fit(IRIS_X, IRIS_Y * 1e300)
    for loss in ("cross_entropy", "bce", "hinge"):
        with pytest.raises(ValueError, match=r"loss must be one for numbers, such as mse, got .*MLPClassifier"):
            small(MLPRegressor, loss=loss).fit(IRIS_X, IRIS_Y)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert small(MLPRegressor).fit(IRIS_X, IRIS_Y[:, None]).predict(IRIS_X).shape == (150,)


def test_the_model_of_a_frame_reads_others_by_name():
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [3.0, 1.0, 2.0, 0.0]})
    model = MLPRegressor([4], max_iter=20, random_state=0).fit(frame, [1.0, 2.0, 3.0, 4.0]).model_
    assert model.predict(frame[["b", "a"]]) == model.predict(frame)


# ---------------------------------------------------------------------------------------------------------------- names

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
Y = pd.DataFrame({"u": 3 * X.a - 10 * X.b + 7, "v": X.a})
LABELS = np.where(X.a - 5 * X.b > 0, "yes", "no")
TURNED = X[["b", "a"]]
WAYS = {
    "frame": lambda frame: frame,
    "polars": lambda frame: pytest.importorskip("polars").DataFrame({name: frame[name].tolist() for name in frame}),
    "named tuples": lambda frame: list(frame.itertuples(index=False)),
    "dicts": lambda frame: frame.to_dict("records"),
    "records": lambda frame: frame.to_records(index=False),
    "series": lambda frame: pd.Series(list(frame.itertuples(index=False))),
}
EACH_WAY = pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))


def line(**options):
    return small(MLPRegressor, **{"hidden_layer_sizes": [], "max_iter": 20, "learning_rate": 0.1, **options})


@pytest.mark.parametrize("loss", ["mse", "huber", mae])
@pytest.mark.parametrize("y", [Y, Y.u, Y.u.to_numpy(), Y.u.tolist()])
def test_validation_losses_are_in_the_unit_of_training(loss, y):
    model = line(loss=loss, max_iter=30).fit(X, y, validation_data=(X, y))
    again = line(loss=loss, max_iter=31).fit(X, y)
    assert model.history_.validation_loss == pytest.approx(again.loss_curve_[1:])


@EACH_WAY
def test_validation_data_is_read_by_name(way):
    plain, other = line().fit(X, Y, validation_data=(X, Y)), line()
    other.fit(X, Y, validation_data=(way(TURNED), way(Y[["v", "u"]])))
    assert other.history_.validation_loss == pytest.approx(plain.history_.validation_loss)
    plain, other = small(max_iter=5).fit(X, LABELS, validation_data=(X, LABELS)), small(max_iter=5)
    other.fit(X, LABELS, validation_data=(way(TURNED), LABELS))
    assert other.history_.validation_loss == pytest.approx(plain.history_.validation_loss)
    for wrong in ((way(X.rename(columns={"a": "c"})), Y), (X, way(Y.rename(columns={"u": "w"})))):
        with pytest.raises(ValueError, match=r"validation [Xy] must have the columns that fit saw"):
            line().fit(X, Y, validation_data=wrong)


def test_validation_data_takes_the_place_of_a_share():
    model = line(early_stopping=3).fit(X, Y, validation_data=(X, Y))
    assert len(model.history_.validation_loss) == model.n_iter_
    with pytest.raises(ValueError, match=r"validation_data must be a pair \(X, y\)"):
        line().fit(X, Y, validation_data=X)


def test_a_callback_that_bends_the_output_is_told_and_scales_nothing_wrongly():
    def bend(model, history):
        model.layers[-1].neurons[0].activation = "tanh"

    for change in (bend, lambda model, history: model.layers.append(Activation("tanh"))):
        with pytest.raises(ValueError, match="the last layer must be linear for a scale to be folded in, got "):
            MLPRegressor([2], max_iter=2, random_state=0).fit([[0.0], [1.0]], [10.0, 30.0], callbacks=[change])


def test_callbacks_read_by_name():
    seen = []
    line(max_iter=2).fit(
        X, Y, callbacks=[lambda model, history: seen.append(model.predict(TURNED) == model.predict(X))]
    )
    assert seen == [True, True]


@EACH_WAY
def test_targets_are_read_by_name(way):
    expected = line().fit(X, Y)
    model = line().fit(X, way(Y))
    assert model.model_.target_column_names == ["u", "v"]
    np.testing.assert_allclose(model.predict(X), expected.predict(X))
    scores = [model.score(X, way(Y[["v", "u"]])), model.score(X, Y.to_numpy())]
    assert scores == pytest.approx([expected.score(X, Y)] * 2)
    with pytest.raises(ValueError, match="y must have the columns that fit saw"):
        model.score(X, way(Y.rename(columns={"u": "w"})))
    answers = (Y > 0) * 1
    classifier = small(max_iter=5).fit(X, way(answers))
    assert classifier.model_.classes == ["u", "v"]
    assert classifier.score(X, way(answers[["v", "u"]])) == small(max_iter=5).fit(X, answers.to_numpy()).score(
        X, answers
    )


def test_named_tuples_in_different_orders_are_targets():
    turned = list(Y[["v", "u"]].itertuples(index=False))
    mixed = [turned[i] if i % 2 else row for i, row in enumerate(Y.itertuples(index=False))]
    np.testing.assert_allclose(line().fit(X, mixed).predict(X), line().fit(X, Y).predict(X))


def test_a_series_of_targets_has_a_name():
    model = line().fit(X, Y.u)
    assert model.model_.target_column_names == ["u"]
    for same in (Y.u.rename(None), Y.u.tolist(), Y[["u"]]):
        assert model.score(X, same) == model.score(X, Y.u)
    for other in (Y.v, Y[["v"]]):
        with pytest.raises(ValueError, match=r"y must have the columns that fit saw, \['u'\], got \['v'\]"):
            model.score(X, other)
    labels = pd.Series(LABELS, name="answer")
    assert small().fit(X, labels).score(X, labels.rename("truth")) > 0.9


@EACH_WAY
def test_weights_with_a_name(way):
    weights = pd.DataFrame({"w": np.arange(60) % 3 * 1.0})
    expected, model = line().fit(X, Y, weights.w.to_numpy()), line().fit(X, Y, way(weights))
    np.testing.assert_allclose(model.predict(X), expected.predict(X))
    assert model.score(X, Y, way(weights)) == pytest.approx(expected.score(X, Y, weights.w))


@pytest.mark.parametrize("kind", WAYS)
def test_inputs_are_read_by_name(kind):
    way = WAYS[kind]
    model = line().fit(way(X), Y)
    assert model.model_.column_names == ["a", "b"]
    np.testing.assert_allclose(model.predict(way(X)), line().fit(X, Y).predict(X))
    if kind in ("frame", "polars"):
        with pytest.raises(ValueError, match="feature names should match"):  # scikit-learn's refusal
            model.predict(way(TURNED))
    else:
        np.testing.assert_allclose(model.predict(way(TURNED)), model.predict(way(X)))


@pytest.mark.parametrize("columns", [namedtuple("Columns", "b a")([1.0, 2.0], [3.0, 4.0]), {"b": [1.0], "a": [2.0]}])
def test_columns_that_are_no_frame_are_refused(columns):
    for kind in (MLPRegressor, MLPClassifier):
        with pytest.raises(ValueError, match=r"X must be rows of numbers, got (Columns|dict).*; give a list of rows"):
            small(kind).fit(columns, [0, 1])
        with pytest.raises(ValueError, match=r"y must be rows of numbers, got (Columns|dict)"):
            small(kind).fit(X[:2], columns)
        with pytest.raises(ValueError, match=r"sample_weight must be rows of numbers, got (Columns|dict)"):
            small(kind).fit(X[:2], [0, 1], columns)
    with pytest.raises(ValueError, match=r"X must be rows of numbers, got (Columns|dict)"):
        line(max_iter=2).fit(X, Y).predict(columns)
    with pytest.raises(ValueError, match=r"y must be rows of numbers, got (Columns|dict)"):
        line(max_iter=2).fit(X, Y).score(X[:2], columns)


@BOTH
def test_masked_numbers_are_refused(kind):
    masked, fitted = np.ma.array(np.eye(2), mask=np.eye(2)), small(kind, max_iter=2).fit(np.eye(2), [0, 1])
    for call in (lambda: small(kind).fit(masked, [0, 1]), lambda: fitted.predict(masked)):
        with pytest.raises(ValueError, match="X must have no masked numbers, got 2 of them"):
            call()
    labels = np.ma.array([0, 1], mask=[0, 1])
    for call in (lambda: small(kind).fit(np.eye(2), labels), lambda: fitted.score(np.eye(2), labels)):
        with pytest.raises(ValueError, match="y must have no masked numbers, got 1 of them"):
            call()
    with pytest.raises(ValueError, match="sample_weight must have no masked numbers, got 1 of them"):
        small(kind).fit(np.eye(2), [0, 1], labels)


def test_attributes_of_scikit_learns_are_answered():
    fitted = MLPClassifier([2], max_iter=1, random_state=0).fit(IRIS_X, IRIS_Y)
    for name, advice in (
        ("partial_fit", r"model_\.fit\(X, y\)"),
        ("coefs_", r"model_\.state_dict\(\)"),
        ("alpha", "l2"),
    ):
        with pytest.raises(AttributeError, match=f"'MLPClassifier' object has no attribute '{name}'; .*{advice}"):
            getattr(fitted, name)
    assert not hasattr(clone(fitted), "model_")
    assert pickle.loads(pickle.dumps(fitted)).predict(IRIS_X).tolist() == fitted.predict(IRIS_X).tolist()
