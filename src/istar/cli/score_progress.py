"""What `istar score` says while it works: what is asked, how long it takes, and each task as soon as it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from istar.arms.settings import cores
from istar.cli.app import notes
from istar.cli.multipliers import LEVEL, multiplier
from istar.protocol.first_look import QUESTIONS, FirstLook, most_recording_flops
from istar.protocol.pace import Pace, minutes
from istar.rewards.multipliers import Comparison

if TYPE_CHECKING:
    from istar.cli.progress import Ticker
    from istar.protocol.fresh import FreshQuestions
    from istar.protocol.setup import Setup
    from istar.truth import Table

USUAL_SHARE = 0.7
"""What recordings take of what they may, about,"""
REPLAY_SECONDS = 0.5
"""and what replaying a question for one executor seed takes."""


def say_beginning(bar: Ticker, look: FirstLook | None, split: str, wanted: int) -> None:
    """Say which part of a split is asked, and what comes before that."""
    if look is not None:
        every = set(look.tasks) | set(look.unasked)
        bar.note(
            f"a first look: the first {QUESTIONS} questions of {len(look.tasks)} of the {len(every)} {split} tasks, "
            f"the cheapest first; `--all` asks {wanted} of each"
        )
    bar.note(
        "first the target is loaded; with one that is new here, a minute or so goes into converting it, into its "
        "questions and into its generic text, once"
    )


def say_left_out(look: FirstLook | None, wanted: int) -> None:
    """Say at the end what a first look left out."""
    if look is None:
        return
    further = f"; of {', '.join(look.unasked)} nothing was asked" if look.unasked else ""
    notes.tell(
        f"a first look, by {QUESTIONS} questions of each task{further}. The same command with `--all` asks {wanted} of "
        "every task, and runs nothing again that was run for this"
    )


class ScoreProgress:
    """Follows the scoring of some methods.

    Args:
        bar: says it.
        setup: what the methods are scored on.
        tables: the questions, by task.
        methods: how many methods are scored.
        drawn: the fresh questions that are asked too, if some are.
    """

    def __init__(
        self,
        bar: Ticker,
        setup: Setup,
        tables: Mapping[str, Sequence[Table]],
        methods: int,
        drawn: FreshQuestions | None = None,
    ) -> None:
        """See the class docstring."""
        self.setup, self.tables, self.drawn = setup, tables, drawn
        self._bar, self._methods = bar, methods
        self._caps = setup.config.caps
        asked = [*tables.values(), *([] if drawn is None else drawn.tables.values())]
        self._name, self._tasks, self._of = "", 0, len(asked)
        every = [table for theirs in asked for table in theirs]
        work = methods * sum(map(self._price, every))
        seconds = USUAL_SHARE * work / setup.arms.flops_per_second()
        seconds += methods * len(every) * setup.config.executor_seeds * REPLAY_SECONDS / cores()
        self._pace = Pace(work, work / seconds)
        bar.move(0, methods * len(every), "scoring")
        bar.note(
            f"{len(every)} questions of {len(tables)} tasks{self._each}: {minutes(seconds)} by an estimate, less what "
            "was computed before; a command that is stopped goes on from there"
        )

    @property
    def _each(self) -> str:
        return f", of each of {self._methods} methods" if self._methods > 1 else ""

    def _price(self, table: Table) -> int:
        return most_recording_flops(table.brute_flops, self._caps)

    def begin(self, name: str) -> None:
        """Say which method is scored next."""
        self._name, self._tasks = name, 0
        self._bar.say(f"{name}: interpreting the target")

    def question(self, table: Table) -> None:
        """Note that a question was recorded."""
        self._pace.did(self._price(table))
        self._bar.step(f"{self._name} on {table.question.task}")

    def fresh_task(self, task: str, outcome: Comparison | str) -> None:
        """Say what came out on a task by fresh questions."""
        self.task(f"{task} (fresh)", outcome)

    def task(self, task: str, outcome: Comparison | str) -> None:
        """Say what came out on a task."""
        self._tasks += 1
        left = "" if self._tasks == self._of else f"; {minutes(self._pace.seconds_left())} left"
        about = f"{self._name} on {task} ({self._tasks} of {self._of})"
        if isinstance(outcome, str):
            self._bar.note(f"{about}: failed: {outcome}{left}", "red")
            return
        found = outcome.multipliers[LEVEL]
        count = f"{found.questions} question{'s' * (found.questions > 1)}"
        self._bar.note(f"{about}: {multiplier(found)} at skill {LEVEL}, by {count}{left}")
