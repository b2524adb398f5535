"""What `edit_search` asks, read back from its rows."""

from __future__ import annotations

import numpy as np
import pytest

from istar.questions import ChoiceProbability, Edit
from istar.seeds import Seed
from istar.targets import load_target
from istar.tasks import Family, TaskError
from istar.tasks.data.common_facts import FACTS
from istar.tasks.edit_search import EditSearch
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = EditSearch(depths=3, strengths=(1.0, 4.0), openings=2, shots=2, probes=3)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()


def made(data_set, index=0, family=SMALL, tokenizer=TOKENIZER):
    return family.question(data_set, tokenizer, Seed.root(0), index)


def decoded(run):
    """Return prompt, answer and other answer."""
    parts = run.tokens[: run.readout.start], run.tokens[run.readout.start :], run.readout.others[0]
    return tuple(TOKENIZER.decode(part) for part in parts)


class TestEditSearchConformance(FamilyConformance):
    least_ratio = 6

    def make(self) -> Family:
        return SMALL


@pytest.mark.parametrize("index", range(3))
@DATA_SETS
def test_the_edited_fact_should_change_and_its_neighbours_should_not(data_set, index):
    pairs = dict(FACTS[data_set].pairs)
    asked = made(data_set, index)
    edited, neighbours = set(), set()
    for neighbour, run in zip(asked.structure.levels("neighbour"), asked.runs, strict=True):
        assert isinstance(run.readout, ChoiceProbability)
        prompt, answer, other = decoded(run)
        *shots, query = prompt.split(". ")
        (subject,) = [each for each in pairs if each.lower() in query.lower()]
        assert len(shots) == 2
        assert not any(subject.lower() in shot.lower() for shot in shots)
        if neighbour:
            assert answer.strip() == pairs[subject]
            neighbours.add((subject, other))
        else:
            assert other.strip() == pairs[subject] != answer.strip()
            edited.add((subject, answer))
    ((subject, wanted),) = edited
    assert len({each for each, _ in neighbours}) == 2 * 3
    assert {other for _, other in neighbours} == {wanted}
    assert subject not in {each for each, _ in neighbours}


@DATA_SETS
def test_edits_are_places_times_strengths_of_one_change(data_set):
    asked = made(data_set)
    edits = {}
    for row, run in enumerate(asked.runs):
        place = {column.name: column.values[row] for column in asked.structure.columns}
        assert isinstance(run.intervention, Edit)
        edits.setdefault(int(place["edit"]), set()).add(run.intervention)
        assert run.intervention.depth == place["depth"]
        assert run.intervention.strength == SMALL.strengths[int(place["strength"])]
        assert int(run.intervention.depth * 3) == place["block"]
    assert len(edits) == 6
    assert all(len(each) == 1 for each in edits.values())
    made_from = {(edit.texts, edit.wanted, edit.known) for (edit,) in map(tuple, edits.values())}
    ((texts, wanted, known),) = made_from
    subject = TOKENIZER.decode(texts[0])
    assert all(TOKENIZER.decode(text).endswith(subject) for text in texts)
    _, answer, other = decoded(asked.runs[0])
    differing = next((one, two) for one, two in zip(answer, other, strict=False) if one != two)
    assert (TOKENIZER.decode([wanted]), TOKENIZER.decode([known])) == differing


def test_stronger_edits_of_a_target_say_what_is_wanted():
    """At the last block of a tiny target, where nothing but the norm stands between the edit and the answer."""
    target = load_target("tiny-random")
    family = EditSearch(depths=1, strengths=(-8.0, 0.0, 8.0), openings=1, shots=1, probes=2)
    asked = made("professions", family=family, tokenizer=target.tokenizer)
    values = target.values(asked.runs).numpy()
    found = asked.functional.answer(values, asked.structure)
    level = asked.structure.levels("strength")
    np.testing.assert_allclose(found, [values[level == each].mean() for each in range(3)])
    unchanged = [run for run, each in zip(asked.runs, level, strict=True) if each == 1]
    plain = [type(run)(run.tokens, run.readout) for run in unchanged]
    np.testing.assert_allclose(target.values(plain).numpy(), values[level == 1], atol=1e-6)
    assert np.abs(values[level == 2] - values[level == 1]).max() > 1e-3


def test_more_probes_than_there_are():
    with pytest.raises(TaskError, match="7 probes of a fact; there are 1 to 6"):
        made("landmarks", family=EditSearch(probes=7))
    with pytest.raises(TaskError, match="landmarks: 92 neighbours to show or probe; there are"):
        made("landmarks", family=EditSearch(shots=40))
