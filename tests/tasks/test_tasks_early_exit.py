"""Family `early_exit`: responses cut after more and more tokens, with an answer forced."""

from __future__ import annotations

import re

import numpy as np
import pytest

from istar.questions import ChoiceProbability, Question
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.responses import RESPONSES, SHORTEST, Response
from istar.tasks.early_exit import OPENINGS, EarlyExit
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
FAMILY = EarlyExit(responses=8, cuts=5)


class TestEarlyExit(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return FAMILY


def question(data_set: str) -> Question:
    return FAMILY.question(data_set, TOKENIZER, Seed.root(0), 0)


def drawn(data_set: str, length: int) -> list[Response]:
    generator = Seed.root(0).generator()
    return [RESPONSES[data_set](generator, length) for _ in range(300)]


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_cuts_grow_by_equal_parts_up_to_the_whole_response(data_set: str) -> None:
    asked = question(data_set)
    shown: dict[tuple[int, int], set[str]] = {}
    levels = zip(asked.structure.levels("response"), asked.structure.levels("step"), asked.runs, strict=True)
    for response, step, run in levels:
        assert isinstance(run.readout, ChoiceProbability)
        shown.setdefault((response, step), set()).add(TOKENIZER.decode(run.tokens).rpartition("\n")[0])
    assert len(shown) == 8 * 5
    assert all(len(texts) == 1 for texts in shown.values()), "openings differ, what stands before them does not"
    for response in range(8):
        texts = [next(iter(shown[response, step])) for step in range(5)]
        whole = texts[-1]
        assert whole.endswith(".")
        assert texts == [whole[: round(len(whole) * (step + 1) / 5)] for step in range(5)]


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_the_forced_answer_is_what_the_response_states_last(data_set: str) -> None:
    asked = question(data_set)
    whole = ""
    for step, opening, run in reversed(
        list(zip(asked.structure.levels("step"), asked.structure.levels("opening"), asked.runs, strict=True))
    ):
        text, _, forced = TOKENIZER.decode(run.tokens).rpartition("\n")
        if step == 4:
            whole = text
        assert isinstance(run.readout, ChoiceProbability)
        assert forced.startswith(f"{OPENINGS[opening]}: ")
        stem, answer = forced.removeprefix(f"{OPENINGS[opening]}: ").rsplit(" ", 1)
        assert TOKENIZER.decode(run.tokens[run.readout.start :]) == f" {answer}"
        assert re.findall(f"{stem} (\\w+)", whole, re.IGNORECASE)[-1] == answer
        others = [TOKENIZER.decode(other) for other in run.readout.others]
        assert len({f" {answer}", *others}) == 4


def test_mentions_are_counted_in_what_is_shown() -> None:
    asked = question("tracking")
    for row, run in enumerate(asked.runs):
        text = TOKENIZER.decode(run.tokens).rpartition("\n")[0]
        assert isinstance(run.readout, ChoiceProbability)
        answer = TOKENIZER.decode(run.tokens[run.readout.start :])
        others = [TOKENIZER.decode(other) for other in run.readout.others]
        assert asked.structure["answer_mentions"][row] == text.count(answer)
        assert asked.structure["other_mentions"][row] == sum(text.count(other) for other in others)


@pytest.mark.parametrize("length", [SHORTEST, 14])
@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_responses_have_their_length_and_state_their_answer_first_where_they_say(data_set: str, length: int) -> None:
    for response in drawn(data_set, length):
        assert len(response.sentences) == length + 1
        assert response.answer not in response.others
        said = [re.search(f"{response.stem} {response.answer}\\b", each, re.I) for each in response.sentences]
        assert said.index(next(match for match in said if match)) == response.settled
        after = " ".join(response.sentences[response.settled + 1 :])
        assert not any(re.search(rf"\b{other}\b", after) for other in response.others)


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_answers_are_settled_anywhere(data_set: str) -> None:
    settled = [response.settled for response in drawn(data_set, 11)]
    assert min(settled) <= 2
    assert max(settled) >= 10
    assert np.std(settled) > 2


def test_a_count_is_the_number_of_animals_that_come() -> None:
    numbers = ["one", "two", "three", "four", "five", "six"]
    for response in drawn("counting", 11):
        told = response.sentences[: response.settled]
        aloud = next((each.rstrip(".").split(": ")[1].split(", ") for each in told if "counts: " in each), None)
        if aloud is not None:
            assert aloud == numbers[: len(aloud)]
        counted = len(aloud) if aloud else sum(each.startswith("One ") for each in told)
        assert response.answer == numbers[counted - 1 - ("No, one is a fox." in told)]


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_the_answer_is_the_first_step_from_which_the_mean_stays_above(data_set: str) -> None:
    asked = question(data_set)
    values = Seed.root(1).generator().uniform(0.85, 1.0, size=len(asked.runs))
    cells: dict[tuple[int, int], list[float]] = {}
    for row, value in enumerate(values):
        place = int(asked.structure["response"][row]), int(asked.structure["step"][row])
        cells.setdefault(place, []).append(float(value))
    expected = []
    for response in range(8):
        crossing = 5
        for step in (4, 3, 2, 1, 0):
            if sum(cells[response, step]) / len(cells[response, step]) <= 0.9:
                break
            crossing = step
        expected.append(crossing / 5)
    assert len(set(expected)) > 2
    assert asked.functional.answer(values, asked.structure) == pytest.approx(expected)
    blind = np.full(8, 0.5)
    loss = asked.functional.loss(blind, values, asked.structure)
    assert loss == pytest.approx(sum(abs(0.5 - each) for each in expected) / 8)


def test_responses_that_are_too_short() -> None:
    with pytest.raises(TaskError, match="early_exit: responses of 5 sentences; the least is 9"):
        EarlyExit(sentences=5).question("counting", TOKENIZER, Seed.root(0), 0)
