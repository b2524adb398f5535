import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from istar.questions import (
    ArmChoice,
    ArmMeans,
    ArmRanking,
    ArmSpread,
    Calibration,
    Column,
    Floors,
    FunctionalError,
    LogMeanProbability,
    StayingCrossing,
    Structure,
    functional_from_json,
)

ARMS, REPLICATES = 5, 7


def grid(arms=ARMS, replicates=REPLICATES, seed=0):
    """A structure of arms by replicates in shuffled order, and values."""
    generator = np.random.default_rng(seed)
    cells = [(arm, replicate) for arm in range(arms) for replicate in range(replicates)]
    cells = [cells[place] for place in generator.permutation(len(cells))]
    arm, replicate = (tuple(map(float, column)) for column in zip(*cells, strict=True))
    structure = Structure((Column("arm", "arm", arm), Column("replicate", "nuisance", replicate)))
    return structure, generator.normal(size=len(cells)), cells


def slow_means(values, cells, arms=ARMS):
    means = []
    for arm in range(arms):
        mine = [value for value, (each, _) in zip(values, cells, strict=True) if each == arm]
        means.append(sum(mine) / len(mine))
    return means


ALL = (
    ArmMeans("arm"),
    ArmRanking("arm"),
    ArmChoice("arm", curve=0.5, value=1.0),
    ArmChoice("arm", lowest=True),
    ArmSpread("arm", ("mean", "spread", "best", "low")),
    Floors("arm"),
    LogMeanProbability(),
)


@pytest.mark.parametrize("functional", ALL, ids=lambda each: each.kind)
def test_every_kind_survives_json_maps_through_draws_and_has_no_loss_at_the_truth(functional):
    assert functional_from_json(json.loads(json.dumps(functional.to_json()))) == functional
    structure, values, _ = grid()
    draws = np.stack([values, 2 * values, -values])
    answers = functional.answer(draws, structure)
    for draw, answer in zip(draws, answers, strict=True):
        np.testing.assert_allclose(functional.answer(draw, structure), answer, rtol=1e-12)
        assert functional.loss(answer, draw, structure) == pytest.approx(0.0, abs=1e-12)
    assert functional.loss(answers[1], values, structure) >= 0.0
    assert functional.loss(answers[2], values, structure) > 0.0


@pytest.mark.parametrize("kind", [ArmMeans, ArmRanking, ArmChoice])
def test_arm_scores_are_means_over_rows(kind):
    structure, values, cells = grid()
    means = slow_means(values, cells)
    np.testing.assert_allclose(kind("arm").answer(values, structure), means)
    above = [mean - means[0] for mean in means[1:]]
    np.testing.assert_allclose(kind("arm", reference=True).answer(values, structure), above)


def test_a_single_arm_has_nothing_to_be_compared_with():
    structure, _, _ = grid(arms=1)
    with pytest.raises(FunctionalError, match="nothing to compare with arm 0 of 'arm'"):
        ArmMeans("arm", reference=True).weights(structure)


def test_a_ranking_is_scored_for_size_and_for_order():
    structure, values, cells = grid()
    means = slow_means(values, cells)
    answer = np.random.default_rng(1).normal(size=ARMS)
    centre = sum(means) / ARMS
    size = sum((a - m) ** 2 for a, m in zip(answer, means, strict=True)) / sum((m - centre) ** 2 for m in means)
    expected = size / 2 + (1 - spearmanr(answer, means).statistic) / 2
    assert ArmRanking("arm").loss(answer, values, structure) == pytest.approx(expected)
    constant = np.full(ARMS, centre)
    assert ArmRanking("arm").loss(constant, values, structure) == pytest.approx(1.0)


@pytest.mark.parametrize("lowest", [False, True])
def test_a_choice_costs_its_regret_and_the_errors_that_count(lowest):
    structure, values, cells = grid()
    means = slow_means(values, cells)
    answer = np.random.default_rng(2).normal(size=ARMS)
    places = sorted(range(ARMS), key=lambda place: answer[place])
    chosen = places[0] if lowest else places[-1]
    regret = means[chosen] - min(means) if lowest else max(means) - means[chosen]
    errors = [abs(a - m) for a, m in zip(answer, means, strict=True)]
    functional = ArmChoice("arm", lowest=lowest, curve=0.25, value=2.0)
    expected = regret + 0.25 * sum(errors) / ARMS + 2 * errors[chosen]
    assert functional.loss(answer, values, structure) == pytest.approx(expected)
    undecided = sum(abs(mean - (min(means) if lowest else max(means))) for mean in means) / ARMS
    assert replace(functional, curve=0.0, value=0.0).loss(np.zeros(ARMS), values, structure) == pytest.approx(undecided)


def test_the_spread_of_arms():
    structure, values, cells = grid()
    means = slow_means(values, cells)
    mean = sum(means) / ARMS
    spread = math.sqrt(sum((each - mean) ** 2 for each in means) / ARMS)
    ordered = sorted(means)
    low = ordered[0] + 0.4 * (ordered[1] - ordered[0])  # 10% of the way through four gaps
    functional = ArmSpread("arm", ("mean", "spread", "best", "low"))
    np.testing.assert_allclose(functional.answer(values, structure), [mean, spread, max(means), low])
    assert functional.loss(np.array([mean, spread + 1, max(means), low - 2]), values, structure) == pytest.approx(0.75)


def test_floors_of_each_place_and_the_regret_of_looking_elsewhere():
    structure, values, cells = grid()
    floors = [min(v for v, (arm, _) in zip(values, cells, strict=True) if arm == place) for place in range(ARMS)]
    functional = Floors("arm")
    np.testing.assert_array_equal(functional.answer(values, structure), [min(floors), *floors])
    answer = np.array([min(floors) + 0.5, 3.0, 3.0, -9.0, 3.0, 3.0])
    expected = (0.5 + floors[2] - min(floors)) / 2
    assert functional.loss(answer, values, structure) == pytest.approx(expected)
    nowhere = np.array([min(floors), *[1.0] * ARMS])
    expected = (sum(floors) / ARMS - min(floors)) / 2
    assert functional.loss(nowhere, values, structure) == pytest.approx(expected)


def test_the_mean_probability_is_averaged_before_the_logarithm():
    structure, _, _ = grid()
    values = -np.random.default_rng(3).exponential(6.0, size=ARMS * REPLICATES)
    truth = sum(math.exp(value) for value in values) / len(values)
    functional = LogMeanProbability()
    np.testing.assert_allclose(functional.answer(values, structure), [math.log(truth)])
    guess = 0.2
    expected = truth / guess - math.log(truth / guess) - 1
    assert functional.loss(np.array([math.log(guess)]), values, structure) == pytest.approx(expected)
    assert math.isfinite(functional.loss(np.array([-1e6]), values, structure))


def slow_calibration(values, bins):
    error = 0.0
    for number in range(bins):
        low, high = 0.5 + number / (2 * bins), 0.5 + (number + 1) / (2 * bins)
        mine = [v for v in values if low <= max(v, 1 - v) < high or (number == bins - 1 and max(v, 1 - v) >= high)]
        if mine:
            accuracy = sum(v > 0.5 for v in mine) / len(mine)
            confidence = sum(max(v, 1 - v) for v in mine) / len(mine)
            error += len(mine) / len(values) * abs(accuracy - confidence)
    return sum(v > 0.5 for v in values) / len(values), error


@pytest.mark.parametrize("bins", [1, 4, 10])
def test_calibration_by_bins(bins):
    structure, _, _ = grid()
    values = np.random.default_rng(bins).beta(0.6, 0.4, size=ARMS * REPLICATES)
    functional = Calibration(bins)
    np.testing.assert_allclose(functional.answer(values, structure), slow_calibration(values, bins), atol=1e-12)
    assert functional_from_json(functional.to_json()) == functional
    draws = np.stack([values, values[::-1]])
    np.testing.assert_allclose(functional.answer(draws, structure)[1], slow_calibration(values[::-1], bins))


def test_the_calibrated_have_no_error_and_the_sure_and_wrong_the_greatest():
    structure, _, _ = grid(arms=1, replicates=10)
    np.testing.assert_allclose(Calibration().answer(np.array([0.8] * 8 + [0.2] * 2), structure), [0.8, 0.0], atol=1e-12)
    np.testing.assert_allclose(Calibration().answer(np.zeros(10), structure), [0.0, 1.0])


def crossing_structure(units, steps, phrasings):
    cells = [(u, s, p) for u in range(units) for s in range(steps) for p in range(phrasings)]
    names = (("unit", "arm"), ("step", "trait"), ("phrasing", "nuisance"))
    columns = zip(names, zip(*cells, strict=True), strict=True)
    return Structure(tuple(Column(name, role, tuple(map(float, entry))) for (name, role), entry in columns)), cells


def test_the_first_step_from_which_confidence_stays():
    units, steps, phrasings = 6, 5, 3
    structure, cells = crossing_structure(units, steps, phrasings)
    values = np.random.default_rng(4).uniform(0.3, 1.0, size=len(cells))
    threshold = 0.6
    expected = []
    for unit in range(units):
        first = steps
        for step in reversed(range(steps)):
            mine = [v for v, (u, s, _) in zip(values, cells, strict=True) if (u, s) == (unit, step)]
            if sum(mine) / phrasings <= threshold:
                break
            first = step
        expected.append(first / steps)
    functional = StayingCrossing("unit", "step", threshold)
    answer = functional.answer(values, structure)
    np.testing.assert_allclose(answer, expected)
    assert len(set(expected)) > 2
    np.testing.assert_allclose(functional.answer(np.stack([values, values]), structure), [expected, expected])
    assert functional.loss(answer + 0.1, values, structure) == pytest.approx(0.1)
    np.testing.assert_allclose(functional.answer(np.zeros(len(cells)), structure), np.ones(units))
    np.testing.assert_allclose(functional.answer(np.ones(len(cells)), structure), np.zeros(units), atol=1e-12)
