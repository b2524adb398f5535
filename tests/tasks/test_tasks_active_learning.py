"""Family `active_learning`: a gradient step on each candidate, times evaluation prompts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from istar.questions import FineTune, Question, Run, SpanLogprob
from istar.seeds import Seed
from istar.targets import load_target
from istar.tasks import Family, TaskError
from istar.tasks.active_learning import ActiveLearning
from istar.tasks.data.kinds import kinds
from istar.tasks.data.replies import CLOSINGS, OPENINGS, exchanges
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
FAMILY = ActiveLearning(kinds=4, per_kind=3, strangers=(2, 3), manners=2, per_manner=2, evaluations=(10, 4))
CANDIDATES = {"kinds": 4 * 3 + 2 + 3, "replies": 2 * 2 * 2}
KIND = {thing: kind for kind, things in kinds().items() for thing in things}


class TestActiveLearning(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        return FAMILY


def question(data_set: str, index: int = 0, family: Family = FAMILY) -> Question:
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def parts(tokens: tuple[int, ...], start: int) -> tuple[str, str]:
    return TOKENIZER.decode(tokens[:start]), TOKENIZER.decode(tokens[start:])


def evaluated(run: Run) -> tuple[str, str]:
    assert isinstance(run.readout, SpanLogprob)
    return parts(run.tokens, run.readout.start)


def trained(run: Run) -> tuple[str, str]:
    assert isinstance(run.intervention, FineTune)
    return parts(run.intervention.sequences[0], run.intervention.starts[0])


def first_rows(asked: Question) -> list[int]:
    """Return the first row of each candidate, without arm 0."""
    return np.unique(asked.structure.levels("candidate"), return_index=True)[1][1:].tolist()


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_each_arm_is_one_step_on_one_candidate_and_arm_0_is_none(data_set: str) -> None:
    asked = question(data_set)
    candidate, evaluation = asked.structure.levels("candidate"), asked.structure.levels("evaluation")
    arms, prompts = int(candidate.max()) + 1, int(evaluation.max()) + 1
    assert arms == 1 + CANDIDATES[data_set]
    assert prompts == FAMILY.evaluations[FAMILY.data_sets.index(data_set)]
    assert sorted(zip(candidate, evaluation, strict=True)) == [(a, e) for a in range(arms) for e in range(prompts)]
    for arm in range(arms):
        steps = {run.intervention for run, mine in zip(asked.runs, candidate, strict=True) if mine == arm}
        (step,) = steps
        if arm == 0:
            assert step is None
        else:
            assert isinstance(step, FineTune)
            assert (len(step.sequences), step.steps, step.rate, step.depth) == (1, 1, FAMILY.rate, FAMILY.depth)
    traits = np.stack([column.array for column in asked.structure.of("trait")])
    assert (traits[:, candidate == 0] == 0).all()
    assert (traits[:, candidate > 0] > 0).all()
    for number in range(prompts):
        rows = np.flatnonzero(evaluation == number)
        assert len({asked.runs[row].tokens for row in rows}) == 1


def test_things_are_evaluated_rightly_and_never_trained_on() -> None:
    for index in range(4):
        asked = question("kinds", index)
        rows = first_rows(asked)
        seen = set()
        for run in asked.runs:
            prompt, answer = evaluated(run)
            lines = [line.split(" -> ") for line in prompt.split("\n")[:-1]]
            thing = prompt.split("\n")[-1].removesuffix(" ->")
            assert all(KIND[word] == kind for word, kind in lines)
            assert f" {KIND[thing]}" == answer
            seen |= {thing, *(word for word, _ in lines)}
        label = asked.structure.levels("label")
        for row in rows[: 4 * 3 + 2]:
            prompt, answer = trained(asked.runs[row])
            assert prompt.removesuffix(" ->") not in seen
            assert answer[1:] in kinds()
        kinds_asked = {trained(asked.runs[row])[1] for row in rows if label[row] <= 4}
        assert len(kinds_asked) == len({label[row] for row in rows if label[row] <= 4})
        assert {evaluated(run)[1] for run in asked.runs} <= {*(f" {k}" for k in kinds())}
        strange = [trained(asked.runs[row]) for row in rows if label[row] == 5]
        assert len(strange) == 2
        assert all(f" {KIND[prompt.removesuffix(' ->')]}" == answer not in kinds_asked for prompt, answer in strange)
        assert sum(label[row] == 6 for row in rows) == 3


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_as_many_candidates_are_wrong_as_asked_for(data_set: str) -> None:
    plain = dict(exchanges())

    def wrong(run: Run) -> bool:
        prompt, answer = trained(run)
        if data_set == "kinds":
            return answer != f" {KIND[prompt.removesuffix(' ->')]}"
        return plain[prompt.removeprefix("Q: ").removesuffix("\nA:")] not in answer

    for share in (0.0, 0.5, 1.0):
        found = []
        for index in range(6):
            asked = question(data_set, index, replace(FAMILY, wrong=share))
            rows = first_rows(asked)
            rows = rows[: 4 * 3] if data_set == "kinds" else rows
            found += [wrong(asked.runs[row]) for row in rows]
        assert np.mean(found) == pytest.approx(share, abs=0.2 * (share == 0.5))


def test_replies_are_in_the_manner_that_the_traits_say() -> None:
    asked = question("replies")
    answers = [evaluated(run)[1] for run in asked.runs]
    questions = {evaluated(run)[0] for run in asked.runs}
    fits = [
        (opening, closing)
        for opening in OPENINGS
        for closing in CLOSINGS
        if all(answer.startswith(f" {opening}") and answer.endswith(closing) for answer in answers)
    ]
    assert fits, "evaluation wants one manner"
    manners = []
    for row in first_rows(asked):
        prompt, answer = trained(asked.runs[row])
        assert prompt not in questions
        opening = OPENINGS[asked.structure.levels("opening")[row] - 1]
        closing = CLOSINGS[asked.structure.levels("closing")[row] - 1]
        assert any(answer == f" {opening}{plain}{closing}" for _, plain in exchanges())
        manners.append((opening, closing))
    assert len(set(manners)) == 4
    assert set(manners) & set(fits)


def test_shared_is_the_share_of_a_candidates_answer_that_right_answers_hold() -> None:
    asked = question("kinds", 1)
    evaluation = asked.structure.levels("evaluation")
    right = [asked.runs[row] for row in np.flatnonzero(asked.structure.levels("candidate") == 0)]
    assert len(right) == evaluation.max() + 1
    for row in first_rows(asked):
        answer = set(trained(asked.runs[row])[1])
        shares = [len(answer & set(evaluated(run)[1])) / len(answer) for run in right]
        assert asked.structure["shared"][row] == pytest.approx(sum(shares) / len(shares))
        assert asked.structure["length"][row] == len(trained(asked.runs[row])[1])


def test_the_answer_is_what_each_step_adds() -> None:
    asked = question("replies")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    totals: dict[int, list[float]] = {}
    for candidate, value in zip(asked.structure["candidate"], values, strict=True):
        totals.setdefault(int(candidate), []).append(float(value))
    means = [sum(totals[arm]) / len(totals[arm]) for arm in sorted(totals)]
    expected = np.array([mean - means[0] for mean in means[1:]])
    np.testing.assert_allclose(asked.functional.answer(values, asked.structure), expected, rtol=1e-12)
    guess = expected[::-1] + 0.1
    error = np.mean((guess - expected) ** 2) / np.var(expected)
    loss = (error + 1 - spearmanr(guess, expected).statistic) / 2
    assert asked.functional.loss(guess, values, asked.structure) == pytest.approx(loss)


def test_a_step_makes_its_own_answer_more_probable() -> None:
    asked, target = question("kinds"), load_target("tiny-random")
    rows = first_rows(asked)[:3]
    chosen = [asked.runs[row] for row in rows]
    slow = torch.tensor([target.slow_value(run) for run in chosen], dtype=torch.float64)
    torch.testing.assert_close(target.values(chosen), slow, atol=1e-4, rtol=0)
    for run in chosen:
        assert isinstance(run.intervention, FineTune)
        own = Run(run.intervention.sequences[0], SpanLogprob(run.intervention.starts[0]))
        assert target.slow_value(replace(own, intervention=run.intervention)) > target.slow_value(own)


def test_refuses_sizes_that_the_lists_cannot_fill() -> None:
    with pytest.raises(TaskError, match=r"active_learning/kinds: 200 evaluation prompts, but candidates leave only"):
        question("kinds", family=replace(FAMILY, evaluations=(200, 4)))
    with pytest.raises(TaskError, match=r"active_learning/replies has 32 questions; lower `evaluations`"):
        question("replies", family=replace(FAMILY, evaluations=(10, 31)))
