"""Family `format_sensitivity`: what its questions hold, and its answer against a slow computation."""

from __future__ import annotations

import re

import numpy as np
import pytest

from istar.questions import Question, SpanLogprob
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.numbers import arithmetic
from istar.tasks.format_sensitivity import JOINERS, RELATIONS, SEPARATORS, FormatSensitivity
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = FormatSensitivity(levels=(2, 2, 2, 2), shots=(1, 2), examples=6)
WHOLE = FormatSensitivity(levels=(3, len(SEPARATORS), 2, len(JOINERS)), shots=(2, 2), examples=3)
"""The whole grammar: levels of traits are its entries."""


def prompt_and_answer(question: Question, row: int) -> tuple[str, str]:
    run = question.runs[row]
    assert isinstance(run.readout, SpanLogprob)
    return TOKENIZER.decode(run.tokens[: run.readout.start]), TOKENIZER.decode(run.tokens[run.readout.start :])


class TestConformance(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return SMALL


@pytest.mark.parametrize("data_set", FormatSensitivity.data_sets)
def test_every_example_stands_in_every_format(data_set: str) -> None:
    question = SMALL.question(data_set, TOKENIZER, Seed.root(0), 3)
    structure = question.structure
    traits = np.stack([column.array for column in structure.of("trait")], axis=1)
    formats = {(arm, *levels) for arm, levels in zip(structure["format"], traits.tolist(), strict=True)}
    assert len(formats) == len({levels for _, *rest in formats for levels in [tuple(rest)]}) == 16
    assert len(set(zip(structure["format"], structure["example"], strict=True))) == len(question.runs) == 16 * 6
    answers: dict[float, set[str]] = {}
    for row, example in enumerate(structure["example"]):
        answers.setdefault(example, set()).add(prompt_and_answer(question, row)[1].strip())
    assert all(len(same) == 1 for same in answers.values())


@pytest.mark.parametrize("data_set", FormatSensitivity.data_sets)
@pytest.mark.parametrize("index", range(6))
def test_formats_differ_in_nothing_but_format(data_set: str, index: int) -> None:
    """Read fields and pairs from the plainest format, write all others by hand, and compare."""
    question = WHOLE.question(data_set, TOKENIZER, Seed.root(0), index)
    structure = question.structure
    plain = {"casing": 0, "separator": SEPARATORS.index(":"), "space": 1, "joiner": JOINERS.index("\n")}
    rows = np.flatnonzero(np.all([structure[name] == level for name, level in plain.items()], axis=0))
    assert len(rows) == 3
    relations = RELATIONS[data_set]()
    pairs = relations[index % len(relations)].pairs
    found: dict[int, list[tuple[str, str, str, str]]] = {}
    for row in rows:
        examples = "".join(prompt_and_answer(question, row)).split("\n\n")
        matches = [re.fullmatch(r"(\w+): (.+)\n(\w+): (.+)", example) for example in examples]
        found[int(structure["example"][row])] = [match.groups() for match in matches if match]
        assert len(examples) == len(found[int(structure["example"][row])]) == 3
        drawn = [(word, answer) for _, word, _, answer in found[int(structure["example"][row])]]
        assert set(drawn) <= set(pairs)
        assert drawn[-1] not in drawn[:-1]
    casings = (str.lower, lambda name: name[0].upper() + name[1:].lower(), str.upper)
    for row in range(len(question.runs)):
        level = {name: int(structure[name][row]) for name in plain}
        case, space = casings[level["casing"]], ("", " ")[level["space"]]
        expected = "\n\n".join(
            f"{case(one)}{SEPARATORS[level['separator']]}{space}{word}{JOINERS[level['joiner']]}"
            f"{case(other)}{SEPARATORS[level['separator']]}{space}{answer}"
            for one, word, other, answer in found[int(structure["example"][row])]
        )
        prompt, answer = prompt_and_answer(question, row)
        assert prompt + answer == expected
        assert structure["answer_length"][row] == len(answer.encode())


def test_answer_is_spread_and_tenth_percentile_of_the_scores_of_formats() -> None:
    question = SMALL.question("numbers", TOKENIZER, Seed.root(0), 0)
    values = np.random.default_rng(0).normal(size=len(question.runs))
    scores: dict[int, list[float]] = {}
    for arm, value in zip(question.structure.levels("format").tolist(), values.tolist(), strict=True):
        scores.setdefault(arm, []).append(value)
    means = sorted(sum(each) / len(each) for each in scores.values())
    mean = sum(means) / 16
    spread = (sum((each - mean) ** 2 for each in means) / 16) ** 0.5
    low = means[1] + 0.5 * (means[2] - means[1])  # a tenth of the way from the first of 16 to the last
    assert question.functional.answer(values, question.structure) == pytest.approx([spread, low])


def test_too_few_pairs() -> None:
    with pytest.raises(TaskError, match="1 shots and 400 examples of the product, of which there are 64; lower one"):
        FormatSensitivity(shots=(1, 1), examples=400).question("numbers", TOKENIZER, Seed.root(0), 2)


def test_arithmetic_is_right() -> None:
    for relation in arithmetic()[:3]:
        assert all(eval(asked) == int(answer) for asked, answer in relation.pairs)
    larger, following, digits = (dict(relation.pairs) for relation in arithmetic()[3:])
    assert all(int(answer) == max(map(int, asked.split(","))) for asked, answer in larger.items())
    assert all(int(answer) - int(asked) == 1 for asked, answer in following.items())
    assert digits["forty-two"] == "42"
    assert len(set(digits.values())) == len(digits) == 72
