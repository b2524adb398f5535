"""Full decompilation by construction: the language of `tiny-exact`, written down rule by rule, explains itself.

The target is one whose every answer is the language's exact probability: the rows and prices are those of
`shot_shapley/symbols` on `tiny-exact`, the values Bayes' rule over the language (`istar.making.small_targets.ideal`).
The method holds the language's rules as numbers and computes the same from them. A rule can be taken away, so that
which rules the answers to a question stand on is measured; what was built into a question is the rule that its examples
follow. Beside it a student that counts which answers were shown, and knows no rule.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from istar.arms.planted import planted_recording
from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings
from istar.arms.task_questions import TaskQuestions, with_references
from istar.making.small_targets.exact_recipe import tokens_of
from istar.making.small_targets.ideal import answer_probabilities, shots_of
from istar.methods import Interpretation
from istar.methods.length import interpretation_bits, text_bits
from istar.methods.recording import ChannelBatch, Recording
from istar.rewards import Curve, MethodFacts
from istar.scenarios import evidence
from istar.scenarios.ceiling import LEARNED_FROM, truth_cost
from istar.scenarios.components import ablated, components_of, sharing, uses_of
from istar.scenarios.evidence import Evidence, mean_of
from istar.targets.small.tiny_exact import ALPHABET, HABIT, KINDS, LETTERS, NOISE, Kind
from istar.truth import Table, load_tables

TASK, TARGET = "shot_shapley/symbols", "tiny-exact"
QUESTIONS = 4
FLOPS_A_ROW = 600
"""Of nine rules, eight letters and at most eight shots: products, sums and one logarithm."""
RULES: tuple[Kind, ...] = ("habit", "shifted", "own")


def rules() -> Interpretation:
    """Return the language's rules: what kinds there are and how likely, the habit, and how often a line is noise."""
    answers = torch.tensor([float(LETTERS.index(HABIT[key])) for key in LETTERS])
    return Interpretation(
        {"answers": answers, "kinds": torch.tensor([KINDS[kind] for kind in RULES]), "noise": torch.tensor([NOISE])}
    )


def probability(shots: list[tuple[int, int]], key: int, answer: int, known: Interpretation) -> float:
    """Return the probability of an answer after examples, from the rules."""
    noise = float(known.tensors["noise"])
    habit = [int(each) for each in known.tensors["answers"]]
    of_kind = dict(zip(RULES, known.tensors["kinds"].tolist(), strict=True))
    size = len(habit)

    def shown(said: int, right: int) -> float:
        return noise / size + (1 - noise) * (said == right)

    total = joint = 0.0
    for shift in range(size):
        kind: Kind = "shifted" if shift else "habit"
        weight = of_kind[kind] / (size - 1 if shift else 1)
        for asked, said in shots:
            weight *= shown(said, (habit[asked] + shift) % size)
        total += weight
        joint += weight * shown(answer, (habit[key] + shift) % size)
    weight, posterior = of_kind["own"], np.full(size, 1 / size)
    for asked in range(size):
        likelihood = np.full(size, 1 / size)
        for other, said in shots:
            if other == asked:
                likelihood *= [shown(said, right) for right in range(size)]
        weight *= likelihood.sum()
        if asked == key:
            posterior = likelihood / max(float(likelihood.sum()), 1e-300)
    own = sum(share * shown(answer, right) for right, share in enumerate(posterior))
    return (joint + weight * own) / (total + weight) if total + weight else 1 / size


def counted(shots: list[tuple[int, int]], key: int, answer: int, _: Interpretation) -> float:
    """Return what a student says that counts answers: one more for each letter than was shown."""
    same = [said for asked, said in shots if asked == key]
    return (same.count(answer) + 1) / (len(same) + len(LETTERS))


Says = Callable[[list[tuple[int, int]], int, int, Interpretation], float]


def values(table: Table, says: Says, known: Interpretation) -> np.ndarray:
    """Return what is said of every row: a logarithm of a probability."""
    found = []
    for text in texts(table):
        shots = [(LETTERS.index(key), LETTERS.index(answer)) for key, answer in shots_of(text[:-1])[1]]
        found.append(np.log(max(says(shots, LETTERS.index(text[-3]), LETTERS.index(text[-1]), known), 1e-12)))
    return np.array(found)


def texts(table: Table) -> list[str]:
    """Return the text of every row."""
    return ["".join(ALPHABET[token - 3] for token in run.tokens[1:]) for run in table.question.runs]


def of_the_language(table: Table) -> Table:
    """Return a table whose values are the language's own, by the reference that the target is held to."""
    found = []
    for text in texts(table):
        assert tokens_of(text) == table.question.runs[len(found)].tokens
        begin, shots = shots_of(text[:-1])
        found.append(np.log(answer_probabilities(shots, text[-3], begin)[text[-1]]))
    return replace(table, values=np.array(found))


def followed(table: Table) -> str:
    """Return the rule that a question's examples follow most: the habit, or its shift; they are never all `own`."""
    (longest,) = {max(texts(table), key=len)[:-3]}
    shifts = [
        (LETTERS.index(answer) - LETTERS.index(HABIT[key])) % len(LETTERS) for key, answer in shots_of(longest)[1]
    ]
    common = max(set(shifts), key=shifts.count)
    return "shifted" if common else "habit"


def evidence_of() -> dict[str, Evidence]:
    """Return the evidence that the rules leave, by measure."""
    known = rules()
    tables = tuple(of_the_language(table) for table in load_tables(TASK, TARGET))
    task = with_references(TASK, tables[:QUESTIONS], tables[QUESTIONS:])
    with threadpool_limits(1, user_api="blas"):
        replays = Replays(ArmSettings(executor_seeds=1), [task])
        black = [curve for table in task.tables for curve in replays.baseline(table).curves]
        truth = {TASK: truth_cost(replays, tables[0], tables[1 : 1 + LEARNED_FROM])}
        facts = MethodFacts(
            "0" * 64, 0, 0, 1, 1, 1, text_bits(inspect.getsource(sys.modules[__name__])), interpretation_bits(known)
        )
        white = curves(replays, task, probability, known, facts)
        student = curves(replays, task, counted, known, None)
    gains = evidence.gains_of(black, white)
    uses = uses_of(known, {str(table.question.index): recorder(table) for table in task.tables})
    found = [
        evidence.explained(black, white, truth),
        evidence.student_share(gains, {"counts": evidence.gains_of(black, student)}, {"counts": 1.0}),
        evidence.transfer(gains, [TASK.partition("/")[0]]),
        evidence.evenness(gains),
        evidence.length(black, white),
        sharing(uses),
        pointed(task, known),
    ]
    return {each.name: each for each in found}


def curves(
    replays: Replays, task: TaskQuestions, says: Says, known: Interpretation, facts: MethodFacts | None
) -> list[Curve]:
    """Return the curves with what a method says, what it is worth having been learned from other questions."""
    said = {
        table.question.hash: planted_recording(
            table, values(table, says, known)[:, None], FLOPS_A_ROW * len(table.values) / table.brute_flops
        )
        for table in task.tables
    }
    worth = {table.question.hash: replays.appraisal(table, said[table.question.hash]) for table in task.tables}
    found = []
    for table in task.tables:
        others = {each: said[each] for each in said if each != table.question.hash}
        state = replays.executor().learn(replays.history(table, others, {each: worth[each] for each in others}))
        found.append(replace(replays.replay_seed(table, said[table.question.hash], 0, state), method=facts))
    return found


def recorder(table: Table) -> Callable[[Interpretation], Recording]:
    """Return what records a question's rows with other rules in the place of the language's."""
    rows = np.arange(0, len(table.values), 8)

    def record(known: Interpretation) -> Recording:
        channels = values(table, probability, known)[rows, None].astype(np.float32)
        return Recording("", "", "", "", (ChannelBatch(rows, channels, 1),), 0)

    return record


def pointed(task: TaskQuestions, known: Interpretation) -> Evidence:
    """Return how surely the rule without which most changes is the one that a question's examples follow."""
    shares = []
    for table in task.tables:
        record = recorder(table)
        exact = record(known).batches[0].channels
        effect = {
            RULES[each.start]: float(np.abs(record(ablated(known, each)).batches[0].channels - exact).mean())
            for each in components_of(known)
            if each.tensor == "kinds"
        }
        built = followed(table)
        others = [effect[rule] for rule in RULES if rule != built]
        shares.append(float(np.mean([each < effect[built] for each in others])))
    return mean_of("triggers", shares, {"rules": [followed(table) for table in task.tables]})


if __name__ == "__main__":
    print(json.dumps({name: each.to_json() for name, each in evidence_of().items()}, indent=1))
