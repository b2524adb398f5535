"""What `head_knockout` asks, read back from its rows."""

from __future__ import annotations

import re

import numpy as np
import pytest

from istar.questions import AblateHead
from istar.seeds import Seed
from istar.targets import load_target
from istar.targets.appliers import block_at
from istar.targets.component_appliers import head_at
from istar.tasks import Family, TaskError
from istar.tasks.data.first_names import NAMES
from istar.tasks.head_knockout import LISTED, HeadKnockout
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = HeadKnockout(depths=4, heads=4, examples=5)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()


def made(data_set, index=0, tokenizer=TOKENIZER):
    return SMALL.question(data_set, tokenizer, Seed.root(0), index)


def examples(data_set, index):
    """Return prompts and answers."""
    return [
        (TOKENIZER.decode(run.tokens[: run.readout.start]), TOKENIZER.decode(run.tokens[run.readout.start :]))
        for run in made(data_set, index).runs[:5]
    ]


class TestHeadKnockoutConformance(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return SMALL


@DATA_SETS
def test_knockouts_are_different_heads_of_a_target_that_has_as_many(data_set):
    target = load_target("tiny-random")  # of four blocks and four heads
    asked = made(data_set)
    heads = {}
    for knockout, block, run in zip(
        asked.structure.levels("knockout"), asked.structure.levels("block"), asked.runs, strict=True
    ):
        heads.setdefault(int(knockout), set()).add(run.intervention)
        assert (run.intervention is None) == (knockout == 0) == (block == 0)
    changes = [change for (change,) in map(tuple, heads.values())]
    assert all(isinstance(change, AblateHead) for change in changes[1:])
    assert len({head_at(target, change.head) for change in changes[1:5]}) == 4
    assert len({block_at(target, change.depth) for change in changes[1:]}) >= 3  # a depth in between is rounded up


@pytest.mark.parametrize("index", range(3))
def test_the_one_who_was_named_once_is_given_to(index):
    found = examples("givers", index)
    assert len({prompt.rpartition(". ")[0] for prompt, _ in found}) == 1, "whole sentences that all share"
    for whole, answer in found:
        *shown, prompt = whole.split(". ")
        for each in (*shown, prompt + answer):
            words = [word for word in re.findall(r"[A-Z]\w+", each) if word in NAMES]
            assert len(words) == 4
            assert words.count(words[-1]) == 2
        named = [word for word in re.findall(r"[A-Z]\w+", prompt) if word in NAMES]
        assert len(named) == 3
        assert named.count(answer.strip()) == 1
        assert prompt.endswith(" to")


@pytest.mark.parametrize("index", range(3))
def test_lists_go_on_as_before(index):
    found = examples("lists", index)
    assert len({prompt.split("\n")[0] for prompt, _ in found}) == 2, "four examples of one list, one of another"
    assert len(set(found)) == 5
    for prompt, answer in found:
        given, again = prompt.split("\nCopy:")
        words = given.removeprefix("List: ").split(", ")
        assert len(set(words)) == LISTED
        said = [word for word in again.strip().split(",") if word]
        assert [word.strip() for word in said] == words[: len(said)]
        assert answer == f" {words[len(said)]}"


def test_the_answer_is_what_is_lost_against_the_model_as_it_is():
    target = load_target("tiny-random")
    asked = made("lists", tokenizer=target.tokenizer)
    values = target.values(asked.runs).numpy().reshape(17, 5)
    answer = asked.functional.answer(values.reshape(-1), asked.structure)
    np.testing.assert_allclose(answer, values[1:].mean(1) - values[0].mean())
    assert answer.std() > 0.01


def test_too_many_examples():
    with pytest.raises(TaskError, match="31 examples; there are 1 to 30"):
        HeadKnockout(examples=31).question("lists", TOKENIZER, Seed.root(0), 0)
