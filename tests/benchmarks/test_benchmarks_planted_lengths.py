"""Planted methods that are each scenario by construction, in bits and in FLOPs."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings
from istar.arms.task_questions import with_references
from istar.truth import load_tables
from planted_lengths import cases, curves, measured

QUESTIONS = 3
SEEN, UNSEEN = "shot_shapley/symbols", "rare_output/symbols"


@pytest.fixture(scope="module")
def worth():
    """What each planted method is worth, one task of `tiny-exact` being seen and one not."""
    every = []
    for name in (SEEN, UNSEEN):
        tables = tuple(load_tables(name, "tiny-exact"))
        every.append(with_references(name, tables[:QUESTIONS], tables[QUESTIONS:]))
    replays = Replays(ArmSettings(executor_seeds=1), every)
    black = [curve for task in every for table in task.tables for curve in replays.baseline(table).curves]
    return {
        name: measured(case, black, curves(replays, every, {SEEN}, case), {SEEN}, QUESTIONS)
        for name, case in cases(1).items()
    }


@pytest.mark.slow
def test_all_that_say_something_save_bits_where_they_say_it(worth):
    for name, each in worth.items():
        saved = each["saved_bits_a_question"]
        assert (saved["seen"] > 50) == (name != "noise"), name
        assert (saved["unseen"] > 50) == (name in ("decomposition", "student")), name


@pytest.mark.slow
def test_a_table_of_answers_never_pays_though_it_is_the_best_in_flops(worth):
    assert worth["table"]["rewards"]["seen"]["log"] == max(each["rewards"]["seen"]["log"] for each in worth.values())
    assert max(worth["table"]["mdl_by_questions_of_a_task"].values()) < 0
    assert worth["table"]["pays_after_questions_of_a_task"] is None


@pytest.mark.slow
def test_a_student_is_longer_than_what_it_saves_on_the_questions_of_a_search(worth):
    bits = {name: each["mdl_by_questions_of_a_task"] for name, each in worth.items()}
    for questions in ("10", "100"):
        assert min(bits, key=lambda name: bits[name][questions]) == "student"
    assert worth["student"]["rewards"]["seen"]["log"] > 0, "in FLOPs it is not removed"
    assert worth["student"]["pays_after_questions_of_a_task"] > worth["decomposition"]["pays_after_questions_of_a_task"]
