"""How far the statistician may be trusted: skill at every budget, coverage of its intervals, and what channels cost it.

Run `python benchmarks/executor_calibration.py`; it replays the committed tables and writes
`results/executor_calibration.json`:

- black-box arm, on all questions: mean skill at every budget, its least value (goal: not under -0.05), and how often
  the 90% posterior interval of an output holds the truth, at several budgets;
- noise channels, at several prices: the FLOPs, as a share of brute force, that the white-box arm needs more than the
  black-box arm to reach each skill level (goal: at most 2%);
- perfect channels (the true values) at a tenth of brute force: the skill once they can be paid for (goal: 1);
- channels that are the truth plus as much noise as makes their correlation with it 0.8.

`--questions` is how many of them channels are tried on. Channels are heard with experience of them on the task's other
questions, as every search and score of two and more questions a task gives it, and by a stranger, who never heard the
method before.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from istar.executors import Heard, Market, Trace, budget_checkpoints
from istar.executors.statistician.fidelity.experience import Experience, experience_of
from istar.executors.statistician.fidelity.hindsight import channel_record
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.statistician import Statistician
from istar.making.statistician.knowing import knowledge_of
from istar.methods.recording import ChannelBatch, Recording
from istar.questions import nested_batches
from istar.rewards.skill import blind_loss, reference_losses, skill
from istar.seeds import Seed
from istar.tasks import tasks
from istar.truth import MissingTruthError, Table, load_tables
from istar.truth.effects.records import learn_effects
from machine import describe_machine

RESULTS = Path(__file__).parent / "results" / "executor_calibration.json"
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NOISE_PRICES = (0.1, 0.4)
PERFECT_PRICE = 0.1
Z90 = 1.645


def recording(table: Table, channels: np.ndarray, price: float) -> Recording:
    """Return a recording whose batches cost `price` of brute force in proportion to their rows."""
    batches, done = [], 0
    for rows in nested_batches(table.question.structure, Seed.root(0)):
        done += len(rows)
        flops = int(price * table.brute_flops * done / len(table.values))
        batches.append(ChannelBatch(rows, channels[rows].astype(np.float32), flops))
    return Recording("synthetic", table.question.hash, table.target, "v1", tuple(batches), 0)


class Replays:
    """All replays of one task."""

    def __init__(self, tables: list[Table], known: list[Knowledge], seeds: int) -> None:
        self.tables, self.known, self.seeds = tables, known, seeds
        self.rows_left: dict[str, np.ndarray] = {}
        self.references = reference_losses(
            [blind_loss(table, each.blind) for table, each in zip(tables, known, strict=True)]
        )

    def run(
        self, channels: Callable[[Table], np.ndarray] | None = None, price: float = 0.0, stranger: bool = False
    ) -> list[tuple[Table, Trace]]:
        """Return the trace of every question and seed."""
        heard = [None if channels is None else recording(table, channels(table), price) for table in self.tables]
        experience: list[Experience | None] = [None] * len(heard)
        if channels is not None and not stranger:
            records = [
                channel_record(Heard(table, each, self.rows_left[table.question.hash]), known)
                for table, each, known in zip(self.tables, heard, self.known, strict=True)
                if each is not None
            ]
            experience = [experience_of(records, table.question.hash) for table in self.tables]
        found: list[tuple[Table, Trace]] = []
        for table, known, each, taught in zip(self.tables, self.known, heard, experience, strict=True):
            for seed in range(self.seeds):
                state = replace(known, experience=taught)
                found.append((table, Statistician().answer(Market(table, each), state, Seed.root(seed))))
        return found

    def narrow(self, questions: int | None) -> None:
        """Go on with the first questions alone; with all if None."""
        self.tables, self.known = self.tables[:questions], self.known[:questions]

    def learn_rows(self, plain: list[tuple[Table, Trace]]) -> None:
        """Note how much of the loss rows alone leave on every question."""
        curves = self.skills(plain).reshape(len(self.tables), self.seeds, -1).mean(1)
        for table, curve in zip(self.tables, curves, strict=True):
            shares = budget_checkpoints(table.brute_flops) / table.brute_flops
            self.rows_left[table.question.hash] = np.stack([shares, 1 - curve], axis=1)

    def skills(self, traces: list[tuple[Table, Trace]]) -> np.ndarray:
        """Return the skill at every budget of every trace."""
        curves = []
        for place, (table, trace) in enumerate(traces):
            question = table.question
            losses = [question.functional.loss(answer, table.values, question.structure) for answer in trace.answers]
            curves.append(skill(np.array(losses), self.references[place // self.seeds]))
        return np.stack(curves)

    def spent(self, traces: list[tuple[Table, Trace]]) -> np.ndarray:
        """Return the share of brute force spent at every budget of every trace."""
        return np.stack([trace.flops_spent / table.brute_flops for table, trace in traces])


def flops_to_reach(skills: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """Return, for every level, the share of brute force at which the mean curve reaches it for good."""
    mean, share = skills.mean(0), spent.mean(0)
    falling = np.minimum.accumulate(mean[::-1])[::-1]
    return np.array([np.interp(level, falling, share) for level in LEVELS])


def coverage(traces: list[tuple[Table, Trace]]) -> list[float]:
    inside = []
    for table, trace in traces:
        inside.append((np.abs(trace.answers - table.answer) <= Z90 * trace.spread + 1e-9).mean(1))
    return [round(float(each), 3) for each in np.mean(inside, axis=0)]


def noise(table: Table) -> np.ndarray:
    return np.random.default_rng(table.question.index).standard_normal((len(table.values), 2))


def related(table: Table) -> np.ndarray:
    """Return channels whose correlation with the values is 0.8."""
    fresh = np.random.default_rng(table.question.index).standard_normal(len(table.values))
    standard = (table.values - table.values.mean()) / table.values.std()
    return (0.8 * standard + 0.6 * fresh)[:, None]


def assess(replays: Replays, questions: int | None) -> dict[str, object]:
    """Return the figures of one task: the black-box arm's on all questions, what channels cost and bring on some."""
    every = replays.run()
    alone = black_box(replays, every)
    replays.narrow(questions)
    plain = every[: len(replays.tables) * replays.seeds]
    skills, spent = replays.skills(plain), replays.spent(plain)
    replays.learn_rows(plain)
    heard: dict[str, dict[str, object]] = {}
    for stranger in (False, True):
        losses = {}
        for price in NOISE_PRICES:
            deaf = replays.run(noise, price, stranger)
            extra = flops_to_reach(replays.skills(deaf), replays.spent(deaf)) - flops_to_reach(skills, spent)
            losses[f"{price:g}"] = {"by_level": rounded(extra), "most": round(float(extra.max()), 4)}
        perfect = replays.run(lambda table: table.values[:, None], PERFECT_PRICE, stranger)
        curve, paid = replays.skills(perfect).mean(0), replays.spent(perfect).mean(0)
        after = budget_after(paid, PERFECT_PRICE)
        partly = replays.run(related, PERFECT_PRICE, stranger)
        times = flops_to_reach(skills, spent) / flops_to_reach(replays.skills(partly), replays.spent(partly))
        heard["as a stranger" if stranger else "with experience"] = {
            "noise_channels_extra_flops": losses,
            "perfect_channels": {
                "price": PERFECT_PRICE,
                "skill": rounded(curve),
                "flops": rounded(paid),
                "skill_once_paid_for": round(float(curve[after]), 4),
                "flops_then": round(float(paid[after]), 4),
            },
            "related_channels": {"correlation": 0.8, "price": PERFECT_PRICE, "times_fewer_flops": rounded(times)},
        }
    return {**alone, "questions_with_channels": len(replays.tables), **heard}


def black_box(replays: Replays, plain: list[tuple[Table, Trace]]) -> dict[str, object]:
    """Return the figures of the black-box arm."""
    skills = replays.skills(plain).mean(0)
    stops = [trace.stop / table.brute_flops for table, trace in plain]
    own = [trace.executor_flops[-1] / table.brute_flops for table, trace in plain]
    return {
        "questions": len(replays.tables),
        "black_box_skill": rounded(skills),
        "least_mean_skill": round(float(skills.min()), 4),
        "coverage_of_90_percent_intervals": coverage(plain),
        "stop": {"share_of_brute_force": round(float(np.mean(stops)), 4)},
        "statistician_share_of_brute_force": round(float(np.mean(own)), 5),
    }


def rounded(values: np.ndarray) -> list[float]:
    return [round(float(each), 4) for each in values]


def budget_after(paid: np.ndarray, price: float) -> int:
    """Return the first budget with room for the channels and a few rows to verify them."""
    return int(np.flatnonzero(paid >= 1.1 * price)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--questions", type=int)
    parser.add_argument("--split", choices=("train", "validation", "test"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, object] = {"machine": describe_machine(), "seeds": arguments.seeds, "levels": LEVELS}
    for task in tasks(arguments.split):
        try:
            tables = load_tables(task.name, arguments.target)
        except MissingTruthError:
            continue
        effects = learn_effects(tables)
        replays = Replays(tables, [knowledge_of(table.question, effects) for table in tables], arguments.seeds)
        results[task.name] = {"split": task.family.split} | assess(replays, arguments.questions)
        print(task.name, json.dumps(results[task.name]), flush=True)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
