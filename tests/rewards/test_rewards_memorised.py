"""Of methods that know nothing hardly any is marked as memorised, and one that holds the answers is."""

import numpy as np
import pytest

from istar.rewards.memorised import EXCHANGES, LEVEL, Answered, compared, memorisation
from istar.seeds import Seed
from istar.testing.practice import SEEDS, made_up_curve, made_up_table

ROOT = Seed.root(0)


def drawn(generator, tasks, counts, spread):
    """Rewards of a method that knows nothing: each task has a mean and a spread of its own, with heavy tails."""
    means = generator.normal(0.2, 0.3, tasks)
    widths = spread * generator.lognormal(0.0, 1.0, tasks)
    return [
        {f"t{task}": (means[task] + widths[task] * generator.standard_t(2, count)).tolist() for task in range(tasks)}
        for count in counts
    ]


@pytest.mark.parametrize(("tasks", "counts"), [(1, (8, 8)), (6, (2, 2)), (4, (4, 2)), (12, (4, 4))])
def test_methods_that_know_nothing_are_marked_no_oftener_than_the_level_says(tasks, counts):
    generator = np.random.default_rng(17)
    trials = 300
    marked = sum(memorisation(*drawn(generator, tasks, counts, 0.2)).memorised for _ in range(trials))
    assert marked <= trials * LEVEL + 2.4 * np.sqrt(trials * LEVEL * (1 - LEVEL))


@pytest.mark.parametrize(("tasks", "counts"), [(1, (8, 8)), (6, (2, 2)), (12, (4, 4))])
def test_methods_that_know_the_answers_are_marked(tasks, counts):
    generator = np.random.default_rng(18)
    found = []
    for _ in range(100):
        known, fresh = drawn(generator, tasks, counts, 0.02)
        found.append(memorisation({task: [1.5 + each for each in theirs] for task, theirs in known.items()}, fresh))
    assert np.mean([each.memorised for each in found]) > 0.95
    assert np.median([each.excess for each in found]) == pytest.approx(1.5, abs=0.1)


def test_the_same_rewards_are_never_marked():
    found = memorisation({"t": [0.0] * 8}, {"t": [0.0] * 8})
    assert (found.p_value, found.memorised, found.excess) == (1.0, False, 0.0)


def test_too_few_questions_cannot_tell():
    assert memorisation({"t": [9.0] * 4}, {"t": [0.0] * 4}).memorised is None
    assert memorisation({"t": [9.0] * 5}, {"t": [0.0] * 5}).memorised
    assert memorisation({"t": [9.0, 8.0]}, {"u": [0.0, 0.1]}) is None


def test_the_probability_is_that_of_the_exchanges():
    found = memorisation({"t": [5.0, 4.0, 3.0]}, {"t": [2.0, 1.0, 0.0]})
    assert found.p_value == pytest.approx(1 / 20, abs=4 * np.sqrt(0.05 / EXCHANGES))
    assert found.questions == (3, 3)
    assert (found.committed, found.fresh) == (4.0, 1.0)


def test_exchanges_stay_within_a_task():
    easy, hard = {"a": [3.0, 3.1, 3.2, 3.3], "b": [0.0, 0.1, 0.2]}, {"a": [3.05, 3.15], "b": [0.02, 0.12, 0.22]}
    assert not memorisation(easy, hard).memorised
    assert memorisation(easy, hard).p_value > 0.1


def answered(numbers, advantage, failed=()):
    tables = [made_up_table("shot_shapley/antonyms", number) for number in numbers]
    arms = [
        tuple(made_up_curve(table, seed, arm, worth) for table in tables for seed in SEEDS)
        for arm, worth in (("black_box", 0.0), ("white_box", advantage))
    ]
    return Answered(*arms, failed)


def test_rewards_are_those_of_the_formula():
    found = compared("log", answered(range(6), 2.0), answered(range(6, 12), 0.0), ROOT)
    assert found.memorised
    assert found.fresh == pytest.approx(0.0)
    assert found.committed > 0.3
    assert not compared("log", answered(range(6), 2.0), answered(range(6, 12), 2.0), ROOT).memorised


def test_failing_where_an_answer_is_not_known_counts_as_no_reward():
    name = "shot_shapley/antonyms"
    found = compared("log", answered(range(6), 2.0), Answered((), (), {name}), ROOT)
    assert found.memorised
    assert (found.fresh, found.questions) == (0.0, (6, 6))
    worse = compared("log", Answered((), (), {name}), answered(range(6), 2.0), ROOT)
    assert not worse.memorised
    assert worse.excess < 0
