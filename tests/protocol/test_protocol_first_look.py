"""What a first look asks: the cheapest tasks, by prices alone."""

from types import SimpleNamespace

import pytest

from istar.arms.settings import Caps
from istar.protocol.config import configure
from istar.protocol.first_look import QUESTIONS, first_look, most_recording_flops

PRICES = {"shot_shapley/antonyms": 30, "shot_order/words": 10, "position_bias/kinds": 20, "shot_order/remarks": 40}


def summary(name, flops, status="active", split="train", questions=8):
    return SimpleNamespace(name=name, brute_flops=flops, status=status, split=split, questions=questions)


SUMMARIES = [summary(name, flops) for name, flops in PRICES.items()]


def look(flops, summaries=SUMMARIES, **caps):
    return first_look(summaries, "train", Caps(**caps), 4, flops)


def test_the_cheapest_tasks_that_fit_are_asked_and_the_rest_is_counted():
    found = look(QUESTIONS * (10 + 20 + 30))
    assert found.tasks == ("shot_order/words", "position_bias/kinds", "shot_shapley/antonyms")
    assert found.left_out == dict.fromkeys(found.tasks, 4 - QUESTIONS) | {"shot_order/remarks": 4}
    assert found.unasked == ("shot_order/remarks",)
    assert look(QUESTIONS * (10 + 20 + 30) - 1).tasks == found.tasks[:2]


def test_the_cheapest_task_is_asked_whatever_it_costs():
    assert look(1).tasks == ("shot_order/words",)


def test_no_first_look_where_everything_fits():
    assert look(4 * 100) is None
    assert look(4 * 100 - 1) is not None
    assert first_look([], "train", Caps(), 4) is None


def test_only_sound_tasks_of_the_split_count():
    others = [summary("a/b", 1, status="dropped"), summary("c/d", 1, split="validation")]
    assert look(1, [*others, *SUMMARIES]).tasks == ("shot_order/words",)
    assert first_look(others, "train", Caps(), 4, 1) is None


def test_a_lower_cap_makes_recordings_cheaper_and_the_look_wider():
    assert [most_recording_flops(1000, Caps(flops_fraction=each)) for each in (0.1, 0.5, 2.0)] == [200, 1000, 1000]
    assert len(look(60, flops_fraction=0.25).tasks) > len(look(60).tasks)


def test_no_more_questions_are_missed_than_there_are():
    few = [summary("shot_order/words", 10, questions=3), summary("shot_order/remarks", 40, questions=3)]
    assert look(20, few).left_out == {"shot_order/words": 1, "shot_order/remarks": 3}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_settings_are_narrowed_for_the_split_alone(split):
    config = configure("standard")
    narrowed = look(1).narrow(config, split)
    assert getattr(narrowed, split).tasks == ("shot_order/words",)
    assert getattr(narrowed, split).questions == QUESTIONS
    assert config.model_copy(update={split: getattr(narrowed, split)}) == narrowed
