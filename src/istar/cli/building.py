"""What `istar truth build` does for each target, or would do, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from istar.cli.app import notes, output, quantity, table

if TYPE_CHECKING:
    from istar.cli.progress import Ticker
    from istar.errors import IstarError
    from istar.targets import Target
    from istar.tasks import Task
    from istar.truth import PlannedTable


@dataclass
class Building:
    """Tables of some tasks, built or planned.

    Attributes:
        chosen: the tasks by the target they are built on.
        dtype: type of the targets' weights.
        questions: which questions of each task.
        seed: the root seed they are drawn from.
        force: whether good tables are built anew.
        alone: whether a single task was asked for, so that what keeps it from being built is an error.
        built: what was built, a record for each table.
        planned: what would be built, by target.
        seconds_per_flop: of each target on this machine, by a short run.
        skipped: what could not be built, and why, a record for each task.
    """

    chosen: Mapping[str, Sequence[Task]]
    dtype: str
    questions: range
    seed: int
    force: bool
    alone: bool
    built: list[dict[str, Any]] = field(default_factory=list)
    planned: dict[str, list[PlannedTable]] = field(default_factory=dict)
    seconds_per_flop: dict[str, float] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    _planning: bool = False

    def build(self, bar: Ticker) -> None:
        """Build the tables."""
        from istar.truth import build_truth, user_folder
        from istar.truth.advice import CHANGED

        bar.note(f"tables are written to {user_folder()}; ISTAR_HOME moves it")
        for name, theirs in self.chosen.items():
            target = self._loaded(name, theirs)
            if target is None:
                continue
            made = build_truth(
                theirs,
                target,
                questions=self.questions,
                seed=self.seed,
                force=self.force,
                progress=lambda task, index: lambda done, total: bar.move(done, total, f"{task.name} {index}"),
                on_stale=lambda task, index: bar.note(
                    f"{task.name} {index}: its table is stale, since {CHANGED}; it is built anew"
                ),
                on_skip=None if self.alone else lambda task, error, name=name: self._skip(name, task, error),  # type: ignore[misc]
            )
            for each in made:
                key = each.key
                self.built.append(
                    {
                        "task": key.task,
                        "target": name,
                        "question": key.index,
                        "rows": len(each.values),
                        "brute_flops": each.brute_flops,
                        "reliability": each.reliability,
                    }
                )
                bar.note(f"{key.task} {key.index}: {len(each.values)} rows")

    def plan(self, bar: Ticker) -> None:
        """Find out what would be built, and what it would cost; nothing is."""
        from istar.truth import flops_per_second, plan_truth

        self._planning = True
        for name, theirs in self.chosen.items():
            target = self._loaded(name, theirs)
            if target is None:
                continue
            planned = self.planned.setdefault(name, [])
            found = plan_truth(
                theirs,
                target,
                questions=self.questions,
                seed=self.seed,
                force=self.force,
                on_skip=None if self.alone else lambda task, error, name=name: self._skip(name, task, error),  # type: ignore[misc]
            )
            for each, question in found:
                if name not in self.seconds_per_flop:
                    self.seconds_per_flop[name] = 1 / flops_per_second(target, question)
                planned.append(each)
                bar.say(f"planning {each.task} {each.index}")

    def _loaded(self, name: str, tasks: Sequence[Task]) -> Target | None:
        """Return a target; None, its tasks skipped, if it cannot be loaded and there are others."""
        from istar.targets import TargetError, load_target

        try:
            return load_target(name, self.dtype)
        except TargetError as error:
            if len(self.chosen) == 1:
                raise
            for task in tasks:
                self._skip(name, task, error)
            return None

    def _skip(self, target: str, task: Task, error: IstarError) -> None:
        self.skipped.append({"task": task.name, "target": target, "reason": str(error)})

    def to_json(self) -> dict[str, Any]:
        """Return what was done, or would be, as JSON values."""
        if not self._planning:
            return {"built": self.built, "skipped": self.skipped}
        tables = [
            {"target": name, **asdict(each), "estimated_minutes": self._minutes(name, [each])}
            for name, planned in self.planned.items()
            for each in planned
        ]
        return {"planned": tables, "tasks": self._prices(), "total": self._total(), "skipped": self.skipped}

    def show(self) -> None:
        """Print what was done, or would be."""
        if self._planning:
            self._show_plan()
        elif self.built:
            shown = table("Built", "task", "target", ">question", ">rows", ">brute FLOPs", ">reliability")
            for each in self.built:
                reliability = "-" if each["reliability"] is None else f"{each['reliability']:.2f}"
                figures = (str(each["question"]), str(each["rows"]), quantity(each["brute_flops"]), reliability)
                shown.add_row(each["task"], each["target"], *figures)
            output.print(shown)
        elif not self.skipped:
            output.print("every table asked for was there already")
        for each in self.skipped:
            notes.tell(f"{each['task']} on {each['target']}: {each['reason']}", "skipped:", "red")

    def _show_plan(self) -> None:
        prices = self._prices()
        if not prices:
            output.print("every table asked for is there already")
            return
        columns = (">tables", ">stale", ">rows", ">unique tokens", ">FLOPs", ">minutes", ">bytes")
        shown = table("Would be built", "task", "target", *columns)
        for each in (*prices, {"task": "total", "target": "", **self._total()}):
            shown.add_row(
                each["task"],
                each["target"],
                str(each["tables"]),
                str(each["stale"]),
                str(each["rows"]),
                str(each["unique_tokens"]),
                quantity(each["flops"]),
                f"{each['estimated_minutes']:.1f}",
                quantity(each["size_bytes"]),
            )
        output.print(shown)
        output.print("minutes are an estimate from a short run on this machine; nothing was built")

    def _prices(self) -> list[dict[str, Any]]:
        """Return the price of each task."""
        found = []
        for name, planned in self.planned.items():
            for task in dict.fromkeys(each.task for each in planned):
                theirs = [each for each in planned if each.task == task]
                found.append(
                    {"task": task, "target": name, **_sums(theirs), "estimated_minutes": self._minutes(name, theirs)}
                )
        return found

    def _total(self) -> dict[str, Any]:
        every = [each for planned in self.planned.values() for each in planned]
        minutes = sum(self._minutes(name, planned) for name, planned in self.planned.items())
        return {**_sums(every), "estimated_minutes": minutes}

    def _minutes(self, target: str, planned: Sequence[PlannedTable]) -> float:
        return sum(each.flops for each in planned) * self.seconds_per_flop.get(target, 0.0) / 60


def _sums(planned: Sequence[PlannedTable]) -> dict[str, int]:
    return {
        "tables": len(planned),
        "stale": sum(each.stale for each in planned),
        "rows": sum(each.rows for each in planned),
        "unique_tokens": sum(each.unique_tokens for each in planned),
        "flops": sum(each.flops for each in planned),
        "size_bytes": sum(each.size_bytes for each in planned),
    }
