"""What the executor hears: planted channels of known quality on every task, and what it makes of them.

    python benchmarks/responsiveness.py [--group train] [--quick] [--jobs N] [--task NAME] [--kind NAME] [--price SHARE]
                                        [--other CHECKOUT]

Channels of twelve kinds (`planted_channels.py`) are offered at five prices, all of them together, in nested batches
that are priced in proportion to their rows. Each is heard in three states:

- `known`: the executor has appraised the same kind of channels on the task's other questions (all, or `--others`);
- `stranger`: it has heard nothing of the method before;
- `oracle`: it has been told what the channels are worth on this very question: its history holds what it made itself of
  this question, given its whole table and the recording, in place of the others' appraisals, as many as of these. A
  history must not name the question that is asked; so the question is asked under another hash. An executor that learns
  from recordings instead of appraisals is told nothing, and has no oracle.

The *heard share* is the logarithm of the multiplier over that of the oracle's, counted from -1 to 1, at prices of 1%
and less; where the oracle's multiplier is 1.05 or less there is nothing to hear, and it is left out and counted.
Multipliers come from the mean curve of a task's questions, as `istar.rewards` crosses curves. Noise is what it costs
more to reach a level of skill with channels of noise. What else the summary holds is defined where it is computed, in
`responsiveness_figures.py`.

Each answer to the questions of a task with one kind at one price in one state is kept as soon as it is made, in a file
beside the result, under the executor's identity: a run that was stopped goes on, and one with more kinds adds to it.
Groups that were measured before, in the same way, stay in the result.
Groups are `train` and `derived` (every kind of functional, asked of training tables) unless named; `validation` and
`test` are never run unless they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from istar.errors import IstarError
from istar.executors import Heard, History, Market, Trace, make_executor
from istar.fingerprint import fingerprint
from istar.methods.recording import Recording
from istar.rewards.blind import blind_answer
from istar.rewards.skill import blind_loss, reference_losses, skill
from istar.seeds import Seed
from istar.tasks import tasks
from istar.tasks.family import EMBEDDED
from istar.truth import MissingTruthError, Table, load_tables
from istar.truth.effects.records import learn_effects
from machine import describe_machine
from planted_channels import KINDS, Planted, channels_of, planted_recording, under_another_name
from responsiveness_figures import ALONE, CELL, CHEAP, TaskFigures, figures_of, missed
from responsiveness_speed import compare, source_of

RESULTS = Path(__file__).parent / "results" / "responsiveness.json"
GROUPS = ("train", "derived", "validation", "test")
UNLESS_NAMED = ("train", "derived")
PRICES = (0.1, 0.03, 0.01, 0.003, 0.001)
STATES = ("known", "stranger", "oracle")
QUICK = {
    "task": ("active_learning/replies", "format_sensitivity/lexicon", "label_free_accuracy/remarks"),
    "kind": ("truth", "rows-0.95", "noise"),
    "price": (0.01, 0.001),
}
VERSION = 2
CODE = ("istar.executors", "istar.questions", "istar.truth.effects", "istar.rewards.skill", "istar.rewards.blind")


@dataclass(frozen=True)
class Setting:
    """What every cell of a run has in common.

    Attributes:
        executor: the name of the executor.
        options: its options.
        questions: how many questions of a task are asked.
        others: on how many others a method that is known was appraised, at most; None for all.
        seeds: executor seeds.
    """

    executor: str
    options: dict[str, Any]
    questions: int
    others: int | None
    seeds: int

    @cached_property
    def identity(self) -> str:
        """What decides the answers besides the tables and the channels, as a hash.

        Raises:
            ExecutorError: there is no such executor, or it has no such option.
        """
        identity = make_executor(self.executor, self.options).identity()
        parts = (identity, fingerprint(CODE, ("numpy", "scipy")), self.questions, self.others, self.seeds, VERSION)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Asked:
    """Some questions of a task, as an executor meets them.

    Args:
        name: the task's name.
        tables: all of its tables.
        setting: the executor, and how many of the questions it is asked.
    """

    def __init__(self, name: str, tables: Sequence[Table], setting: Setting) -> None:
        """See the class docstring."""
        self.name, self.every, self.setting = name, tuple(tables), setting
        self.tables = self.every[: setting.questions]
        self.told = {table.question.hash: self.others(table)[: setting.others] for table in self.tables}
        taught = {each.question.hash for others in self.told.values() for each in others}
        self.further = [table for table in self.every[setting.questions :] if table.question.hash in taught]
        effects = learn_effects(self.every)
        self.blind = {}
        for table in self.every:
            question, others = table.question, [each for each in effects if each.question != table.question.hash]
            self.blind[question.hash] = blind_answer(question.structure, question.functional, others)
        losses = [blind_loss(table, self.blind[table.question.hash]) for table in self.every]
        self.references = dict(zip(self.blind, reference_losses(losses), strict=True))
        self.losses = dict(zip(self.blind, losses, strict=True))
        self.renamed = {table.question.hash: under_another_name(table) for table in self.tables}
        self.states = {
            table.question.hash: self.executor().learn(self.history(table)) for table in (*self.tables, *self.further)
        }
        self.rows_left: dict[str, np.ndarray] = {}
        self._channels: dict[tuple[str, str], np.ndarray] = {}

    def executor(self) -> Any:
        """Return a new executor: a new one is made for each use."""
        return make_executor(self.setting.executor, self.setting.options)

    def others(self, table: Table) -> list[Table]:
        """Return the task's other questions."""
        return [each for each in self.every if each is not table]

    def history(
        self,
        table: Table,
        recordings: dict[str, Recording] | None = None,
        appraisals: dict[str, Any] | None = None,
        renamed: bool = False,
    ) -> History:
        """Return what may be known of the task, and of a method, before a question is asked."""
        question = table.question.hash
        others = tuple(self.others(table))
        return History(
            task=self.name,
            target=table.target,
            asked=self.renamed[question].question.hash if renamed else question,
            questions=tuple(each.question.hash for each in others),
            blind=self.blind[question],
            load=lambda: others,
            recordings=recordings or {},
            appraisals=appraisals or {},
        )

    def seed(self, table: Table, number: int) -> Seed:
        """Return an executor seed of a question, the same in both arms and in every state."""
        return Seed.root(0).split("executor", table.question.hash, number)

    def entry(self, table: Table, number: int, trace: Trace) -> dict[str, Any]:
        """Return what is kept of an answer."""
        question = table.question
        losses = [question.functional.loss(each, table.values, question.structure) for each in trace.answers]
        coverage = trace.coverage(question.functional.answer(table.values, question.structure))
        reference = self.references[question.hash]
        return {
            "question": question.hash[:16],
            "seed": number,
            "rows": len(table.values),
            "share": [round(float(each), 8) for each in trace.checkpoints / table.brute_flops],
            "skill": [round(float(each), 6) for each in skill(np.array(losses), reference)],
            "blind_skill": round(1 - self.losses[question.hash] / reference, 6),
            "batches": int(trace.channel_batches[-1]),
            "stop": round(trace.stop / table.brute_flops, 6),
            "own": round(float(trace.executor_flops[-1]) / table.brute_flops, 8),
            "coverage": [None if np.isnan(each) else round(float(each), 4) for each in coverage],
        }

    def alone(self, tables: Sequence[Table]) -> list[dict[str, Any]]:
        """Return the black-box arm's answers to questions."""
        return [
            self.entry(
                table,
                number,
                self.executor().answer(Market(table), self.states[table.question.hash], self.seed(table, number)),
            )
            for table in tables
            for number in range(self.setting.seeds)
        ]

    def take_black_box(self, answers: Sequence[dict[str, Any]]) -> None:
        """Note how much of the blind loss rows alone leave, as appraisals want to know."""
        self.black = {(each["question"], each["seed"]): each for each in answers}
        for table in (*self.tables, *self.further):
            mine = [each for each in answers if each["question"] == table.question.hash[:16]]
            skills = np.mean([each["skill"] for each in mine], axis=0)
            self.rows_left[table.question.hash] = np.stack([np.array(mine[0]["share"]), 1 - skills], axis=1)

    def recordings(self, kind: Planted, price: float) -> dict[str, Recording]:
        """Return what a method says of every question."""
        return {
            table.question.hash: planted_recording(table, self.channels(kind, table), price)
            for table in (*self.tables, *self.further)
        }

    def channels(self, kind: Planted, table: Table) -> np.ndarray:
        """Return the channels of a kind on a question, the same at every price."""
        key = (kind.name, table.question.hash)
        if key not in self._channels:
            self._channels[key] = channels_of(kind, table)
        return self._channels[key]

    def appraisals(self, recordings: dict[str, Recording]) -> dict[str, Any]:
        """Return what the executor makes of channels on each question, whose whole table it is given."""
        return {
            table.question.hash: self.executor().appraise(
                Heard(table, recordings[table.question.hash], self.rows_left[table.question.hash]),
                self.states[table.question.hash],
            )
            for table in (*self.tables, *self.further)
        }

    def heard(self, state: str, recordings: dict[str, Recording], appraisals: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answers to the questions with channels, in one of the states."""
        answers = []
        for table in self.tables:
            question = table.question.hash
            others = [each.question.hash for each in self.told[question]]
            if state == "oracle":
                history = self.history(table, appraisals=dict.fromkeys(others, appraisals[question]), renamed=True)
                asked = self.renamed[question]
            else:
                told = others if state == "known" else []
                history = self.history(
                    table, {other: recordings[other] for other in told}, {other: appraisals[other] for other in told}
                )
                asked = table
            said = recordings[question]
            if asked is not table:
                said = Recording(**{**vars(said), "question_hash": asked.question.hash})
            known = self.executor().learn(history)
            deaf = self.executor().ignores_channels(Market(asked, said), known)
            for number in range(self.setting.seeds):
                if deaf:  # the answers are the black-box arm's to the last bit
                    answers.append(self.black[question[:16], number])
                    continue
                trace = self.executor().answer(Market(asked, said), known, self.seed(table, number))
                answers.append(self.entry(table, number, trace))
        return answers


def cells_of(
    group: str, asked: Asked, kinds: Sequence[Planted], prices: Sequence[float], found: dict[tuple[Any, ...], Any]
) -> Iterator[dict[str, Any]]:
    """Yield the cells of a task that are not found yet, each as soon as it is made."""

    def cell(kind: str, price: float, state: str, make: Any) -> dict[str, Any]:
        start = time.perf_counter()
        answers = make()
        return {
            "identity": asked.setting.identity,
            "group": group,
            "task": asked.name,
            "functional": asked.tables[0].question.functional.kind,
            "kind": kind,
            "price": price,
            "heard": state,
            "seconds": round(time.perf_counter() - start, 3),
            "answers": answers,
        }

    alone = found.get((group, asked.name, ALONE, 0.0, ""))
    if alone is None:
        alone = cell(ALONE, 0.0, "", partial(asked.alone, asked.tables))
        alone["others"] = asked.alone(asked.further)
        yield alone
    asked.take_black_box([*alone["answers"], *alone["others"]])
    for kind in kinds:
        for price in prices:
            wanted = [
                state for state in states_of(kind, price) if (group, asked.name, kind.name, price, state) not in found
            ]
            if not wanted:
                continue
            recordings = asked.recordings(kind, price)
            appraisals = asked.appraisals(recordings) if set(wanted) - {"stranger"} else {}
            for state in wanted:
                yield cell(kind.name, price, state, partial(asked.heard, state, recordings, appraisals))


def states_of(kind: Planted, price: float) -> tuple[str, ...]:
    """Return in which states channels are heard: of the oracle's a share is taken where there is something to hear."""
    return STATES if kind.informative and price <= CHEAP + 1e-9 else STATES[:2]


def key_of(cell: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a cell is found by among those of one identity."""
    return cell["group"], cell["task"], cell["kind"], cell["price"], cell["heard"]


def read_cells(path: Path, identity: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the cells of an identity in a file; lines that were cut off are left out."""
    found = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                cell = json.loads(line)
            except ValueError:
                continue
            if cell.get("identity") == identity:
                found[key_of(cell)] = cell
    return found


def keep(path: Path, cell: dict[str, Any]) -> None:
    """Add a cell to a file, in one write: other processes add theirs."""
    line = (json.dumps(cell) + "\n").encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def tables_of(group: str, name: str) -> tuple[Table, ...]:
    """Return the tables of a task of a group."""
    if group == "derived":
        from istar.making.statistician.derived import derived_tables

        return derived_tables(name, partial(tables_of, "train"))
    home = next(task.home for task in tasks(group) if task.name == name)
    return tuple(load_tables(name, home))


def names_of(group: str) -> tuple[str, ...]:
    """Return the names of the tasks of a group."""
    if group == "derived":
        from istar.making.statistician.derived import derived_tasks  # another checkout may know none

        return derived_tasks()
    return tuple(task.name for task in tasks(group))


def run_task(
    group: str, name: str, setting: Setting, kinds: Sequence[str], prices: Sequence[float], path: Path
) -> list[dict[str, Any]]:
    """Make and keep the cells of a task that are not kept yet; return all of them."""
    torch.set_num_threads(1)
    with threadpool_limits(1):  # matrices are small: threads would wait for one another
        try:
            asked = Asked(name, tables_of(group, name), setting)
        except MissingTruthError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            return []
        questions = {table.question.hash[:16] for table in asked.tables}
        found = {
            key: cell
            for key, cell in read_cells(path, setting.identity).items()
            if key[:2] == (group, name) and {each["question"] for each in cell["answers"]} == questions
        }
        for cell in cells_of(group, asked, [KINDS[kind] for kind in kinds], prices, found):
            found[key_of(cell)] = cell
            keep(path, cell)
    chosen = [
        cell for cell in found.values() if cell["kind"] == ALONE or (cell["kind"] in kinds and cell["price"] in prices)
    ]
    return chosen


def line_of(cells: Sequence[dict[str, Any]], seconds: float) -> str:
    """Return a line on a task: the black-box arm's cost, then multipliers at 0.8 of each kind, by price and state."""
    figures = TaskFigures(cells)
    parts = [
        f"{figures.task} ({figures.functional}) {figures.black_cost[0.8]:.3f}, attainable {figures.attainable:.1f}"
    ]
    kinds = dict.fromkeys(cell["kind"] for cell in cells if cell["kind"] != ALONE)
    for kind in kinds:
        said = []
        for price in sorted({cell["price"] for cell in cells if cell["kind"] == kind}, reverse=True):
            if KINDS[kind].informative:
                each = [figures.multiplier(kind, price, state) for state in STATES]
                told = "/".join("-" if one is None else f"{one:.2f}" for one in each)
            else:
                extra = [figures.extra(price, state) for state in STATES[:2]]
                told = "/".join("-" if one is None else f"{one.max():+.4f}" for one in extra)
            said.append(f"{price:g}: {told}")
        parts.append(f"  {kind} {'; '.join(said)}")
    return "\n".join([*parts, f"  {seconds:.0f} s"])


def chosen_tasks(groups: Sequence[str], names: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the groups and names of the tasks that are asked for.

    Raises:
        SystemExit: there is no such task, or it is of a group that is not asked for.
    """
    there = [(group, name) for group in groups for name in names_of(group)]
    if names is None:
        return there
    for name in names:
        if name in (each for _, each in there):
            continue
        home = next((group for group in GROUPS if name in names_of(group)), None)
        if home is None:
            sys.exit(f"there is no task {name!r}; `istar tasks` lists them")
        sys.exit(f"{name} is of the group {home!r}, which is not asked for; add --group {home}")
    return [(group, name) for group, name in there if name in names]


def compact(said: dict[str, Any]) -> str:
    """Return the summary of a group without its parts by kind, as a line a kind follows."""
    head = json.dumps({name: value for name, value in said.items() if not name.startswith("by_")})
    kinds = [
        f"  {kind}: heard {each['heard_share']} (0.5: {each['heard_share_0.5']}), stranger "
        f"{each['heard_share_stranger']} (0.5: {each['heard_share_stranger_0.5']}), harmed {each['harmed']}"
        for kind, each in said["by_kind"].items()
    ]
    return "\n".join([head, *kinds])


def arguments_of(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the arguments, checked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--group", action="append", choices=GROUPS, help="may be repeated; train and derived if not given"
    )
    parser.add_argument("--task", action="append", help="by name; may be repeated; all of the groups if not given")
    parser.add_argument("--kind", action="append", choices=tuple(KINDS), help="may be repeated; all if not given")
    parser.add_argument(
        "--price", action="append", type=float, help="share of brute force of all channels; may be repeated"
    )
    parser.add_argument("--questions", type=int, help="asked of each task; 3 if not given, 2 with --quick")
    parser.add_argument(
        "--others", type=int, help="questions that a known method was appraised on; all, or 3 with --quick"
    )
    parser.add_argument("--seeds", type=int, default=1, help="executor seeds a question")
    parser.add_argument("--executor", default="statistician")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=JSON", help="of the executor")
    parser.add_argument("--quick", action="store_true", help="a sample: few tasks, kinds and prices, 2 questions")
    parser.add_argument("--jobs", type=int, default=1, help="processes, a task each")
    parser.add_argument("--other", type=Path, metavar="CHECKOUT", help="compare answers an hour with this one")
    parser.add_argument("--pairs", type=int, help="methods on tasks that are timed; all if not given")
    parser.add_argument("--output", type=Path, default=RESULTS, help="cells are kept beside it, in a .jsonl")
    arguments = parser.parse_args(given)
    arguments.group = tuple(dict.fromkeys(arguments.group or UNLESS_NAMED))
    for name, least in (("questions", 1), ("others", 1), ("seeds", 1), ("jobs", 1), ("pairs", 1)):
        if (value := getattr(arguments, name)) is not None and value < least:
            parser.error(f"--{name} {value}: give {least} at least")
    for price in arguments.price or ():
        if not 0 < price <= 1:
            parser.error(f"--price {price}: give a share of brute force above 0 and up to 1, as 0.01 for 1%")
    options = {}
    for each in arguments.option:
        name, equals, value = each.partition("=")
        try:
            options[name] = json.loads(value) if equals else parser.error(f"--option {each}: write NAME=JSON")
        except ValueError:
            parser.error(f"--option {each}: {value!r} is no JSON; put texts in double quotes")
    arguments.options = options
    arguments.questions = arguments.questions or (2 if arguments.quick else 3)
    arguments.others = arguments.others or (3 if arguments.quick else None)
    arguments.price = tuple(arguments.price or (QUICK["price"] if arguments.quick else PRICES))
    arguments.kind = tuple(arguments.kind or (QUICK["kind"] if arguments.quick else KINDS))
    if arguments.quick and arguments.task is None and arguments.group == UNLESS_NAMED:
        arguments.group, arguments.task = ("train",), QUICK["task"]
    return arguments


def main() -> None:
    """Run what is asked for and write the result."""
    arguments = arguments_of()
    setting = Setting(arguments.executor, arguments.options, arguments.questions, arguments.others, arguments.seeds)
    path = arguments.output.with_suffix(".jsonl")
    chosen = chosen_tasks(arguments.group, arguments.task)
    if arguments.other is not None:
        source_of(arguments.other)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        identity = setting.identity  # so an executor or option that there is not is an error before any long work
    except IstarError as error:
        sys.exit(str(error))
    cells: list[dict[str, Any]] = []
    rest = (setting, arguments.kind, arguments.price, path)
    for made, seconds in _each(chosen, rest, arguments.jobs):
        if made:
            cells += made
            print(line_of(made, seconds), flush=True)
    found = figures_of(cells)
    for group, said in found["summary"].items():
        print(group, compact(said))
        print("  targets missed:", json.dumps(missed(said)))
    result = {
        "machine": describe_machine(),
        "executor": setting.executor,
        "options": setting.options,
        "identity": identity,
        "questions": setting.questions,
        "others": setting.others,
        "seeds": setting.seeds,
        "channels_tell": CELL,
        "asked": {group: {"kinds": arguments.kind, "prices": arguments.price} for group in found["summary"]},
        **found,
    }
    take_over(result, arguments.output)
    if arguments.other is not None:
        names = [task.name for task in tasks("train") if task.home == EMBEDDED]
        result["speed"] = compare(arguments.other, names, arguments.pairs, (setting.executor, setting.options))
        result["summary"]["answers_per_hour_ratio"] = result["speed"]["answers_per_hour_ratio"]
        print("answers an hour", result["speed"]["answers_per_hour"], result["speed"]["answers_per_hour_ratio"])
    arguments.output.write_text(written(result), encoding="utf-8")


def take_over(result: dict[str, Any], path: Path) -> None:
    """Add the groups that an earlier result has and this one has not, and the speed, if measured in the same way."""
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    alike = ("executor", "options", "identity", "questions", "others", "seeds", "channels_tell")
    if any(json.dumps(earlier.get(name)) != json.dumps(result[name]) for name in alike):
        return
    for part in ("asked", "summary", "tasks"):
        added = {group: said for group, said in earlier[part].items() if group in GROUPS}
        result[part] = {group: (added | result[part])[group] for group in GROUPS if group in added | result[part]}
    if "speed" in earlier:
        result["speed"] = earlier["speed"]
        result["summary"]["answers_per_hour_ratio"] = earlier["speed"]["answers_per_hour_ratio"]


def written(result: dict[str, Any]) -> str:
    """Return a result as JSON for people and git to read: innermost lists and mappings stand on a line each."""
    return (
        re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: re.sub(r"\s+", " ", found[0]), json.dumps(result, indent=1))
        + "\n"
    )


def _each(
    chosen: Iterable[tuple[str, str]], rest: tuple[Any, ...], jobs: int
) -> Iterator[tuple[list[dict[str, Any]], float]]:
    """Yield the cells of each task with the seconds it took, in this process or in several."""
    start = time.perf_counter()
    if jobs == 1:
        for group, name in chosen:
            start = time.perf_counter()
            yield run_task(group, name, *rest), time.perf_counter() - start
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for each in as_completed([pool.submit(run_task, group, name, *rest) for group, name in chosen]):
            yield each.result(), time.perf_counter() - start


if __name__ == "__main__":
    main()
