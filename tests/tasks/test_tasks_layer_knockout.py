"""What `layer_knockout` asks, read back from its rows."""

from __future__ import annotations

import numpy as np
import pytest

from istar.questions import Ablate
from istar.seeds import Seed
from istar.targets import load_target
from istar.targets.appliers import block_at
from istar.tasks import Family, TaskError
from istar.tasks.data.kinds import lexicon
from istar.tasks.data.remarks import remarks
from istar.tasks.layer_knockout import LABELS, PARTS, LayerKnockout
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = LayerKnockout(depths=4, openings=2, shots=2, queries=5, longest=40)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()


def made(data_set, index=0, family=SMALL):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


class TestLayerKnockoutConformance(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return SMALL


@DATA_SETS
def test_every_attention_and_every_mlp_is_left_out_once_and_the_model_is_asked_as_it_is(data_set):
    target = load_target("tiny-random")  # of four blocks
    asked = made(data_set)
    found = {}
    for row, run in enumerate(asked.runs):
        place = {column.name: int(column.values[row]) for column in asked.structure.columns if column.name != "depth"}
        found.setdefault(place["knockout"], set()).add((run.intervention, place["block"], place["part"]))
    assert found.pop(0) == {(None, 0, 0)}
    changes = [change for ((change, _, _),) in map(tuple, found.values())]
    assert all(isinstance(change, Ablate) for change in changes)
    assert {change.part for change in changes} == set(PARTS)
    assert len(changes) == 8
    assert len({block_at(target, change.depth) for change in changes}) >= 3  # a depth in between is rounded up
    for change, block, part in (one for (one,) in map(tuple, found.values())):
        assert PARTS[part - 1] == change.part
        assert changes[2 * (block - 1)].depth == change.depth


@DATA_SETS
def test_queries_are_right_and_no_line_shows_what_is_asked(data_set):
    known = (
        dict(lexicon()[0].pairs)
        if data_set == "relations"
        else {remark.text: LABELS[not remark.positive] for remark in remarks()}
    )
    openings, queries = set(), set()
    for run in made(data_set).runs:
        text = TOKENIZER.decode(run.tokens[1:])
        *shown, last = text.split("\n")
        asked, answer = last.split(" -> ")
        assert known[asked] == answer
        assert TOKENIZER.decode(run.tokens[run.readout.start :]) == f" {answer}"
        assert all(known[line.split(" -> ")[0]] == line.split(" -> ")[1] for line in shown)
        assert asked not in {line.split(" -> ")[0] for line in shown}
        openings.add(tuple(shown))
        queries.add(asked)
    assert len(openings) == 2
    assert not set(openings.pop()) & set(openings.pop())
    assert len(queries) == 5


def test_the_answer_is_what_leaving_each_out_does():
    asked = made("relations")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    knockout = asked.structure.levels("knockout")
    means = np.array([values[knockout == level].mean() for level in range(9)])
    np.testing.assert_allclose(asked.functional.answer(values, asked.structure), means[1:] - means[0])


def test_more_queries_than_there_are_words():
    with pytest.raises(TaskError, match="too few for 2 openings of 2 and 999 queries"):
        made("relations", family=LayerKnockout(openings=2, shots=2, queries=999))
