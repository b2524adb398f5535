"""Structures and settings that a functional cannot answer for are refused in words, never answered wrongly."""

import numpy as np
import pytest

from istar.questions import (
    ArmRanking,
    Calibration,
    Column,
    DatamodelEffects,
    Floors,
    FunctionalError,
    RemovalEffects,
    ShapleyValues,
    StayingCrossing,
    Structure,
    UpperTail,
)


def structure(**columns):
    return Structure(tuple(Column(name, role, tuple(map(float, levels))) for name, (role, levels) in columns.items()))


@pytest.mark.parametrize("players", [30, 70])
def test_shapley_values_of_sampled_coalitions(players):
    members = np.random.default_rng(0).integers(0, 2, (players, 50))
    sampled = structure(**{f"player {number}": ("switch", row) for number, row in enumerate(members)})
    with pytest.raises(
        FunctionalError, match=rf"of {players} players need all {2**players} coalitions, and there are 50 rows"
    ):
        ShapleyValues().weights(sampled)


def test_a_lone_player_earns_all_of_it_however_often_it_plays():
    assert ShapleyValues().answer(np.array([1.0, 5.0, 7.0]), structure(only=("switch", [0, 1, 1]))).tolist() == [5.0]


def test_a_crossing_of_units_with_other_steps():
    ragged = structure(unit=("arm", [0, 0, 0, 1, 1]), step=("trait", [0, 1, 2, 0, 1]))
    with pytest.raises(FunctionalError, match="unit 1 of 'unit' has no row at one of the 3 steps of 'step'"):
        StayingCrossing("unit", "step", 0.5).answer(np.ones(5), ragged)


def test_a_place_without_rows_has_no_floor():
    with pytest.raises(FunctionalError, match="no row is at level 1 of 'place'"):
        Floors("place").answer(np.ones(2), structure(place=("arm", [0, 2])))


def test_nothing_was_removed():
    with pytest.raises(FunctionalError, match="no row lacks a part"):
        RemovalEffects("unit", "removed").weights(structure(unit=("arm", [0, 1]), removed=("arm", [0, 0])))


def test_one_arm_has_no_rank():
    with pytest.raises(FunctionalError, match="a single arm of 'arm' cannot be ranked"):
        ArmRanking("arm").loss(np.ones(1), np.zeros(1), structure(arm=("arm", [0])))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DatamodelEffects("subset", 0), "a score on 0 held-out subsets ranks nothing"),
        (lambda: DatamodelEffects("subset", 1), "a score on 1 held-out subsets ranks nothing"),
        (lambda: UpperTail(2.0), "a tail above the quantile 2.0"),
        (lambda: UpperTail(float("nan")), "a tail above the quantile nan"),
        (lambda: Calibration(0), "a calibration error over 0 bins"),
    ],
    ids=["no subset", "one subset", "beyond all", "nowhere", "no bin"],
)
def test_settings_that_mean_nothing(make, message):
    with pytest.raises(FunctionalError, match=message):
        make()
