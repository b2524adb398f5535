"""Family `label_free_accuracy`: what its questions hold, and its answer against a slow computation."""

from __future__ import annotations

import numpy as np
import pytest

from istar.questions import ChoiceProbability, Question
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.data.cities import cities
from istar.tasks.data.remarks import hints, remarks
from istar.tasks.data.shifts import shifted
from istar.tasks.label_free_accuracy import CLOSINGS, SHIFTS, LabelFreeAccuracy
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = LabelFreeAccuracy(examples=80, longest=80)


def parts(question: Question, row: int) -> tuple[str, str, str, str]:
    """Return a row's prompt, its example, the right label and the wrong one."""
    run = question.runs[row]
    assert isinstance(run.readout, ChoiceProbability)
    prompt, line, right = "", TOKENIZER.decode(run.tokens[: run.readout.start]), run.tokens[run.readout.start :]
    if "\n" in line:
        prompt, line = line.rsplit("\n", 1)
    (wrong,) = run.readout.others
    example = next(line.removesuffix(closing) for closing in CLOSINGS if line.endswith(closing))
    return prompt, example, TOKENIZER.decode(right).strip(), TOKENIZER.decode(wrong).strip()


def index_of(data_set: str, shift: str) -> int:
    return SHIFTS[data_set].index(shift)


class TestConformance(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        return SMALL


@pytest.mark.parametrize("data_set", LabelFreeAccuracy.data_sets)
def test_examples_differ_and_share_prompt_and_labels(data_set: str) -> None:
    for index in range(6):
        question = SMALL.question(data_set, TOKENIZER, Seed.root(0), index)
        found = [parts(question, row) for row in range(80)]
        assert len({prompt for prompt, *_ in found}) == 1
        assert len({frozenset(labels) for *_, right, wrong in found for labels in [(right, wrong)]}) == 1
        assert len({example for _, example, *_ in found}) == 80
        assert [len(example.encode()) for _, example, *_ in found] == question.structure["length"].tolist()
        for label in (0, 1):
            of_label = [found[row][2] for row in np.flatnonzero(question.structure["label"] == label)]
            assert len(set(of_label)) == 1


def test_unshifted_cities_are_in_the_right_country() -> None:
    known = cities()
    question = SMALL.question("cities", TOKENIZER, Seed.root(0), index_of("cities", "none"))
    for row in range(80):
        prompt, example, right, wrong = parts(question, row)
        assert any(city in example for city in known[right])
        assert {right, wrong} <= set(known)
        assert example not in prompt
    assert (question.structure["changed"] == 0).all()


def test_far_remarks_come_from_other_sentences() -> None:
    near = {remark.text: remark.positive for remark in remarks()}
    far = {remark.text: remark.positive for remark in hints()}
    shares = []
    for turn in range(4):
        index = index_of("remarks", "domain") + turn * len(SHIFTS["remarks"])
        question = SMALL.question("remarks", TOKENIZER, Seed.root(0), index)
        texts = [parts(question, row)[1] for row in range(80)]
        positive = [(near | far)[text] for text in texts]
        assert positive == [label == 0 for label in question.structure["label"]]
        shares.append(np.mean([text in far for text in texts]))
    assert max(shares) - min(shares) > 0.2


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_share_of_the_first_label(share: float) -> None:
    family = LabelFreeAccuracy(examples=200, longest=80, share=(share, share))
    question = family.question("cities", TOKENIZER, Seed.root(0), 0)
    assert 1 - question.structure["label"].mean() == pytest.approx(share, abs=0.07)


def test_answer_is_accuracy_and_calibration_error() -> None:
    question = SMALL.question("cities", TOKENIZER, Seed.root(0), 1)
    values = np.random.default_rng(0).random(80)
    bins: list[list[tuple[bool, float]]] = [[] for _ in range(10)]
    for value in values.tolist():
        confidence = max(value, 1 - value)
        bins[min(int((confidence - 0.5) / 0.05), 9)].append((value > 0.5, confidence))
    accuracy = sum(right for members in bins for right, _ in members) / 80
    error = sum(abs(sum(right for right, _ in members) - sum(sure for _, sure in members)) for members in bins) / 80
    assert question.functional.answer(values, question.structure) == pytest.approx([accuracy, error])


def test_too_few_texts() -> None:
    with pytest.raises(TaskError, match="label_free_accuracy/cities: too few texts for 9000 examples; lower"):
        LabelFreeAccuracy(examples=9000).question("cities", TOKENIZER, Seed.root(0), 0)


class TestShifts:
    text = "My aunt lives in Rome, and she likes it there."

    def shift(self, kind: str, strength: float) -> list[tuple[str, float]]:
        generator = np.random.default_rng(0)
        return [shifted(self.text, kind, strength, generator) for _ in range(200)]

    @pytest.mark.parametrize("kind", ["typos", "losses", "capitals", "words"])
    def test_strength_is_the_share_that_changes(self, kind: str) -> None:
        assert set(self.shift(kind, 0.0)) == {(self.text, 0.0)}
        weak, strong = (np.mean([amount for _, amount in self.shift(kind, strength)]) for strength in (0.3, 0.9))
        assert 2.5 < strong / weak < 3.5

    def test_typos_keep_the_length_and_all_but_letters(self) -> None:
        for text, amount in self.shift("typos", 1.0):
            differ = [(old, new) for old, new in zip(self.text, text, strict=True) if old != new]
            assert all(old.isalpha() and new.islower() for old, new in differ)
            assert len(differ) <= round(amount * len(self.text))
            assert len(differ) >= round(amount * len(self.text)) - 6  # a letter may be drawn in its own place

    def test_losses_leave_letters_out(self) -> None:
        for text, amount in self.shift("losses", 1.0):
            assert len(text) == len(self.text) - round(amount * len(self.text))
            rest = iter(self.text)
            assert all(letter in rest for letter in text)
            assert text.count(" ") == self.text.count(" ")

    def test_capitals_change_nothing_else(self) -> None:
        for text, _ in self.shift("capitals", 1.0):
            assert text.lower() == self.text.lower()
            assert sum(letter.isupper() for letter in text) >= len(self.text) - self.text.count(" ") - 4

    def test_words_are_left_out_in_order(self) -> None:
        for text, amount in self.shift("words", 1.0):
            rest = iter(self.text.split(" "))
            assert all(word in rest for word in text.split(" "))
            assert len(text.split(" ")) == 10 - round(amount * 10) >= 1

    def test_other_shifts_change_nothing(self) -> None:
        assert set(self.shift("domain", 1.0)) == {(self.text, 0.0)}


def test_cities_are_of_one_country_each() -> None:
    known = cities()
    names = [name for places in known.values() for name in places]
    assert len(names) == len(set(names))
    assert all(len(places) > 750 for places in known.values())
    assert known["France"][0] == "Marseille"  # there is a Paris in Canada
    assert all(name.isascii() for name in names)
