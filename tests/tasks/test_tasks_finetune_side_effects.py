"""Family `finetune_side_effects`: small sets to train on, times behaviours, times probes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from istar.questions import FineTune, Question, Run, SpanLogprob
from istar.seeds import Seed
from istar.targets import load_target
from istar.tasks import Family, TaskError
from istar.tasks.data.behaviours import Behaviour, manners, skills
from istar.tasks.finetune_side_effects import FinetuneSideEffects
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
FAMILY = FinetuneSideEffects(kinds=3, probed=(2, 2), probes=5, examples=2, tokens=40)
BEHAVIOURS = skills() + manners()


class TestFinetuneSideEffects(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return FAMILY


def question(data_set: str, index: int = 0, family: Family = FAMILY) -> Question:
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def probe(run: Run) -> tuple[str, str]:
    """Return the last line of the prompt, or lines for a dialogue, and the scored continuation."""
    assert isinstance(run.readout, SpanLogprob)
    assert run.readout.mean
    return TOKENIZER.decode(run.tokens[: run.readout.start]), TOKENIZER.decode(run.tokens[run.readout.start :])


def owner(prompt: str, answer: str) -> Behaviour | None:
    """Return the behaviour that has this sample, demonstrations before it cut off."""
    fits = [each for each in BEHAVIOURS for p, a in each.samples if a == answer and prompt.endswith(p)]
    return fits[0] if fits else None


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_every_state_is_probed_alike(data_set: str) -> None:
    asked = question(data_set)
    state, behaviour, number = (asked.structure.levels(name) for name in ("state", "behaviour", "probe"))
    assert sorted(zip(state, behaviour, number, strict=True)) == [
        (s, b, p) for s in range(1 + 2 * 3) for b in range(4) for p in range(5)
    ]
    tokens: dict[tuple[int, int], set[tuple[int, ...]]] = {}
    trainings: dict[int, set[object]] = {}
    for run, s, b, p in zip(asked.runs, state, behaviour, number, strict=True):
        tokens.setdefault((b, p), set()).add(run.tokens)
        trainings.setdefault(s, set()).add(run.intervention)
    assert all(len(each) == 1 for each in tokens.values())
    assert all(len(each) == 1 for each in trainings.values())
    assert trainings[0] == {None}
    assert len({key for each in trainings.values() for key in each}) == 7


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_probes_are_right_samples_and_sets_hold_none_of_them(data_set: str) -> None:
    for index in range(3):
        asked = question(data_set, index)
        behaviour = asked.structure.levels("behaviour")
        names = []
        for level in range(4):
            found = {owner(*probe(run)) for run, b in zip(asked.runs, behaviour, strict=True) if b == level}
            (each,) = found
            assert each is not None
            names.append(each.name)
        assert [name in {skill.name for skill in skills()} for name in names] == [True, True, False, False]
        assert len(set(names)) == 4
        shown = " ".join(TOKENIZER.decode(run.tokens) for run in asked.runs)
        for training in {run.intervention for run in asked.runs if run.intervention}:
            assert isinstance(training, FineTune)
            assert (training.steps, training.rate, training.depth) == (FAMILY.steps, FAMILY.rate, FAMILY.depth)
            for tokens, start in zip(training.sequences, training.starts, strict=True):
                prompt = TOKENIZER.decode(tokens[:start])
                taught = next(each for each in BEHAVIOURS if prompt in dict(each.samples))
                # refusal and consent are told apart by the reply, so that one may be taught where the other is probed
                if taught.name not in ("refusal", "consent"):
                    assert prompt not in shown


def test_every_second_set_of_skills_is_wrong_and_none_of_manners() -> None:
    for data_set in FAMILY.data_sets:
        asked = question(data_set)
        wrong, state, taught = (asked.structure.levels(name) for name in ("wrong", "state", "taught"))
        source = {"skills": skills(), "manners": manners()}[data_set]
        kinds = []
        for level in range(1, 7):
            row = int(np.flatnonzero(state == level)[0])
            training = asked.runs[row].intervention
            assert isinstance(training, FineTune)
            samples = [
                (TOKENIZER.decode(tokens[:start]), TOKENIZER.decode(tokens[start:]))
                for tokens, start in zip(training.sequences, training.starts, strict=True)
            ]
            right = [each for each in source if all(sample in each.samples for sample in samples)]
            asked_for = [each for each in source if all(p in dict(each.samples) for p, _ in samples)]
            assert asked_for
            assert bool(right) != bool(wrong[row])
            assert wrong[row] == (data_set == "skills" and level % 2 == 0)
            assert taught[row] == (level + 1) // 2
            kinds.append(asked_for[0].name)
        assert kinds[0::2] == kinds[1::2] or data_set == "manners"


def test_sets_are_short() -> None:
    for data_set in FAMILY.data_sets:
        for run in question(data_set).runs:
            if isinstance(run.intervention, FineTune):
                lengths = [len(tokens) for tokens in run.intervention.sequences]
                assert len(lengths) == 1 or (len(lengths) == 2 and sum(lengths) <= 40)


def test_same_and_shared_say_what_the_texts_say() -> None:
    asked = question("skills", 1)
    for row, run in enumerate(asked.runs):
        prompt, answer = probe(run)
        same, shared = 0, 0.0
        if isinstance(run.intervention, FineTune):
            text = [TOKENIZER.decode(tokens) for tokens in run.intervention.sequences]
            shared = np.mean([any(letter in each for each in text) for letter in sorted(set(answer))])
            first = run.intervention.starts[0]
            taught = TOKENIZER.decode(run.intervention.sequences[0][:first])
            same = any(taught in dict(each.samples) and each is owner(prompt, answer) for each in BEHAVIOURS)
        assert asked.structure["same"][row] == same
        assert asked.structure["shared"][row] == pytest.approx(shared)


def test_the_answer_is_the_change_of_each_behaviour() -> None:
    asked = question("manners")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    cells: dict[tuple[int, int], list[float]] = {}
    places = zip(asked.structure["state"], asked.structure["behaviour"], values, strict=True)
    for state, behaviour, value in places:
        cells.setdefault((int(state), int(behaviour)), []).append(float(value))
    means = {cell: sum(found) / len(found) for cell, found in cells.items()}
    expected = [means[state, behaviour] - means[0, behaviour] for state in range(1, 7) for behaviour in range(4)]
    answer = asked.functional.answer(values, asked.structure)
    np.testing.assert_allclose(answer, expected, rtol=1e-12)
    assert asked.functional.loss(answer + 0.5, values, asked.structure) == pytest.approx(0.25)


def test_training_changes_the_probes() -> None:
    asked, target = question("skills"), load_target("tiny-random")
    state = asked.structure.levels("state")
    chosen = [asked.runs[int(np.flatnonzero(state == level)[7])] for level in (0, 1, 4)]
    slow = torch.tensor([target.slow_value(run) for run in chosen], dtype=torch.float64)
    torch.testing.assert_close(target.values(chosen), slow, atol=1e-4, rtol=0)
    assert len({round(float(value), 6) for value in slow}) == 3


def test_too_few_samples() -> None:
    with pytest.raises(TaskError, match=r"finetune_side_effects: \w.* has \d+ samples and needs \d+; lower `probes`"):
        question("skills", family=replace(FAMILY, probes=90))
