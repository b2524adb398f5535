"""What `length_cliff` asks, read back from its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from istar.questions import SpanLogprob
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.length_cliff import PROBLEMS, WORKS, LengthCliff
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = LengthCliff(problems=4, shots=3, demonstrated=(2, 3), lengths=(2, 3, 5), instances=4)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()

EXPECTED = {
    "Copy": "c a b",
    "Backwards": "b a c",
    "Sorted": "a b c",
    "First": "c",
    "Last": "b",
    "Second": "a",
    "Number": "three",
    "Rotated": "a b c",
    "Ends": "c b",
}


def made(data_set, index=0, family=SMALL):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


class TestLengthCliffConformance(FamilyConformance):
    least_ratio = 5

    def make(self) -> Family:
        return SMALL


def test_problems_do_what_they_say():
    assert set(PROBLEMS) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        assert PROBLEMS[name](["c", "a", "b"]) == expected.split(), name


@DATA_SETS
def test_demonstrations_and_answers_are_right_and_lengths_fall(data_set):
    asked = made(data_set)
    openings = {}
    for row, run in enumerate(asked.runs):
        place = {column.name: column.values[row] for column in asked.structure.columns}
        assert run.readout == SpanLogprob(len(run.tokens) - int(place["answer_tokens"]), mean=True)
        text = TOKENIZER.decode(run.tokens)
        assert text.endswith("\n")
        lines = text.splitlines()
        *shown, last = zip(lines[::2], lines[1::2], strict=True)
        word, solve = list(PROBLEMS.items())[int(place["kind"])]
        for given, answer in (*shown, last):
            items = given.removeprefix("List: ").split(", ")
            assert answer == f"{word}: {', '.join(solve(items))}"
        assert last[0].count(",") + 1 == place["length"] == (5, 3, 2)[int(place["step"])]
        assert {given.count(",") + 1 for given, _ in shown} == {2, 3}
        openings.setdefault(int(place["problem"]), set()).add(tuple(shown))
    assert len(openings) == 4
    assert all(len(each) == 1 for each in openings.values()), "instances share their demonstrations"


def test_the_answer_is_the_share_of_lengths_that_are_too_long():
    asked = made("words")
    problem, length = asked.structure.levels("problem"), asked.structure["length"]
    longest = np.array([5, 3, 2, 0])[problem]  # each problem works up to here
    values = np.where(length <= longest, WORKS + 0.1, WORKS - 0.1)
    np.testing.assert_allclose(asked.functional.answer(values, asked.structure), [0, 1 / 3, 2 / 3, 1])


def test_lists_longer_than_there_are_words_for():
    with pytest.raises(TaskError, match="4 problems on lists of up to 17; there are 9 problems, and lists of 2 to 16"):
        made("words", family=LengthCliff(problems=4, lengths=(2, 17)))
