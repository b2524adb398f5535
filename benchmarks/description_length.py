"""What methods are worth in bits, beside what they are worth in FLOPs: all of the library, on any target.

    python benchmarks/description_length.py --target tiny-exact [--tasks NAME ...] [--questions 3] [--methods NAME ...]

Every method interprets the target, says what it has to say of every question, and is scored by every reward formula on
each question, what it is worth having been learned from the other ones. Beside that: the length of its source and of
its interpretation, as it is and at the digits that its channels need on the first question (`digits_needed`), and what
the reward is with that length. The result is written after every method, so that a run that was stopped goes on.
Methods of the library are run without a jail. Nothing here depends on how fast the machine is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings, Caps
from istar.arms.task_questions import TaskQuestions, with_references
from istar.errors import IstarError
from istar.executors import make_executor
from istar.flops.rulebook import RULEBOOK
from istar.methods import load_method
from istar.methods.length import digits_needed, interpretation_bits, rounded, text_bits
from istar.methods.library import library_methods
from istar.methods.recorder import record, recording_meter, run_interpret
from istar.methods.recording import Recording
from istar.questions import nested_batches
from istar.rewards import REWARDS, Curve, MethodFacts, compare
from istar.rewards.mdl import description
from istar.seeds import Seed
from istar.targets import Target, load_target
from istar.targets.corpus import build_corpus
from istar.tasks import tasks
from istar.truth import MissingTruthError, Table, load_tables

RESULTS = Path(__file__).parents[1] / "results" / "uses"
SERVED = (10, 100, 1_000, 10_000)
"""Numbers of questions that a method's length is spread over, beside those that were asked."""


def questions_of(target: Target, names: Sequence[str], count: int) -> list[TaskQuestions]:
    """Return the first questions of tasks, of all with enough tables on the target if none are named."""
    found = []
    for name in names or [each.name for each in tasks("train") + tasks("validation") + tasks("test")]:
        try:
            tables = tuple(load_tables(name, target))
        except MissingTruthError:
            continue
        if len(tables) >= max(3, count):
            found.append(with_references(name, tables[:count], tables[count:]))
    return found


class Scored:
    """The curves of one method.

    Args:
        replays: the executor.
        every: the questions.
    """

    def __init__(self, replays: Replays, every: Sequence[TaskQuestions]) -> None:
        self.replays, self.every = replays, every

    def curves(self, recordings: dict[str, Recording]) -> list[Curve]:
        """Return the curves with a method, what it is worth having been learned from a task's other questions."""
        found = []
        for task in self.every:
            appraisals = {
                each.question.hash: self.replays.appraisal(each, recordings[each.question.hash]) for each in task.tables
            }
            for table in task.tables:
                mine = table.question.hash
                others = {hash_: recordings[hash_] for hash_ in appraisals if hash_ != mine}
                known = {hash_: appraisals[hash_] for hash_ in others}
                executor = make_executor(self.replays.config.executor)
                state = executor.learn(self.replays.history(table, others, known))
                found += [
                    self.replays.replay_seed(table, recordings[mine], number, state)
                    for number in range(self.replays.config.executor_seeds)
                ]
        return found


def measured(
    name: str, scored: Scored, black: Sequence[Curve], target: Target, every: Sequence[TaskQuestions]
) -> dict[str, Any]:
    """Return what one method of the library is worth."""
    method = load_method(library_methods()[name])
    meter = recording_meter()
    interpretation = run_interpret(method, target, build_corpus(target), meter)

    def said(table: Table, learned: Any) -> Recording:
        question = table.question
        batches = nested_batches(question.structure, Seed.root(0).split(question.hash))
        most = int(Caps().flops_fraction * table.brute_flops)
        return record(method, question.view, question.hash, batches, target, learned, max_flops=most)

    recordings = {table.question.hash: said(table, interpretation) for task in every for table in task.tables}
    first = every[0].tables[0]
    digits = digits_needed(interpretation, lambda learned: said(first, learned)) if interpretation.tensors else None
    source = text_bits(library_methods()[name].read_text())
    whole, few = interpretation_bits(interpretation), interpretation_bits(rounded(interpretation, digits or 64))
    facts = MethodFacts(interpretation.hash, len(interpretation.to_bytes()), meter.flops, 0, 0, 0, source, whole)
    white = [replace(curve, method=facts) for curve in scored.curves(recordings)]
    short = [replace(curve, method=replace(facts, interpretation_bits=few)) for curve in white]
    found = description(black, white)
    saved = found.saved_by_question
    return {
        "source_bits": source,
        "interpretation_bits": whole,
        "digits_needed": digits,
        "interpretation_bits_at_these": few,
        "saved_bits_a_question": saved,
        "saved_by_task": {
            task.task: float(np.mean([bits for (of, _), bits in found.saved.items() if of == task.task]))
            for task in every
        },
        "pays_after": description(black, short).pays_after,
        "rewards": {formula: REWARDS.get(formula).reward(black, white) for formula in REWARDS},
        "mdl_at_these_digits": REWARDS.get("mdl").reward(black, short),
        "mdl_served": {str(served): saved - (source + few) / served for served in SERVED},
        "multiplier_0.8": compare(black, white).overall.multipliers[0.8].estimate,
        "channels_bought": sum(curve.channel_batches[-1] > 0 for curve in white),
        "answers": len(white),
    }


def agreements(methods: dict[str, dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return Spearman's rank correlations of bits with the other rewards, over methods."""
    kept = [each for each in methods.values() if "rewards" in each]
    lines = {
        "mdl": [each["rewards"]["mdl"] for each in kept],
        "saved": [each["saved_bits_a_question"] for each in kept],
    }
    for served in SERVED:
        lines[f"mdl, {served} questions"] = [each["mdl_served"][str(served)] for each in kept]
    others = {name: [each["rewards"][name] for each in kept] for name in REWARDS if name != "mdl"}

    def rank(one: list[float], other: list[float]) -> float | None:
        alike = len(kept) < 3 or len(set(one)) == 1 or len(set(other)) == 1
        return None if alike else float(spearmanr(one, other).statistic)

    return {line: {name: rank(values, other) for name, other in others.items()} for line, values in lines.items()}


def main() -> None:
    """Score methods and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="tiny-exact")
    parser.add_argument("--tasks", nargs="*", default=())
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", nargs="*", default=sorted(library_methods()))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    output = arguments.output or RESULTS / f"description-length-{arguments.target}.json"
    torch.set_num_threads(1)
    target = load_target(arguments.target)
    every = questions_of(target, arguments.tasks, arguments.questions)
    if not every:
        raise SystemExit(f"no task has enough tables of {arguments.target}; build some with `istar truth build`")
    settings = {"target": arguments.target, "tasks": {each.task: len(each.tables) for each in every}}
    settings |= {"executor_seeds": arguments.seeds, "rulebook": RULEBOOK.version}
    kept = json.loads(output.read_text()) if output.exists() else {}
    methods = kept["methods"] if kept.get("settings") == settings else {}
    with threadpool_limits(1, user_api="blas"):
        replays = Replays(ArmSettings(executor_seeds=arguments.seeds), every)
        black = [curve for task in every for table in task.tables for curve in replays.baseline(table).curves]
        for name in arguments.methods:
            if name in methods:
                continue
            try:
                methods[name] = measured(name, Scored(replays, every), black, target, every)
            except IstarError as error:
                methods[name] = {"failed": str(error)}
            result = {
                "settings": settings,
                "bits_without_a_method": float(np.mean([curve.measures["bits.rows"] for curve in black])),
                "agreements": agreements(methods),
                "methods": dict(sorted(methods.items())),
            }
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(result, indent=1) + "\n")
            print(name, json.dumps(methods[name].get("rewards", methods[name])), flush=True)


if __name__ == "__main__":
    main()
