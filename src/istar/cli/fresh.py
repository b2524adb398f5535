"""What commands that ask fresh questions say: how long their truth takes, and whether a method knew the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from istar.cli.app import output, quantity, table
from istar.cli.console import styled
from istar.cli.multipliers import LEVEL, gain, multiplier
from istar.protocol.fresh import FreshQuestions, build_fresh, check_seed, new_seed, note_draw, plan_fresh
from istar.protocol.pace import minutes

if TYPE_CHECKING:
    from istar.cli.progress import Ticker
    from istar.methods.side_by_side import MethodFile
    from istar.protocol.setup import Setup
    from istar.rewards.memorised import Memorisation
    from istar.rewards.multipliers import Comparison, Summary


def draw(fresh: bool, given: int | None, files: Mapping[str, MethodFile]) -> int | None:
    """Return the seed of fresh questions for methods whose files are read; None if there are to be none.

    Args:
        fresh: whether there are to be some.
        given: the seed of an earlier draw to go on with or to repeat.
        files: the methods, by name.

    Raises:
        FreshError: the seed given is none.
    """
    from istar.methods.loading import source_hash

    if given is not None:
        return check_seed(given)
    if not fresh:
        return None
    seed = new_seed()
    note_draw(seed, [source_hash(file.source) for file in files.values()])
    return seed


def build(bar: Ticker, setup: Setup, counts: Mapping[str, int], seed: int) -> FreshQuestions:
    """Build the truth of fresh questions, and say beforehand how long that takes.

    Args:
        bar: says it.
        setup: the loaded target, tasks and arms.
        counts: how many questions of each task.
        seed: the seed they are drawn from.

    Raises:
        FreshError: a task has not enough new questions.
    """
    bar.say("drawing fresh questions")
    plan = plan_fresh(setup, counts, seed)
    questions = sum(map(len, plan.numbers.values()))
    built = "their truth is built already"
    if plan.left:
        built = (
            f"the truth of {plan.left} is built first, {quantity(plan.flops)} FLOPs: {minutes(plan.seconds)} by an "
            "estimate"
        )
    bar.note(f"{questions} fresh questions of {len(counts)} tasks, drawn from seed {seed}; {built}")
    return build_fresh(setup, plan, lambda task, done, total: bar.move(done, total, f"building fresh {task}"))


def beside_table(title: str, committed: Summary, fresh: Summary | None) -> Table:
    """Return what a method was worth on committed and on fresh questions, side by side."""
    columns = (f">multiplier at skill {LEVEL}", ">on fresh questions", ">skill gain", ">on fresh questions")
    shown = table(title, "", *columns)
    drawn = {} if fresh is None else {each.name: each for each in fresh.tasks}
    for each in committed.tasks:
        shown.add_row(each.name, *_cells(each, drawn.get(each.name)))
    shown.add_row(styled("all", "bold"), *_cells(committed.overall, None if fresh is None else fresh.overall))
    return shown


def _cells(committed: Comparison, fresh: Comparison | None) -> tuple[str, ...]:
    if fresh is None:
        return (multiplier(committed.multipliers[LEVEL]), "failed", gain(committed), "failed")
    return (
        multiplier(committed.multipliers[LEVEL]),
        multiplier(fresh.multipliers[LEVEL]),
        gain(committed),
        gain(fresh),
    )


def say_memorised(name: str, found: Memorisation | None, drawn_for: bool, seed: int) -> None:
    """Say whether a method knew the answers to committed questions."""
    if not drawn_for:
        output.tell(
            f"seed {seed} was not drawn here for this source: what was written after the draw may know its answers",
            "not fresh",
            "yellow",
        )
    if found is None:
        return
    committed, fresh = found.questions
    figures = (
        f"reward {found.committed:+.3f} on {committed} committed questions and {found.fresh:+.3f} on {fresh} fresh "
        f"ones; chance alone does as much in {found.p_value:.2%} of cases"
    )
    if found.memorised:
        output.tell(
            f"{name}: {figures}: it knows answers that are shipped, or is the best of many that were tried on them, "
            "and its reward on committed questions says nothing",
            "memorised",
            "bold red",
        )
    elif found.memorised is None:
        output.tell(f"{figures}; too few questions to tell knowing the answers from chance; ask more (`--questions`)")
    else:
        output.tell(f"{figures}, so that nothing says it knew the answers (it would be marked under {found.level:.0%})")
