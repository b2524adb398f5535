"""Family `position_bias`: what its questions hold, and its answer against a slow computation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from istar.questions import ChoiceProbability, Question, build_trie
from istar.seeds import Seed
from istar.tasks import Family
from istar.tasks.data.kinds import kinds
from istar.tasks.data.words import opposites
from istar.tasks.position_bias import ASKED, PositionBias
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = PositionBias(items=5, shots=(0, 1))


def parts(question: Question, row: int) -> tuple[str, str, list[str]]:
    """Return a row's prompt, the answer whose probability is read, and the other answers."""
    run = question.runs[row]
    assert isinstance(run.readout, ChoiceProbability)
    others = [TOKENIZER.decode(other).strip() for other in run.readout.others]
    start = run.readout.start
    return TOKENIZER.decode(run.tokens[:start]), TOKENIZER.decode(run.tokens[start:]).strip(), others


def options(prompt: str) -> list[str]:
    """Return the options of a prompt's last item, by position."""
    item = prompt.rsplit("\n\n", maxsplit=1)[-1].split("\n")
    return [line.split(" ")[-1] for line in item[1:5]]


class TestConformance(FamilyConformance):
    least_ratio = 25

    def make(self) -> Family:
        return SMALL


@pytest.fixture(params=[(name, index) for name in PositionBias.data_sets for index in range(8)], ids=str)
def question(request: pytest.FixtureRequest) -> Question:
    return SMALL.question(request.param[0], TOKENIZER, Seed.root(0), request.param[1])


def test_options_stand_in_all_orders(question: Question) -> None:
    structure = question.structure
    assert len(question.runs) == 5 * 24 * 4
    orders: dict[float, set[tuple[str, ...]]] = {}
    for row, item in enumerate(structure["item"]):
        orders.setdefault(item, set()).add(tuple(options(parts(question, row)[0])))
    assert len(orders) == 5
    for same in orders.values():
        assert len(same) == 24
        assert len({frozenset(order) for order in same}) == 1
        assert set(Counter(order[0] for order in same).values()) == {6}


def test_one_position_is_right(question: Question) -> None:
    structure, known = question.structure, kinds()
    for row in range(len(question.runs)):
        prompt = parts(question, row)[0]
        option = options(prompt)[int(structure["position"][row])]
        asked = prompt.rsplit("\n\n", maxsplit=1)[-1].split("\n")[0]
        if question.task.endswith("kinds"):
            kind = next(kind for kind, things in known.items() if option in things)
            right = asked in {text.format(kind) for text in ASKED["kinds"]}
        else:
            right = asked in {
                text.format(w) for w, other in opposites() if other == option for text in ASKED["opposites"]
            }
        assert structure["right"][row] == right
    place = list(zip(structure["order"], structure["item"], strict=True))
    found = Counter(dict.fromkeys(place, 0))
    for key, right in zip(place, structure["right"], strict=True):
        found[key] += int(right)
    assert set(found.values()) == {1}


def test_the_probability_read_is_that_of_the_option_in_the_position(question: Question) -> None:
    for row, position in enumerate(question.structure.levels("position")):
        prompt, answer, others = parts(question, row)
        assert answer == options(prompt)[position]
        assert sorted([answer, *others]) == sorted(options(prompt))


def test_shots_are_answered_rightly() -> None:
    family, known = PositionBias(items=1, shots=(2, 2)), opposites()
    for index in range(6):
        shots = parts(family.question("opposites", TOKENIZER, Seed.root(0), index), 0)[0].split("\n\n")[:-1]
        assert len(shots) == 2
        for shot in shots:
            asked, *listed, closing = shot.split("\n")
            answer = closing.split(" ")[-1]
            assert answer in [line.split(" ")[-1] for line in listed]
            assert asked in {
                text.format(word) for word, other in known if other == answer for text in ASKED["opposites"]
            }


def test_positions_of_a_prompt_share_what_is_run() -> None:
    for index in range(8):
        question = SMALL.question("kinds", TOKENIZER, Seed.root(0), index)
        first = [
            run for run, position in zip(question.runs, question.structure["position"], strict=True) if not position
        ]
        assert build_trie(question.runs).unique_tokens == build_trie(first).unique_tokens


def test_answer_is_the_mean_of_each_position(question: Question) -> None:
    values = np.random.default_rng(0).random(len(question.runs))
    total, count = [0.0] * 4, [0] * 4
    for position, value in zip(question.structure.levels("position").tolist(), values.tolist(), strict=True):
        total[position] += value
        count[position] += 1
    expected = [each / number for each, number in zip(total, count, strict=True)]
    assert question.functional.answer(values, question.structure) == pytest.approx(expected)


def test_a_model_that_finds_the_right_option_has_no_bias(question: Question) -> None:
    answer = question.functional.answer(question.structure["right"], question.structure)
    assert answer == pytest.approx([0.25] * 4)
