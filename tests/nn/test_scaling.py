"""Scaling: a model trained on scaled numbers and folded gives the same for plain ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import small

from nn import MLP
from nn.data import as_table
from nn.scaling import Scaling

TABLE = as_table([[1000.0, 0.001, 5.0], [3000.0, 0.003, 5.0], [2000.0, 0.005, 5.0]])


def test_columns_have_mean_0_and_deviation_1_afterwards():
    scaled = Scaling.of(TABLE).apply(TABLE)
    assert scaled.mean(axis=0) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert scaled.std(axis=0) == pytest.approx([1.0, 1.0, 0.0], rel=1e-12)  # the last column never changes


@pytest.mark.parametrize("unit", [2.0**-1060, 2.0**-600, 2.0**-300, 2.0**300])
@pytest.mark.parametrize("common", [False, True])
def test_columns_in_any_unit_are_scaled_alike(unit, common):
    scaled = Scaling.of(TABLE, common).apply(TABLE)
    assert Scaling.of(TABLE * unit, common).apply(TABLE * unit) == pytest.approx(scaled, rel=1e-2, abs=1e-9)


def test_a_common_scale_is_one_for_all_columns():
    scaling = Scaling.of(TABLE, common=True)
    assert scaling.shift == [pytest.approx(TABLE.mean())] * 3
    assert scaling.scale == [pytest.approx(TABLE.std())] * 3
    assert scaling.apply(TABLE).shape == TABLE.shape


@pytest.mark.parametrize("number", [0.0, 0.1, -7.3, 1e6 + 0.1, 1e-300])
@pytest.mark.parametrize("common", [False, True])
def test_equal_numbers_are_not_blown_up_by_rounding(number, common):
    table = as_table([[number, number]] * 997)
    scaling = Scaling.of(table, common)
    assert scaling.scale == [1.0, 1.0]
    assert scaling.apply(table) == pytest.approx(np.zeros_like(table), abs=1e-6)


def test_numbers_beyond_a_floats_range_are_refused():
    for table in ([[1e308], [-1e308]], [[1.7e308], [1.7e308]]):
        with pytest.raises(ValueError, match="the numbers are too large: their mean or variance"):
            Scaling.of(as_table(table))


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=2, max_size=6), st.booleans())
def test_folded_inputs_give_the_same_outputs(rows, common):
    table = as_table(rows)
    scaling = Scaling.of(table, common)
    model = MLP(2, [3, 2], activation="tanh", seed=0)
    before = [[v.data for v in model(row)] for row in scaling.apply(table).tolist()]
    scaling.fold_in(model)
    after = [[v.data for v in model(row)] for row in rows]
    spread = max(abs(shift) / scale for shift, scale in zip(scaling.shift, scaling.scale))
    assert np.array(after) == pytest.approx(np.array(before), rel=1e-9, abs=1e-12 * (1 + spread))


def test_folded_outputs_are_in_the_targets_own_units():
    model = MLP(2, [3, 2], activation="tanh", seed=0)
    scaling = Scaling([100.0, -3.0], [20.0, 0.5])
    x = [0.3, -0.8]
    first, second = (v.data for v in model(x))
    scaling.fold_out(model)
    assert [v.data for v in model(x)] == pytest.approx([100.0 + 20.0 * first, -3.0 + 0.5 * second], rel=1e-14)


def test_folding_changes_the_first_and_last_layer_only():
    model = MLP(2, [3, 3, 1], seed=0)
    middle = model.layers[1].state_dict()
    Scaling([1.0, 2.0], [3.0, 4.0]).fold_in(model)
    Scaling([1.0], [3.0]).fold_out(model)
    assert model.layers[1].state_dict() == middle


def test_trained_on_scaled_numbers_it_predicts_plain_ones():
    X = as_table([[1000.0 + 10 * i, 0.001 * (i % 3)] for i in range(12)])
    y = [3000.0 + 5 * i for i in range(12)]
    inputs, targets = Scaling.of(X), Scaling.of(as_table(y, width=1))
    model = small()
    scaled_y = targets.apply(as_table(y, width=1))
    model.fit(inputs.apply(X), scaled_y, optimizer="adam", learning_rate=0.02, epochs=200, seed=0, progress=False)
    scaled_score = model.score(inputs.apply(X), scaled_y)
    inputs.fold_in(model)
    targets.fold_out(model)
    assert model.score(X, y) == pytest.approx(scaled_score, abs=1e-9)
    assert scaled_score > 0.95
