"""What `paraphrase_floor` asks, read back from its tokens."""

from __future__ import annotations

import re

import numpy as np
import pytest

from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.common_facts import FACTS
from istar.tasks.paraphrase_floor import WORDINGS, ParaphraseFloor
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = ParaphraseFloor(phrasings=12, items=6)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()


def made(data_set, index=0, family=SMALL):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


class TestParaphraseFloorConformance(FamilyConformance):
    least_ratio = 12

    def make(self) -> Family:
        return SMALL


@DATA_SETS
def test_a_phrasing_is_a_request_with_words_of_its_own(data_set):
    request, facts = WORDINGS[data_set], FACTS[data_set]
    asked = made(data_set)
    phrasings, items = {}, {}
    for row, run in enumerate(asked.runs):
        place = {column.name: int(column.values[row]) for column in asked.structure.columns}
        prompt = TOKENIZER.decode(run.tokens[: run.readout.start])
        answer = TOKENIZER.decode(run.tokens[run.readout.start :])
        words = tuple(place[f"word_{at}"] for at in range(len(request.words)))
        chosen = [kinds[word] for kinds, word in zip(request.words, words, strict=True)]
        (subject,) = [pair for pair in facts.pairs if prompt == request.text.format(*chosen, subject=pair[0])]
        assert items.setdefault(place["item"], subject) == subject
        assert answer == f" {subject[1]}"
        phrasings.setdefault(place["phrasing"], set()).add(words)
    assert len(items) == len(set(items.values())) == 6
    assert all(len(parts) == 1 for parts in phrasings.values())
    assert len(set.union(*phrasings.values())) == 12, "no two phrasings are the same"


def test_no_phrasing_gives_an_answer_away():
    for data_set, request in WORDINGS.items():
        answers = {answer.lower() for answer in FACTS[data_set].answers}
        for text in (request.text, *(word for words in request.words for word in words)):
            assert not answers & set(re.findall(r"[a-z]+", text.lower()))


@DATA_SETS
def test_every_number_is_another_phrasing(data_set):
    request = WORDINGS[data_set]
    made_up = {request.parts(which) for which in range(request.phrasings)}
    assert len(made_up) == len({text for _, text in made_up}) == request.phrasings


def test_the_answer_is_what_each_phrasing_brings_on_average():
    asked = made("landmarks")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    means = [values[asked.structure.levels("phrasing") == level].mean() for level in range(12)]
    np.testing.assert_allclose(asked.functional.answer(values, asked.structure), means)
    told = np.array(means)
    assert asked.functional.loss(told, values, asked.structure) == pytest.approx(0)
    told[int(np.argmin(means))] += 9.0  # the second worst one is chosen, and one of 12 is wrong by 9 nats
    lost = sorted(means)[1] - min(means) + 9.0 / 12
    assert asked.functional.loss(told, values, asked.structure) == pytest.approx(lost)


def test_more_phrasings_than_there_are():
    with pytest.raises(TaskError, match="99999 phrasings of 6 items; there are 1 to 31104 phrasings, and 1 to 29"):
        made("languages", family=ParaphraseFloor(phrasings=99999, items=6))
