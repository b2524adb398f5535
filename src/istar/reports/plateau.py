"""Whether runs have stopped improving, read from their ledgers, and for how long the best of them has been the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from istar.ledger import RoundRecord, RunRecord
from istar.ledger.reader import LedgerReader
from istar.ledger.schema import Stage
from istar.protocol.config import PlateauSettings, SearchConfig
from istar.protocol.guard import standard_errors_needed
from istar.protocol.plateau import Plateau, Scored, Watch, most_probable, rounds_needed
from istar.protocol.shuffled_control import coins, exchange_arms
from istar.rewards import REWARDS


def plateau_of(ledger: LedgerReader, run: RunRecord) -> Plateau | None:
    """Return what is known of whether a run has stopped improving; None where its formula is of a plug-in not here.

    Of a run that scored nobody on fresh questions it is not; what there is to tell is when the guard last published an
    improvement on validation, whose questions are asked again and again.
    """
    if run.config.reward not in REWARDS:
        return None
    rounds = ledger.rounds(run.name)
    settings = PlateauSettings.model_validate(run.config.options.get("plateau", {}))
    if not run.config.options.get("until_plateau"):
        return _by_validation(rounds, len(ledger.openings(run.name, "validation")), settings)
    watch = Watch(settings)
    for each in rounds:
        trained = trained_in(ledger, run, each)
        fresh = _scored(ledger, run, "fresh", each.method) if watch.claims(trained) else None
        watch.note(each.iteration, each.method, trained, fresh)
    return watch.plateau()


def trained_in(ledger: LedgerReader, run: RunRecord, outcome: RoundRecord) -> Scored | None:
    """Return the training reward of a round's method; None if it was not asked all training questions."""
    whole = outcome.status == "ok" or (outcome.status == "error" and outcome.stage == "validation")
    if not whole or outcome.reward is None:
        return None
    asked = len(ledger.evaluations(run.name, stage="train", method=outcome.method))
    return Scored(outcome.reward, outcome.standard_error, asked)


def _scored(ledger: LedgerReader, run: RunRecord, stage: Stage, method: str) -> Scored | None:
    """Return a method's rewards at a stage as the search was told them; None if it failed there."""
    if any(each.status != "ok" for each in ledger.evaluations(run.name, stage=stage, method=method)):
        return None
    curves = ledger.paired_curves(run.name, stage, method)
    black, white = map(list, curves)
    if not white:
        return None
    if run.config.options.get("shuffled"):
        flips = coins(SearchConfig.model_validate(run.config.options), method)
        assert flips is not None
        black, white = exchange_arms(black, white, flips)
    score = REWARDS.get(run.config.reward).score(black, white)
    rewards = {question: reward for (_, question), reward in score.by_question.items()}
    average = sum(score.by_task.values()) / len(score.by_task)
    return Scored(average, score.standard_error, len(rewards), rewards)


def _by_validation(rounds: Sequence[RoundRecord], queries: int, settings: PlateauSettings) -> Plateau:
    improved = [each for each in rounds if each.validation_reward is not None]  # and not only won a tie
    last = improved[-1] if improved else None
    since = -1 if last is None else last.iteration
    count, needed = sum(each.iteration > since for each in rounds), rounds_needed(settings)
    return Plateau(
        basis="validation",
        reached=False,
        rounds=count,
        needed=needed,
        since=None if last is None else last.iteration,
        method="" if last is None else last.method,
        level=0.0 if last is None else last.validation_reward or 0.0,
        standard_error=None,
        claims=queries,
        improvements=len(improved),
        chance=most_probable(count, settings.error),
        gain=None,
        confidence=1 - settings.error,
        gain_confidence=0.0,
    )


@dataclass(frozen=True)
class RunPlateau:
    """What a run found, and when.

    Attributes:
        run: its name.
        opened_at: when it was opened, UTC, ISO 8601.
        plateau: what is known of whether it has stopped improving.
        rounds: its rounds.
    """

    run: str
    opened_at: str
    plateau: Plateau
    rounds: tuple[RoundRecord, ...]


@dataclass(frozen=True)
class HeldLevel:
    """The best level of several runs, and for how long none was better: "progress will plateau at level N".

    Attributes:
        level: the incumbent's reward on fresh questions.
        standard_error: of it; None where it is not known.
        run: the run that reached it.
        method: hash of its incumbent, empty if no run found any method that is worth something.
        runs: how many runs it has held for, that one included.
        rounds: how many rounds of these have brought nothing better.
        seconds: wall-clock time of these rounds.
        days: from the opening of that run to the opening of the last.
    """

    level: float
    standard_error: float | None
    run: str
    method: str
    runs: int
    rounds: int
    seconds: float
    days: float


def held_level(runs: Sequence[RunPlateau]) -> HeldLevel | None:
    """Return the best level of runs that scored incumbents on fresh questions, and for how long it has held.

    Runs are taken in the order in which they were opened. A later one is better if its incumbent beats the best before
    by as many standard errors as the guard asks for at that number of comparisons: of the differences on each question
    where both were asked the same ones, as runs with the same `environment_seed` and tasks are, or of both levels.

    Args:
        runs: the runs; controls with shuffled rewards left out.
    """
    order = sorted((each for each in runs if each.plateau.basis == "fresh"), key=lambda each: each.opened_at)
    if not order:
        return None
    best, first = order[0], 0
    for number, each in enumerate(order[1:], 1):
        if _better(each.plateau, best.plateau, number):
            best, first = each, number
    since = -1 if best.plateau.since is None else best.plateau.since
    after = [each for each in best.rounds if each.iteration > since]
    after += [outcome for each in order[first + 1 :] for outcome in each.rounds]
    opened = [datetime.fromisoformat(each.opened_at) for each in (best, order[-1])]
    return HeldLevel(
        level=best.plateau.level,
        standard_error=best.plateau.standard_error,
        run=best.run,
        method=best.plateau.method,
        runs=len(order) - first,
        rounds=len(after),
        seconds=sum(each.seconds for each in after),
        days=(opened[1] - opened[0]).total_seconds() / 86_400,
    )


def _better(one: Plateau, other: Plateau, comparisons: int) -> bool:
    if one.method == "":
        return False
    if one.by_question.keys() == other.by_question.keys():
        differences = np.array([one.by_question[name] - other.by_question[name] for name in one.by_question])
        error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    else:
        error = math.hypot(one.standard_error or 0.0, other.standard_error or 0.0)
    return one.level > other.level + standard_errors_needed(comparisons) * error
