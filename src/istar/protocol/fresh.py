"""Fresh questions: drawn from a new seed once the sources of methods are settled, so that none can hold the answers.

Those by which a search finds out whether it has stopped improving are drawn from a seed of its settings
(`stated_seed`).

The answers to questions with shipped tables are public, and a file that holds them needs no look at the target. So
questions are drawn anew, from the operating system's randomness, and all of their rows are run. Their tables are kept
as all truth is, so that a command that was killed goes on with the same seed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from istar.arms.task_questions import with_references
from istar.errors import IstarError
from istar.seeds import Seed
from istar.storage import Store, json_kind
from istar.tasks import task as task_of
from istar.truth import TableKey, asked_of, build_truth, default_store, flops_per_second
from istar.truth.build import prices_of, tables_of, wanting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from istar.arms.replays import Replays
    from istar.arms.task_questions import TaskQuestions
    from istar.protocol.setup import Setup
    from istar.questions import Question, Run
    from istar.truth import Table

SEEDS = 2**53
"""How many seeds there are to draw from: those that every reader of JSON takes for a whole number."""
KNOWN_ROWS = 0.25
"""A question is passed over if more than this share of its rows stand in a committed one: data sets are finite."""
MOST_TRIES = 8
"""How many questions are drawn for each that is wanted, at most."""

DRAWS = json_kind("draws", plugins=False)
"""Which seeds were drawn for which methods: of these it is known that their source was there first."""
_drawn: set[tuple[int, str]] = set()
"""Those of this process, which may have nowhere to keep them."""


class FreshError(IstarError):
    """Fresh questions that cannot be drawn."""


def stated_seed(environment_seed: int) -> int:
    """Return the seed of the fresh questions by which a search finds out whether it has stopped improving.

    It follows from the settings, so that a search that is repeated ends in the same round; those that share their
    environment ask the same questions. A researcher is told nothing of them.
    """
    return 1 + Seed.root(environment_seed).split("plateau").value % (SEEDS - 1)


def new_seed() -> int:
    """Return a seed that nobody can have known before."""
    return secrets.randbelow(SEEDS)


def check_seed(seed: int) -> int:
    """Return a seed if questions can be drawn from it.

    Raises:
        FreshError: it is none, or that of the committed questions.
    """
    if not 0 < seed < SEEDS:
        raise FreshError(
            f"{seed} cannot be the seed of fresh questions; give one from 1 to {SEEDS - 1} (0 is that of the questions "
            "with shipped tables)"
        )
    return seed


def note_draw(seed: int, methods: Iterable[str]) -> None:
    """Note that a seed was drawn now, for methods whose sources, by hash, were there already."""
    store = Store()
    for method in methods:
        _drawn.add((seed, method))
        store.keep(DRAWS, {"seed": seed, "method": method}, True)


def drawn_for(seed: int, method: str) -> bool:
    """Return whether a seed is known to have been drawn when a method's source was there already."""
    return (seed, method) in _drawn or Store().get(DRAWS, {"seed": seed, "method": method}) is not None


@dataclass(frozen=True)
class FreshPlan:
    """Fresh questions of some tasks before their truth is built.

    Attributes:
        seed: the seed they are drawn from.
        numbers: which questions of each task are asked.
        known_rows: the share of the rows of each task's questions that stand in committed ones, too.
        left: how many tables are not built yet.
        flops: what these take.
        seconds: how long that is here, by a short run.
    """

    seed: int
    numbers: Mapping[str, tuple[int, ...]]
    known_rows: Mapping[str, float]
    left: int
    flops: int
    seconds: float


@dataclass(frozen=True)
class FreshQuestions:
    """Fresh questions with their truth.

    Attributes:
        seed: the seed they were drawn from.
        tables: by task.
        known_rows: the share of the rows of each task's questions that stand in committed ones, too.
    """

    seed: int
    tables: Mapping[str, tuple[Table, ...]]
    known_rows: Mapping[str, float]


def plan_fresh(setup: Setup, counts: Mapping[str, int], seed: int) -> FreshPlan:
    """Draw fresh questions and find out what their truth takes; nothing is built yet.

    Args:
        setup: the loaded target and tasks.
        counts: how many questions of each task, at least one.
        seed: the seed to draw from.

    Raises:
        FreshError: a task has not enough questions that the committed ones do not contain.
    """
    asked = asked_of(setup.target)
    stored = tables_of(default_store(), setup.target.id, seed)
    numbers: dict[str, tuple[int, ...]] = {}
    known_rows: dict[str, float] = {}
    left: list[Question] = []
    for name, count in counts.items():
        committed = {run for table in setup.questions[name].tables for run in table.question.runs}
        of, chosen = task_of(name), {}
        for number in range(MOST_TRIES * count):
            question = asked.question(of, number, seed)
            known = _share(question.runs, committed)
            if known <= KNOWN_ROWS:
                chosen[number] = (question, known)
            if len(chosen) == count:
                break
        if len(chosen) < count:
            raise FreshError(
                f"of {MOST_TRIES * count} questions drawn of {name}, {len(chosen)} are new: more than "
                f"{KNOWN_ROWS:.0%} of the rows of the others stand in questions that have tables already; ask fewer, "
                "or leave the task out"
            )
        numbers[name] = tuple(chosen)
        known_rows[name] = sum(known for _, known in chosen.values()) / count
        left += [chosen[number][0] for number, _ in wanting(of, numbers[name], stored, asked)]
    flops = sum(prices_of(setup.target, question).total for question in left)
    seconds = flops / flops_per_second(setup.target, left[0]) if left else 0.0
    return FreshPlan(seed, numbers, known_rows, len(left), flops, seconds)


def _share(runs: Sequence[Run], committed: set[Run]) -> float:
    return sum(run in committed for run in runs) / len(runs)


def build_fresh(
    setup: Setup, plan: FreshPlan, progress: Callable[[str, int, int], None] | None = None
) -> FreshQuestions:
    """Build the truth of fresh questions that has not been built, and have the arms ask them.

    What is known of a task beforehand are its committed questions, in both arms, and its other fresh ones.

    Args:
        setup: the loaded target, tasks and arms.
        plan: the questions.
        progress: called with a task, and with the number of tokens processed of a question and in all.
    """
    place = default_store()
    for name, numbers in plan.numbers.items():
        made = build_truth(
            [task_of(name)],
            setup.target,
            questions=numbers,
            seed=plan.seed,
            store=place,
            progress=None if progress is None else lambda of, _: lambda done, total: progress(of.name, done, total),
        )
        for _ in made:
            pass
    tables = ask_fresh(setup.arms, setup.target.id, setup.questions, plan.seed, plan.numbers)
    return FreshQuestions(plan.seed, tables, plan.known_rows)


def ask_fresh(
    arms: Replays, target: str, committed: Mapping[str, TaskQuestions], seed: int, numbers: Mapping[str, Sequence[int]]
) -> dict[str, tuple[Table, ...]]:
    """Have the arms ask fresh questions whose truth is built, and return their tables by task.

    Args:
        arms: the two settings.
        target: id of the target.
        committed: the questions with shipped tables, by task.
        seed: the seed the fresh ones were drawn from.
        numbers: which of them are asked, by task.
    """
    place = default_store()
    tables = {}
    for name, chosen in numbers.items():
        tables[name] = tuple(place.read(TableKey(target, name, number, seed)) for number in chosen)
        arms.add(with_references(name, tables[name], committed[name].tables))
    return tables
