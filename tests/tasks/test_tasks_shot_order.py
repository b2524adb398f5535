"""Family `shot_order`: what its questions hold, and its answer against a slow computation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from istar.questions import Question, SpanLogprob
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.kinds import lexicon
from istar.tasks.data.remarks import hints, remarks
from istar.tasks.shot_order import LABELS, ShotOrder
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = ShotOrder(shots=(3, 4), mislabelled=(1, 2), orders=10, queries=12, longest=40)


def lines(question: Question, row: int) -> tuple[list[tuple[str, ...]], str, str]:
    """Return a row's shots, its query and its scored answer."""
    run = question.runs[row]
    assert isinstance(run.readout, SpanLogprob)
    *shots, query = TOKENIZER.decode(run.tokens[: run.readout.start]).split("\n")
    answer = TOKENIZER.decode(run.tokens[run.readout.start :])
    return [tuple(shot.split(" -> ")) for shot in shots], query.removesuffix(" ->"), answer.removeprefix(" ")


class TestConformance(FamilyConformance):
    least_ratio = 15

    def make(self) -> Family:
        return SMALL


@pytest.fixture(params=[("words", 0), ("words", 1), ("remarks", 0), ("remarks", 3)], ids=str)
def question(request: pytest.FixtureRequest) -> Question:
    return SMALL.question(request.param[0], TOKENIZER, Seed.root(0), request.param[1])


def test_rows_are_different_orders_of_the_same_shots_times_queries(question: Question) -> None:
    order, query = question.structure.levels("order"), question.structure.levels("query")
    shown: dict[int, tuple[tuple[str, ...], ...]] = {}
    asked: dict[int, tuple[str, str]] = {}
    for row in range(len(question.runs)):
        shots, *rest = lines(question, row)
        assert shown.setdefault(order[row], tuple(shots)) == tuple(shots)
        assert asked.setdefault(query[row], (rest[0], rest[1])) == tuple(rest)
    assert len(set(zip(order, query, strict=True))) == len(question.runs) == 12 * len(shown)
    assert len(set(shown.values())) == len(shown)
    assert len({tuple(sorted(shots)) for shots in shown.values()}) == 1
    assert not {text for text, _ in asked.values()} & {shot[0] for shot in shown[0]}


def test_traits_say_which_shot_is_first_and_last(question: Question) -> None:
    for trait, place in (("first", 0), ("last", -1)):
        shots: dict[int, set[tuple[str, ...]]] = {}
        for row, level in enumerate(question.structure.levels(trait)):
            shots.setdefault(level, set()).add(lines(question, row)[0][place])
        assert all(len(same) == 1 for same in shots.values())
        assert len(set.union(*shots.values())) == len(shots)


def test_wrong_place_is_the_mean_place_of_wrong_shots() -> None:
    right = set(lexicon()[0].pairs)
    for index in range(0, 20, 5):  # opposites
        question = SMALL.question("words", TOKENIZER, Seed.root(0), index)
        for row in range(0, len(question.runs), 7):
            shots, query, answer = lines(question, row)
            assert (query, answer) in right
            wrong = [place for place, shot in enumerate(shots) if shot not in right]
            assert 1 <= len(wrong) <= 2
            expected = sum(wrong) / len(wrong) / (len(shots) - 1)
            assert question.structure["wrong_place"][row] == pytest.approx(expected)


def test_remarks_are_called_what_they_are() -> None:
    positive = {remark.text: remark.positive for remark in remarks()}
    for index in range(4):
        question = SMALL.question("remarks", TOKENIZER, Seed.root(0), index)
        found = {lines(question, row)[1:] for row in range(12)}
        (labels,) = [pair for pair in LABELS if {answer for _, answer in found} <= set(pair)]
        assert all(labels.index(answer) == (not positive[text]) for text, answer in found)


@pytest.mark.parametrize("alike", range(5))
def test_of_every_four_remarks_so_many_have_the_same_label(alike: int) -> None:
    family = ShotOrder(shots=(3, 3), orders=1, mislabelled=(1, 1), queries=16, longest=40, alike=(alike, alike))
    question = family.question("remarks", TOKENIZER, Seed.root(0), 0)
    answers = [lines(question, row)[2] for row in range(16)]
    counts = Counter(answers[:4])
    assert sorted(counts.values()) == sorted(count for count in (alike, 4 - alike) if count)
    assert all(Counter(answers[start : start + 4]) == counts for start in range(0, 16, 4))


def test_all_orders_where_there_are_fewer_than_asked_for() -> None:
    question = ShotOrder(shots=(3, 3), mislabelled=(1, 2), orders=48, queries=2, longest=40).question(
        "words", TOKENIZER, Seed.root(0), 2
    )
    assert len({tuple(lines(question, row)[0]) for row in range(len(question.runs))}) == 6
    assert len(question.runs) == 12


def test_answer_is_mean_spread_and_best_of_the_scores_of_orders(question: Question) -> None:
    values = np.random.default_rng(0).normal(size=len(question.runs))
    scores: dict[int, list[float]] = {}
    for order, value in zip(question.structure.levels("order").tolist(), values.tolist(), strict=True):
        scores.setdefault(order, []).append(value)
    means = [sum(each) / len(each) for each in scores.values()]
    mean = sum(means) / len(means)
    spread = (sum((each - mean) ** 2 for each in means) / len(means)) ** 0.5
    answer = question.functional.answer(values, question.structure)
    assert answer == pytest.approx([mean, spread, max(means)])


def test_too_few_pairs() -> None:
    with pytest.raises(TaskError, match=r"shot_order/words has \d+ pairs, too few for 3 shots and 400 queries; lower"):
        ShotOrder(shots=(3, 3), queries=400).question("words", TOKENIZER, Seed.root(0), 1)


def test_remarks_and_hints_are_short_and_apart() -> None:
    plain, other = {remark.text for remark in remarks()}, {remark.text for remark in hints()}
    assert len(plain) == len(remarks()) > 3000
    assert not plain & other
    assert Counter(remark.positive for remark in remarks())[True] / len(plain) == pytest.approx(0.5, abs=0.1)
    assert "This film is terrible." in plain
    assert not any("not" in text.split() for text in plain)


def test_things_are_of_one_kind_each() -> None:
    relation = next(relation for relation in lexicon() if relation.asked == "kind")
    assert len(dict(relation.pairs)) == len(relation.pairs)
    assert dict(relation.pairs)["salmon"] == "fish"
