"""What `paraphrase_floor` asks, read back from its tokens."""

from __future__ import annotations

import numpy as np
import pytest
from unlisted import UnlistedConformance, unlisted

from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.common_facts import FACTS
from istar.testing.families import ByteTokenizer

MODULE = unlisted("paraphrase_floor")
SMALL = MODULE.ParaphraseFloor(phrasings=12, items=6)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()


def made(data_set, index=0, family=SMALL):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


class TestParaphraseFloorConformance(UnlistedConformance):
    least_ratio = 20

    def make(self) -> Family:
        return SMALL


@DATA_SETS
def test_a_phrasing_is_an_opening_a_question_and_a_lead(data_set):
    facts = FACTS[data_set]
    asked = made(data_set)
    phrasings, items = {}, {}
    for row, run in enumerate(asked.runs):
        place = {column.name: int(column.values[row]) for column in asked.structure.columns}
        prompt = TOKENIZER.decode(run.tokens[: run.readout.start])
        answer = TOKENIZER.decode(run.tokens[run.readout.start :])
        opening, lead = MODULE.OPENINGS[place["opening"]], MODULE.LEADS[place["lead"]]
        subject = items.setdefault(place["item"], next(
            pair for pair in facts.pairs
            if prompt == opening + facts.questions[place["core"]].format(subject=pair[0]) + lead
        ))  # fmt: skip
        assert prompt == opening + facts.questions[place["core"]].format(subject=subject[0]) + lead
        assert answer == f" {subject[1]}"
        phrasings.setdefault(place["phrasing"], set()).add((place["opening"], place["core"], place["lead"]))
    assert len(items) == len(set(items.values())) == 6
    assert all(len(parts) == 1 for parts in phrasings.values())
    assert len(set.union(*phrasings.values())) == 12, "no two phrasings are the same"


def test_no_phrasing_gives_an_answer_away():
    for data_set in SMALL.data_sets:
        facts = FACTS[data_set]
        for text in (*MODULE.OPENINGS, *MODULE.LEADS, *facts.questions):
            assert not {answer.lower() for answer in facts.answers} & set(text.lower().rstrip("?.:").split())


def test_the_answer_is_the_floor_of_all_and_of_each_phrasing():
    asked = made("landmarks")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    floors = [values[asked.structure.levels("phrasing") == level].min() for level in range(12)]
    np.testing.assert_allclose(asked.functional.answer(values, asked.structure), [min(floors), *floors])


def test_more_phrasings_than_there_are():
    with pytest.raises(TaskError, match="361 phrasings of 16 items; there are 1 to 360 phrasings, and 1 to 29 items"):
        made("languages", family=MODULE.ParaphraseFloor(phrasings=361, items=16))
