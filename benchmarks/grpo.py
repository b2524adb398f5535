"""What a language model learns of the grammar by GRPO, beside itself untrained, a policy and chance.

    python benchmarks/grpo.py [--folder runs/grpo] [--config FILE] [--rollouts 600] [--seeds 3] [--seconds 3000]

A rollout is a sentence that was drawn and rewarded: of `grpo`, and of `untrained`, which is the same with a learning
rate of 0, repeats count as often as they are drawn; `policy` and `random` never propose a method twice. Rewards are
training rewards, of the same questions for all. What is recorded is kept in the folder and shared, as in searches that
share their environment, and all of it was recorded in this run.

The run is resumed where it was, after a kill too, and `--seconds` ends it after the rollout that passes them: repeat
the command until it says that it is done. Every rollout is a line of `NAME-SEED.jsonl` in the folder; the curve of a
researcher that is done is in `NAME-SEED.json`. What a kill cuts short is at most one method's scoring, whose seconds
are not counted.

Last, methods of some of grpo's rollouts are scored from scratch: interpreted, recorded and replayed with nothing but
the baselines at hand. Rollouts an hour of `grpo`, its sampling and learning included, are held against that.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from machine import describe_machine

if TYPE_CHECKING:
    from istar.researchers import Proposal, Researcher

FAILED = -1.0
"""The reward that a method which failed counts with."""
PARTS = 20
"""Of a curve."""
RESAMPLES = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("runs/grpo"))
    parser.add_argument("--config", type=Path, help="settings of a search: its target, training questions and words")
    parser.add_argument("--grpo", type=json.loads, default={}, help="options of the grpo researcher, as JSON")
    parser.add_argument("--rollouts", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scratch", type=int, default=8, help="how many rollouts are scored from scratch")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many, to be resumed")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "grpo.json")
    arguments = parser.parse_args()

    from istar.protocol.config import SearchConfig, configure, parse_config
    from istar.protocol.setup import open_run, set_up
    from istar.storage import Store

    chosen: SearchConfig = (
        configure("demo")
        if arguments.config is None
        else parse_config(arguments.config.read_text(), str(arguments.config))
    )
    config = chosen.model_copy(update={"side_by_side": 1})
    arguments.folder.mkdir(parents=True, exist_ok=True)
    begun_with(
        arguments.folder,
        {"config": config.model_dump(mode="json"), "grpo": arguments.grpo, "rollouts": arguments.rollouts},
    )
    torch.set_num_threads(config.threads)
    words = config.researcher_options.get("words")
    options: dict[str, dict[str, Any]] = {
        "grpo": {**arguments.grpo, "words": words},
        "untrained": {**arguments.grpo, "words": words, "learning_rate": 0.0},
        "policy": {"words": words},
        "random": {"words": words},
    }
    end = time.monotonic() + arguments.seconds
    with set_up(config, ("train",)) as setup, ledger_in(arguments.folder) as ledger:
        setup.arms.store = Store(arguments.folder / "cache")
        open_run(ledger, "grpo", setup)
        reward = rewarder(setup, ledger, "grpo")
        for name, theirs in options.items():
            for seed in range(arguments.seeds):
                log = Log(arguments.folder / f"{name}-{seed}.jsonl", arguments.rollouts)
                if not log.follow(name, theirs, seed, reward, end):
                    print(f"stopped in {name}, seed {seed}; the same command goes on", file=sys.stderr)
                    return 3
        done = {name: [curve_in(arguments.folder, name, seed) for seed in range(arguments.seeds)] for name in options}
        scratch = from_scratch(setup, arguments.folder, done["grpo"], arguments.scratch)
    group = int(arguments.grpo.get("group", 8))
    result = {
        "machine": describe_machine(),
        "target": config.target,
        "model": arguments.grpo.get("model", "smollm2-135m"),
        "tasks": {name: len(tables) for name, tables in setup.tables("train").items()},
        "words": words,
        "options": arguments.grpo,
        "failed_counts_as": FAILED,
        **summary(done, scratch, group),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({name: result[name] for name in ("last_fifth", "gain", "rollouts_per_hour")}, indent=2))
    return 0


def begun_with(folder: Path, settings: dict[str, Any]) -> None:
    """Note what the run was begun with, or end if that was something else."""
    path = folder / "settings.json"
    if path.exists() and json.loads(path.read_text()) != json.loads(json.dumps(settings)):
        sys.exit(f"{folder} was begun with other settings ({path}); give those, or another --folder")
    path.write_text(json.dumps(settings, indent=2) + "\n")


def ledger_in(folder: Path) -> Any:
    from istar.ledger import Ledger

    return Ledger(folder / "ledger.sqlite")


def rewarder(setup: Any, ledger: Any, run: str) -> Callable[[Proposal], tuple[float | None, str]]:
    """Return what gives a method's training reward and, if it failed, why; it asks nothing that the ledger knows."""
    from istar.arms.jobs import Workplace
    from istar.methods.contract import MethodError
    from istar.protocol.book import Book
    from istar.protocol.evaluator import Evaluator
    from istar.rewards.formulas import REWARDS

    formula = REWARDS.get(setup.config.reward)
    tasks = list(setup.tables("train").values())
    work = Workplace(setup.arms, {table.question.hash: table for tables in tasks for table in tables})
    evaluator = Evaluator(Book(ledger, run), setup.arms, work, map)
    for tables in tasks:
        for table in tables:
            evaluator.baseline(table)

    def reward(proposal: Proposal) -> tuple[float | None, str]:
        total = 0.0
        try:
            evaluator.interpret(proposal)
            for tables, evaluations in zip(tasks, evaluator.interp("train", proposal, tasks), strict=True):
                baseline = [curve for table in tables for curve in evaluator.baseline(table).curves]
                total += formula.reward(baseline, [curve for each in evaluations for curve in each.curves])
        except MethodError as failure:
            return None, str(failure)
        return total / len(tasks), ""

    return reward


@dataclass
class Log:
    """What one researcher was told, a line each, as it is written.

    Attributes:
        path: of the lines.
        rollouts: how many it makes.
        lines: those that there are.
    """

    path: Path
    rollouts: int
    lines: list[dict[str, Any]] = field(default_factory=list)

    def follow(
        self, name: str, options: dict[str, Any], seed: int, reward: Callable[[Proposal], Any], end: float
    ) -> bool:
        """Let a researcher go on from its lines until it is done; return False if the time is over before."""
        from istar.researchers import RESEARCHERS, Feedback, NothingNewError, Proposal
        from istar.seeds import Seed

        if self.path.with_suffix(".json").exists():
            return True
        researcher = RESEARCHERS.get("grpo" if name == "untrained" else name)(**options)
        self.lines = whole_lines(self.path)
        known, root = list(self.lines), Seed.root(seed).split("researcher")
        number = 0
        while len(self.curve(researcher)) < self.rollouts:
            told = known[number] if number < len(known) else None
            if told is None and time.monotonic() > end:
                return False
            started = time.monotonic()
            try:
                if told is not None and "proposal" in told:
                    proposal = Proposal.from_json(told["proposal"])
                    researcher.remember(proposal)
                else:
                    proposal = researcher.propose(root.split(number))
            except NothingNewError as error:
                line = {"nothing_new": str(error)}
                if name not in ("grpo", "untrained"):  # they go on with what they repeat; others end
                    break
            else:
                value, why = (told["reward"], told["error"]) if told is not None else reward(proposal)
                researcher.update(proposal, Feedback(value, error=why or None))
                line = {"proposal": proposal.to_json(), "reward": value, "error": why}
            if told is None:
                self._write({**line, "seconds": time.monotonic() - started})
            number += 1
            print(f"{name} {seed}: {len(self.curve(researcher))} of {self.rollouts} rollouts", file=sys.stderr)
        self._finish(researcher)
        return True

    def curve(self, researcher: Researcher) -> list[tuple[str, float]]:
        """Return the rollouts so far: the method, and its reward."""
        told = [(proposal, feedback.reward) for proposal, feedback in researcher.told]
        if not hasattr(researcher, "rollouts"):
            return [(proposal.name, FAILED if reward is None else reward) for proposal, reward in told]
        rewards = {proposal.parameters["text"]: FAILED if reward is None else reward for proposal, reward in told}
        return [(text, rewards[text]) for text, _ in researcher.rollouts]

    def _write(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _finish(self, researcher: Researcher) -> None:
        from istar.files import write_whole

        made = self.curve(researcher)
        curve = {
            "methods": [method for method, _ in made[: self.rollouts]],
            "rewards": [reward for _, reward in made[: self.rollouts]],
            "made": len(made),
            "seconds": sum(line["seconds"] for line in self.lines),
            "proposals": [line["proposal"] for line in self.lines if "proposal" in line],
        }
        write_whole(self.path.with_suffix(".json"), json.dumps(curve).encode())


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that a kill cut short is taken off the file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        with path.open("r+b") as stream:
            stream.truncate(len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def curve_in(folder: Path, name: str, seed: int) -> dict[str, Any]:
    curve: dict[str, Any] = json.loads((folder / f"{name}-{seed}.json").read_text())
    return curve


def from_scratch(setup: Any, folder: Path, curves: Sequence[dict[str, Any]], count: int) -> dict[str, Any]:
    """Score the methods of some rollouts with an empty store each, and return their seconds and rewards."""
    import tempfile

    from istar.files import write_whole
    from istar.ledger import Ledger
    from istar.protocol.setup import open_run
    from istar.researchers import Proposal
    from istar.storage import Store

    path = folder / "scratch.json"
    if not path.exists():
        generator = np.random.default_rng(0)
        proposals = {
            each["parameters"]["text"]: Proposal.from_json(each) for curve in curves for each in curve["proposals"]
        }
        known = {
            method: reward
            for curve in curves
            for method, reward in zip(curve["methods"], curve["rewards"], strict=True)
        }
        drawn = generator.choice([method for curve in curves for method in curve["methods"]], count)
        found: dict[str, Any] = {"methods": drawn.tolist(), "seconds": [], "same_rewards": True}
        kept = setup.arms.store
        for method in drawn:
            with Ledger("sqlite://") as ledger, tempfile.TemporaryDirectory() as empty:
                setup.arms.store = kept
                open_run(ledger, "scratch", setup)
                reward = rewarder(setup, ledger, "scratch")  # finds the baselines
                setup.arms.store = Store(Path(empty))
                started = time.monotonic()
                value, _ = reward(proposals[method])
                found["seconds"].append(time.monotonic() - started)
                found["same_rewards"] &= (FAILED if value is None else value) == known[method]
        setup.arms.store = kept
        write_whole(path, json.dumps(found).encode())
    scratch: dict[str, Any] = json.loads(path.read_text())
    return scratch


def summary(done: dict[str, list[dict[str, Any]]], scratch: dict[str, Any], group: int) -> dict[str, Any]:
    """Return what the curves say: last fifths, the gain over the untrained model with its intervals, and the rate."""
    hourly = 3600 * sum(each["made"] for each in done["grpo"]) / sum(each["seconds"] for each in done["grpo"])
    every = [each for curves in done.values() for each in curves]
    all_hourly = 3600 * sum(each["made"] for each in every) / sum(each["seconds"] for each in every)
    scratch_hourly = 3600 / float(np.mean(scratch["seconds"]))
    return {
        "rollouts": {name: [len(each["rewards"]) for each in curves] for name, curves in done.items()},
        "different_methods": {name: [len(set(each["methods"])) for each in curves] for name, curves in done.items()},
        "curves": {name: [in_parts(each["rewards"]) for each in curves] for name, curves in done.items()},
        "last_fifth": {
            name: [float(np.mean(last_fifth(each["rewards"]))) for each in curves] for name, curves in done.items()
        },
        "best": {name: [max(each["rewards"]) for each in curves] for name, curves in done.items()},
        "gain": gain(
            [last_fifth(each["rewards"]) for each in done["grpo"]],
            [each["rewards"] for each in done["untrained"]],
            group,
        ),
        "scratch": scratch,
        "rollouts_per_hour": {
            "grpo": hourly,
            "all": all_hourly,
            "scratch": scratch_hourly,
            "times": hourly / scratch_hourly,
        },
    }


def last_fifth(rewards: Sequence[float]) -> list[float]:
    return list(rewards[-max(1, len(rewards) // 5) :])


def in_parts(rewards: Sequence[float]) -> list[float]:
    """Return the mean rewards of the parts of a curve."""
    return [float(part.mean()) for part in np.array_split(np.array(rewards), min(PARTS, len(rewards)))]


def gain(trained: Sequence[Sequence[float]], untrained: Sequence[Sequence[float]], group: int) -> dict[str, Any]:
    """Return the mean over seeds of how much better the trained rollouts are, with two 95% intervals.

    Args:
        trained: the last rewards of each seed.
        untrained: the rewards of each seed.
        group: rollouts that were drawn together are resampled together.

    Returns:
        `mean`; `by_seed`; `interval`, a bootstrap over the groups within each seed, which says whether these runs
        learned; `over_seeds`, Student's over the seeds, which says whether another would; None with a single one.
    """
    from scipy import stats

    differences = [float(np.mean(new) - np.mean(old)) for new, old in zip(trained, untrained, strict=True)]
    generator = np.random.default_rng(0)
    draws = np.mean(
        [
            resampled_means(new, group, generator) - resampled_means(old, group, generator)
            for new, old in zip(trained, untrained, strict=True)
        ],
        axis=0,
    )
    mean, count = float(np.mean(differences)), len(differences)
    over_seeds = None
    if count > 1:
        half = float(stats.t.ppf(0.975, count - 1) * np.std(differences, ddof=1) / count**0.5)
        over_seeds = [mean - half, mean + half]
    interval = [float(each) for each in np.percentile(draws, [2.5, 97.5])]
    return {"mean": mean, "by_seed": differences, "interval": interval, "over_seeds": over_seeds}


def resampled_means(rewards: Sequence[float], group: int, generator: np.random.Generator) -> np.ndarray:
    """Return means of rewards whose groups were drawn again, with replacement; groups count by their size."""
    groups = [np.array(rewards[first : first + group]) for first in range(0, len(rewards), group)]
    sums, sizes = np.array([each.sum() for each in groups]), np.array([len(each) for each in groups])
    drawn = generator.integers(len(groups), size=(RESAMPLES, len(groups)))
    return sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    sys.exit(main())
