"""Family `needle_depth`: a sentence hidden at each depth of a long context."""

from __future__ import annotations

import re
from itertools import islice

import numpy as np
import pytest

from istar.questions import Question, SpanLogprob
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.haystacks import HAYSTACKS, LEAST, MOST, PEOPLE
from istar.tasks.data.passages import verses
from istar.tasks.data.reviews import held_out_reviews
from istar.tasks.needle_depth import NeedleDepth
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
FAMILY = NeedleDepth(contexts=3, depths=4, lengths=(900, 1100))
DATA_SETS = pytest.mark.parametrize("data_set", FAMILY.data_sets)


class TestNeedleDepth(FamilyConformance):
    least_ratio = 8

    def make(self) -> Family:
        return FAMILY


def question(data_set: str, index: int = 0) -> Question:
    return FAMILY.question(data_set, TOKENIZER, Seed.root(0), index)


def needle_pattern(data_set: str) -> str:
    pattern = re.escape(HAYSTACKS[data_set].needle)
    return " " + pattern.replace(r"\{who\}", r"(\w+)").replace(r"\{what\}", r"(\w+)")


def texts(asked: Question) -> dict[tuple[int, int, int], tuple[str, str, str]]:
    """Return context, query and answer by context, depth and query."""
    levels = zip(*(asked.structure.levels(name) for name in ("context", "depth", "query")), asked.runs, strict=True)
    found = {}
    for context, depth, query, run in levels:
        assert isinstance(run.readout, SpanLogprob)
        haystack, asking = TOKENIZER.decode(run.tokens[: run.readout.start]).split("\n", 1)
        found[context, depth, query] = haystack, asking, TOKENIZER.decode(run.tokens[run.readout.start :])
    return found


@DATA_SETS
def test_rows_are_depths_times_contexts_times_queries(data_set: str) -> None:
    found = texts(question(data_set))
    assert len(found) == 3 * 4 * 3
    assert len({haystack for haystack, _, _ in found.values()}) == 3 * 4


@DATA_SETS
def test_only_the_place_of_the_needle_changes_with_depth(data_set: str) -> None:
    found = texts(question(data_set))
    for context in range(3):
        _, asking, answer = found[context, 0, 0]
        who = next(who for who in PEOPLE.split() if re.search(rf"\b{who}\b", asking))
        needle = " " + HAYSTACKS[data_set].needle.format(who=who, what=answer.strip())
        pieces = [found[context, depth, 0][0].split(needle) for depth in range(4)]
        assert [len(piece) for piece in pieces] == [2] * 4, "the needle stands there once"
        assert len({before + after for before, after in pieces}) == 1
        before = [len(piece[0]) for piece in pieces]
        assert before[0] == 0
        assert pieces[-1][1] == ""
        assert before == sorted(before)
        total = before[-1]
        assert np.abs(np.array(before) / total - np.arange(4) / 3).max() < 0.3


@DATA_SETS
def test_queries_ask_for_the_needle_and_not_for_a_rival(data_set: str) -> None:
    found = texts(question(data_set))
    for (context, depth, query), (haystack, asking, answer) in found.items():
        told = dict(re.findall(needle_pattern(data_set), haystack))
        assert 2 <= len(told) == len(set(told.values())) <= 4
        asked = [who for who in told if re.search(rf"\b{who}\b", asking)]
        assert [told[who] for who in asked] == [answer.strip()], (context, depth, query)


@DATA_SETS
def test_rivals_after_are_counted(data_set: str) -> None:
    asked = question(data_set)
    structure = asked.structure
    found = texts(asked)
    counts = set()
    for row in range(len(asked.runs)):
        place = tuple(int(structure[name][row]) for name in ("context", "depth", "query"))
        haystack, _, answer = found[place]
        after = haystack.split(f"{answer}.", 1)[1]
        counts.add(int(structure["rivals_after"][row]))
        assert structure["rivals_after"][row] == len(re.findall(needle_pattern(data_set), after))
        assert structure["place"][row] == pytest.approx(place[1] / 3)
        assert structure["edge"][row] == pytest.approx((2 * place[1] / 3 - 1) ** 2)
    assert len(counts) > 1


@DATA_SETS
def test_contexts_fill_the_length_of_their_question(data_set: str) -> None:
    for index, length in ((0, 900), (1, 1100), (2, 900)):
        for haystack, _, _ in texts(question(data_set, index)).values():
            assert length - MOST - 1 <= len(haystack) <= length


def test_filler_is_held_out_text() -> None:
    sources = {
        "reviews": " ".join(review.text for review in held_out_reviews()),
        "scripture": " ".join(verse.text for verse in verses() if not verse.famous),
    }
    for data_set, source in sources.items():
        for sentence in islice(HAYSTACKS[data_set].filler(Seed.root(0).generator()), 200):
            assert LEAST <= len(sentence) <= MOST
            assert sentence in source


def test_the_answer_is_the_curve_and_its_loss_the_regret_and_the_error() -> None:
    asked = question("reviews")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    totals: dict[int, list[float]] = {}
    for depth, value in zip(asked.structure["depth"], values, strict=True):
        totals.setdefault(int(depth), []).append(float(value))
    curve = [sum(totals[depth]) / len(totals[depth]) for depth in range(4)]
    assert asked.functional.answer(values, asked.structure) == pytest.approx(curve)
    for chosen in range(4):
        answer = np.zeros(4)
        answer[chosen] = -1.0
        error = sum(abs(answer[depth] - curve[depth]) for depth in range(4)) / 4
        expected = curve[chosen] - min(curve) + error
        assert asked.functional.loss(answer, values, asked.structure) == pytest.approx(expected)


def test_contexts_that_are_too_short() -> None:
    with pytest.raises(TaskError, match=r"needle_depth/reviews: 12 depths among . sentences"):
        NeedleDepth(lengths=(200,)).question("reviews", TOKENIZER, Seed.root(0), 0)
