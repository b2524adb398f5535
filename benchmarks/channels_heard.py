"""What channels of known quality are worth to the executor where the functional is not linear, on training questions.

Run `python benchmarks/channels_heard.py`; it replays committed training tables, some under derived questions, and
writes `results/channels_heard.json`. Channels cost 1% of brute force in all: noise, rows with noise on top (correlation
0.9), and arms' means with noise on top (0.95; the rows themselves where there are no arms).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from executor_calibration import Replays, flops_to_reach, noise
from istar.making.statistician.derivations import DerivedTable, TableLike, arm_choice_table, upper_tail_table
from istar.making.statistician.knowing import knowledge_of
from istar.truth import load_tables
from istar.truth.effects.grid import grid_of
from istar.truth.effects.records import effects_of
from machine import describe_machine

RESULTS = Path(__file__).parent / "results" / "channels_heard.json"
PRICE = 0.01
SKILL = 7  # place of 0.8 in the levels of `flops_to_reach`


class Derived(DerivedTable):
    """A derived table with what a replay asks of a stored one."""

    @property
    def brute_flops(self) -> int:
        """FLOPs of buying every row."""
        return int(self.prices.total)

    @property
    def answer(self) -> np.ndarray:
        """The true answer."""
        return self.question.functional.answer(self.values, self.question.structure)


def blurred(values: np.ndarray, correlation: float, number: int) -> np.ndarray:
    fresh = np.random.default_rng([number, 7]).standard_normal(len(values))
    return correlation * (values - values.mean()) / values.std() + np.sqrt(1 - correlation**2) * fresh


def rows(table: TableLike) -> np.ndarray:
    return blurred(table.values, 0.9, table.question.index)[:, None]


def arms(table: TableLike) -> np.ndarray:
    grid = grid_of(table.question.structure)
    if grid.arms == 1:
        return blurred(table.values, 0.95, table.question.index)[:, None]
    means = np.bincount(grid.arm, table.values) / np.bincount(grid.arm)
    return blurred(means, 0.95, table.question.index)[grid.arm][:, None]


CHANNELS: dict[str, Callable[[Any], np.ndarray]] = {"noise": noise, "rows": rows, "arms": arms}
ASKED: tuple[tuple[str, Callable[[TableLike], DerivedTable] | None], ...] = (
    ("label_free_accuracy/cities", None),
    ("label_free_accuracy/remarks", None),
    ("shot_shapley/antonyms", upper_tail_table),
    ("shot_shapley/capitals", upper_tail_table),
    ("shot_order/remarks", None),
    ("format_sensitivity/lexicon", None),
    ("format_sensitivity/lexicon", arm_choice_table),
)


def assess(tables: list[Any], questions: int) -> dict[str, Any]:
    """Return multipliers at skill 0.8 and the mean gain in skill over budgets, for every kind of channels."""
    records = [effects_of(table.question, table.values) for table in tables]
    replays = Replays(tables, [knowledge_of(table.question, records) for table in tables], seeds=1)
    replays.narrow(questions)
    plain = replays.run()
    skills, spent = replays.skills(plain), replays.spent(plain)
    replays.learn_rows(plain)
    alone = flops_to_reach(skills, spent)[SKILL]
    found: dict[str, Any] = {"black_box_share": round(float(alone), 4)}
    for name, channels in CHANNELS.items():
        heard = replays.run(channels, PRICE)
        curves = replays.skills(heard)
        found[name] = {
            "multiplier": round(float(alone / flops_to_reach(curves, replays.spent(heard))[SKILL]), 3),
            "mean_gain": round(float((curves - skills).mean()), 4),
            "bought": sum(bool(trace.channel_batches[-1]) for _, trace in heard),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    results: dict[str, Any] = {"machine": describe_machine(), "questions": arguments.questions, "price": PRICE}
    for name, derive in ASKED:
        tables: list[Any] = load_tables(name, "smollm2-135m")
        if derive is not None:
            tables = [Derived(**vars(derive(table))) for table in tables]
        label = tables[0].question.task + ("" if derive else f" ({tables[0].question.functional.kind})")
        results[label] = assess(tables, arguments.questions)
        print(label, json.dumps(results[label]), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
