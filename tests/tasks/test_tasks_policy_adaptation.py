"""Family `policy_adaptation`: changed models times contexts, scored by divergence, entropy and reward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from istar.questions import Composed, LogitBias, PolicyCost, Prune, Question, Run, Steer, Temperature
from istar.seeds import Seed
from istar.targets import load_target
from istar.targets.interventions import applied
from istar.tasks import Family, TaskError
from istar.tasks.data.occasions import remarks_with_advice, statements
from istar.tasks.data.policies import CONTRASTS, DEPTHS, KINDS, PREFIXES, WORDS
from istar.tasks.policy_adaptation import PolicyAdaptation
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
FAMILY = PolicyAdaptation(counts=(2, 3, 3, 2, 2, 2), contexts=(6, 5))
TEMPERED = next(
    index
    for index in range(20)
    if 1 in FAMILY.question("statements", TOKENIZER, Seed.root(0), index).structure.levels("kind")
)
"""A question with a temperature among its candidates."""
SAMPLES = {"statements": statements(), "advice": remarks_with_advice()}


class TestPolicyAdaptation(FamilyConformance):
    least_ratio = 12

    def make(self) -> Family:
        return FAMILY


def question(data_set: str, index: int = 0, family: Family = FAMILY) -> Question:
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def readout(run: Run) -> PolicyCost:
    assert isinstance(run.readout, PolicyCost)
    return run.readout


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_every_candidate_meets_every_context(data_set: str) -> None:
    asked = question(data_set)
    candidate, context = asked.structure.levels("candidate"), asked.structure.levels("context")
    count = FAMILY.contexts[FAMILY.data_sets.index(data_set)]
    assert sorted(zip(candidate, context, strict=True)) == [(a, c) for a in range(15) for c in range(count)]
    texts: dict[int, set[tuple[str, str]]] = {}
    for run, number in zip(asked.runs, context, strict=True):
        before = TOKENIZER.decode(readout(run).reference)
        texts.setdefault(int(number), set()).add((before, TOKENIZER.decode(run.tokens[readout(run).start :])))
    assert all(len(each) == 1 for each in texts.values())
    found = [text for each in texts.values() for text in each]
    ends = {"statements": ".\n", "advice": "\n"}[data_set]
    samples = {
        (prompt, answer) for before, answer in found for prompt, _ in SAMPLES[data_set] if before.endswith(prompt)
    }
    assert len(samples) == count
    assert samples <= set(SAMPLES[data_set])
    (shown,) = {before.removesuffix(prompt) for before, _ in found for prompt, _ in samples if before.endswith(prompt)}
    demonstrations = [prompt + answer + ends for prompt, answer in SAMPLES[data_set] if prompt + answer + ends in shown]
    assert len(demonstrations) == FAMILY.shots
    assert sum(map(len, demonstrations)) == len(shown)
    assert not any(prompt in shown for prompt, _ in samples)


def test_kinds_are_what_they_say() -> None:
    asked = question("statements", TEMPERED)
    kind, choice = asked.structure.levels("kind"), asked.structure.levels("choice")
    signed, strength = asked.structure["signed_strength"], asked.structure["strength"]
    counts = np.bincount(kind[asked.structure.levels("context") == 0], minlength=7).tolist()
    assert counts == [1, counts[1], 3, 5 - counts[1], 2, 2, 2]
    assert len(KINDS) == 7
    assert (strength == np.abs(signed)).all()
    for row, run in enumerate(asked.runs):
        change, prefix = run.intervention, run.tokens[1 : 1 + readout(run).start - len(readout(run).reference)]
        text = TOKENIZER.decode(prefix)
        if kind[row] == 6:
            assert change is None
            assert text == PREFIXES[choice[row]]
            assert run.tokens[1 + len(prefix) : readout(run).start] == readout(run).reference[1:]
            continue
        assert text == ""
        if kind[row] == 0:
            assert change is None
            assert signed[row] == 0
        elif kind[row] == 1:
            assert isinstance(change, Temperature)
            assert change.value == pytest.approx(np.exp(signed[row]))
        elif kind[row] == 2:
            letters = tuple(dict.fromkeys(token for word in WORDS[choice[row]] for token in TOKENIZER.encode(word)))
            assert change == LogitBias(letters, signed[row])
        elif kind[row] == 3:
            assert isinstance(change, Steer)
            assert change.scale == signed[row]
            assert change.depth in DEPTHS
            assert (TOKENIZER.decode(change.towards), TOKENIZER.decode(change.away)) == CONTRASTS[choice[row]]
        elif kind[row] == 4:
            assert change == Prune(signed[row])
        else:
            assert isinstance(change, Composed)
            assert [part.kind for part in change.parts] == ["temperature", "steer"]


def test_questions_differ_in_candidates_contexts_and_beta() -> None:
    drawn = [question("advice", index) for index in range(8)]
    betas = [{readout(run).beta for run in asked.runs} for asked in drawn]
    assert all(len(each) == 1 for each in betas)
    values = [beta for each in betas for beta in each]
    assert len(set(values)) == 8
    assert 0.05 <= min(values) < 0.1 < max(values) <= 0.2
    changes = [{run.intervention.key for run in asked.runs if run.intervention} for asked in drawn]
    assert not changes[0] & changes[1]
    contexts = [{readout(run).reference for run in asked.runs} for asked in drawn]
    assert contexts[0] != contexts[1]


def test_how_many_candidates_are_temperatures_differs() -> None:
    counts = set()
    for index in range(12):
        asked = question("statements", index)
        first = asked.structure.levels("context") == 0
        counts.add(int((asked.structure.levels("kind")[first] == 1).sum()))
    assert counts == {0, 1, 2}


def test_the_cheapest_candidate_is_chosen() -> None:
    asked = question("advice")
    values = Seed.root(1).generator().normal(size=len(asked.runs)) ** 2
    totals: dict[int, list[float]] = {}
    for candidate, value in zip(asked.structure["candidate"], values, strict=True):
        totals.setdefault(int(candidate), []).append(float(value))
    costs = [sum(totals[arm]) / len(totals[arm]) for arm in sorted(totals)]
    np.testing.assert_allclose(asked.functional.answer(values, asked.structure), costs, rtol=1e-12)
    guess = [0.7] * len(costs)
    guess[3] = 0.2
    expected = (costs[3] - min(costs)) + abs(0.2 - costs[3])
    assert asked.functional.loss(np.array(guess), values, asked.structure) == pytest.approx(expected)


def test_the_unchanged_model_costs_its_entropy_and_others_are_what_a_plain_forward_gives() -> None:
    asked, target = question("statements", TEMPERED), load_target("tiny-random")
    kind = asked.structure.levels("kind")
    rows = [int(np.flatnonzero(kind == level)[1]) for level in range(7)]
    costs = target.values([asked.runs[row] for row in rows]).tolist()
    for row, cost in zip(rows, costs, strict=True):
        run = asked.runs[row]
        policy = _log_probs(target, run.tokens, readout(run).start, run.intervention)
        reference = readout(run).reference
        plain_tokens = reference + run.tokens[readout(run).start :]
        plain = _log_probs(target, plain_tokens, len(reference), None)
        answer = run.tokens[readout(run).start :]
        places = range(len(answer))
        divergence = sum(float((plain[i].exp() * (plain[i] - policy[i])).sum()) for i in places) / len(answer)
        entropy = sum(float(-(policy[i].exp() * policy[i]).sum()) for i in places) / len(answer)
        lost = sum(float(plain[i, answer[i]] - policy[i, answer[i]]) for i in places) / len(answer) - 0.1
        assert cost == pytest.approx(divergence + readout(run).beta * entropy + max(lost, 0.0), abs=1e-4)
        assert kind[row] > 0 or divergence == pytest.approx(0.0, abs=1e-6)
    assert len({round(cost, 5) for cost in costs}) == 7


def _log_probs(target, tokens, start, change):  # type: ignore[no-untyped-def]
    with torch.no_grad(), applied(target, change):
        logits = target.module(torch.tensor([tokens[:-1]]), use_cache=False).logits[0, start - 1 :]
    return torch.log_softmax(logits.double(), dim=-1)


def test_too_many_contexts() -> None:
    with pytest.raises(TaskError, match=r"advice has \d+ contexts, too few for 500; lower `contexts`"):
        question("advice", family=replace(FAMILY, contexts=(4, 500)))
