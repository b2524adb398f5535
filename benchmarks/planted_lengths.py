"""Whether bits remove what the document hopes they remove: planted methods that are each scenario by construction.

    python benchmarks/planted_lengths.py [--target smollm2-135m] [--tasks NAME ...] [--questions 4] [--output FILE]

Channels are made from the stored tables (`planted_channels.py`), so that nothing is run. Half of the tasks are seen by
whoever makes the methods, the other half are not; all are asked.

- `decomposition`: one set of 5,000 numbers that foretells rows of every task at a correlation of 0.9 (scenario 2);
- `heads`: for every seen task a head of 576 numbers that foretells its rows at 0.95, and nothing of other tasks
  (scenario 3);
- `student`: a small network of 100,000 numbers that foretells rows of every task at 0.8 (scenario 4);
- `table`: the values of all rows of the seen tasks' asked questions, which it says, and nothing of others;
- `noise`: 5,000 numbers and channels of chance.

Numbers are drawn from a normal distribution and have 8 binary digits; all methods have a source of the same length, and
their channels cost 1% of brute force. Rewards are of all tasks, of the seen and of the unseen ones, under every
formula; bits with a length spread over the questions asked, and over as many of each task as stated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings
from istar.arms.task_questions import TaskQuestions, with_references
from istar.executors import make_executor
from istar.executors.prequential import PRECISION
from istar.methods import Interpretation
from istar.methods.length import interpretation_bits, rounded, text_bits
from istar.methods.library import library_methods
from istar.rewards import REWARDS, Curve, MethodFacts
from istar.rewards.mdl import description
from istar.truth import Table, load_tables
from planted_channels import KINDS, Known, Planted, channels_of, planted_recording, rows_at

RESULTS = Path(__file__).parents[1] / "results" / "uses"
TASKS = (
    "active_learning/replies",
    "context_attribution/facts-subsets",
    "label_free_accuracy/remarks",
    "prompt_ceiling/words",
)
HEAD, BASIS, STUDENT, DIGITS, PRICE = 576, 5_000, 100_000, 8, 0.01
PER_TASK = (10, 100, 1_000, 10_000)
"""Questions of each task that a length is spread over, beside those that were asked."""


def _noise(known: Known) -> np.ndarray:
    return known.noise()


@dataclass(frozen=True)
class Case:
    """A planted method.

    Attributes:
        seen, unseen: what it says of seen tasks and of others.
        learned: what it has learned, given the asked tables of seen tasks.
        grows: whether it needs as much again for as many more questions, and saves nothing on those that it lacks.
    """

    seen: Planted
    unseen: Planted
    learned: Callable[[Sequence[Table]], Interpretation]
    grows: bool = False


def numbers(count: int) -> Interpretation:
    """Return an interpretation of so many numbers."""
    return rounded(Interpretation({"w": torch.randn(count, generator=torch.Generator().manual_seed(count))}), DIGITS)


def table_of(tables: Sequence[Table]) -> Interpretation:
    """Return an interpretation that holds the values of tables at the precision at which they are written down."""
    return Interpretation(
        {table.question.hash: torch.tensor(np.round(table.values / PRECISION), dtype=torch.int32) for table in tables}
    )


def cases(seen: int) -> dict[str, Case]:
    """Return the planted methods, given how many tasks are seen."""
    nothing = Planted("planted-nothing", 0.0, _noise)

    def at(correlation: float) -> Planted:
        return Planted(f"planted-{correlation}", correlation, rows_at(correlation))

    return {
        "decomposition": Case(at(0.9), at(0.9), lambda _: numbers(BASIS)),
        "heads": Case(at(0.95), nothing, lambda _: numbers(HEAD * seen)),
        "student": Case(at(0.8), at(0.8), lambda _: numbers(STUDENT)),
        "table": Case(KINDS["truth"], nothing, table_of, grows=True),
        "noise": Case(nothing, nothing, lambda _: numbers(BASIS)),
    }


def curves(replays: Replays, every: Sequence[TaskQuestions], seen: set[str], case: Case) -> list[Curve]:
    """Return the curves with a planted method, what it is worth having been learned from a task's other questions."""
    asked = [table for task in every if task.task in seen for table in task.tables]
    learned = case.learned(asked)
    source = text_bits(library_methods()["logit_lens"].read_text())
    facts = MethodFacts("0" * 64, 0, 0, 1, 1, 1, source, interpretation_bits(learned))
    found = []
    for task in every:
        kind = case.seen if task.task in seen else case.unseen
        said = {table.question.hash: planted_recording(table, channels_of(kind, table), PRICE) for table in task.tables}
        worth = {table.question.hash: replays.appraisal(table, said[table.question.hash]) for table in task.tables}
        for table in task.tables:
            mine = table.question.hash
            others = {each: said[each] for each in said if each != mine}
            history = replays.history(table, others, {each: worth[each] for each in others})
            state = make_executor(replays.config.executor).learn(history)
            found.append(replace(replays.replay_seed(table, said[mine], 0, state), method=facts))
    return found


def of(curves: Sequence[Curve], names: set[str]) -> list[Curve]:
    """Return the curves of some tasks."""
    return [each for each in curves if each.task in names]


def measured(case: Case, black: Sequence[Curve], white: Sequence[Curve], seen: set[str], count: int) -> dict[str, Any]:
    """Return what a planted method is worth.

    Args:
        case: the method.
        black: curves without it.
        white: curves with it.
        seen: the tasks seen.
        count: how many questions of each task were asked.
    """
    names = {each.task for each in black}
    groups = {"all": names, "seen": seen, "unseen": names - seen}
    rewards = {
        group: {formula: REWARDS.get(formula).reward(of(black, some), of(white, some)) for formula in REWARDS}
        for group, some in groups.items()
    }
    found = description(black, white)
    saved = found.saved_by_question

    def spread(questions: int) -> float:
        """Return the reward where so many questions of each task are asked."""
        learned = found.interpretation * (questions / count if case.grows else 1)
        return saved - (found.source + learned) / (questions * len(names))

    each = saved - (found.interpretation / found.served if case.grows else 0.0)
    once = found.source + (0 if case.grows else found.interpretation)
    return {
        "source_bits": found.source,
        "interpretation_bits": found.interpretation,
        "saved_bits_a_question": {
            group: description(of(black, some), of(white, some)).saved_by_question for group, some in groups.items()
        },
        "rewards": rewards,
        "mdl_by_questions_of_a_task": {str(questions): spread(questions) for questions in (count, *PER_TASK)},
        "pays_after_questions_of_a_task": once / each / len(names) if each > 0 else None,
    }


def main() -> None:
    """Plant the methods and write what they are worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--tasks", nargs="*", default=TASKS)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--output", type=Path, default=RESULTS / "planted-lengths.json")
    arguments = parser.parse_args()
    every, count = [], arguments.questions
    for name in arguments.tasks:
        tables = tuple(load_tables(name, arguments.target))
        every.append(with_references(name, tables[:count], tables[count:]))
    seen = {each.task for each in every[: len(every) // 2]}
    with threadpool_limits(1, user_api="blas"):
        replays = Replays(ArmSettings(executor_seeds=1), every)
        black = [curve for task in every for table in task.tables for curve in replays.baseline(table).curves]
        found = {}
        for name, case in cases(len(seen)).items():
            found[name] = measured(case, black, curves(replays, every, seen, case), seen, count)
            print(name, json.dumps(found[name]), flush=True)
    settings = {"target": arguments.target, "tasks": list(arguments.tasks), "seen": sorted(seen), "questions": count}
    result = {"settings": settings, "bits_without": float(np.mean([each.measures["bits.rows"] for each in black]))}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({**result, "methods": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
