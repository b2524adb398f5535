"""Simulated searches of which it is known whether they still improve.

How often does the rule stop one that does, and how late one that does not?

    PYTHONPATH=tests/protocol python tests/protocol/plateau_simulations.py > results/uses/forecast/plateau.json

Each round proposes a method. With some probability it is truly better than the best before, by a step; otherwise it is
worse by an exponential amount. Its reward on each training and each fresh question is what it is worth and normal
noise, independent of others'. A step is stated in standard errors of the difference of two methods on the fresh
questions.

Beside the rule stands a counter that does without fresh questions: it stops as many rounds after the best training
reward. Both are told the same rounds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from istar.protocol.config import PlateauSettings
from istar.protocol.plateau import Scored, Watch, rounds_needed

SETTINGS = PlateauSettings()
QUESTIONS = 32
"""Two of each of 16 training tasks, as many for training as fresh ones."""
NOISE = 0.2
"""Standard deviation of a question's reward."""
ERROR = NOISE * (2 / QUESTIONS) ** 0.5
"""Standard error of the difference of two methods."""


@dataclass(frozen=True)
class Searches:
    """Where simulated searches come from.

    Attributes:
        chance: the probability that a round is truly better, as long as the search improves.
        step: by how many standard errors.
        lucky: how many standard errors the training reward of the first method is too high.
        rounds: how many rounds improve; none does after them.
        most: how many rounds there are at most.
    """

    chance: float
    step: float
    lucky: float = 0.0
    rounds: int = 150
    most: int = 150


@dataclass(frozen=True)
class Outcome:
    """What a rule did in many searches; shares are of searches unless stated.

    Attributes:
        stopped: share that were stopped while they still improved.
        waits: share of the waits for another true improvement that were cut short, over all of them.
        rounds_after: median rounds from the last true improvement of a search that had ended to its stop; None where
            none was stopped.
        never: share of those that had ended which the rule did not stop before the last round.
        level_error: mean error of the level that was stated where a search was stopped, in standard errors.
    """

    stopped: float
    waits: float
    rounds_after: float | None
    never: float
    level_error: float | None


def run(searches: Searches, count: int, seed: int) -> dict[str, Outcome]:
    """Return what the rule and the counter did in some searches."""
    generator = np.random.default_rng(seed)
    found = [_one(searches, generator) for _ in range(count)]
    return {name: _outcome(searches, [each[name] for each in found]) for name in ("rule", "counter")}


@dataclass
class _Course:
    """A search under one rule: where it was stopped, and the true improvements up to there."""

    stopped: int | None = None
    improvements: int = 0
    last: int = 0
    level_error: float | None = None


def _one(searches: Searches, generator: np.random.Generator) -> dict[str, _Course]:
    watch, needed = Watch(SETTINGS), rounds_needed(SETTINGS)
    courses = {"rule": _Course(), "counter": _Course()}
    best = leader = 0.0
    since = 0
    for iteration in range(searches.most):
        better = iteration == 0 or (iteration < searches.rounds and generator.random() < searches.chance)
        worth = best + searches.step * ERROR if better else best - generator.exponential(4 * ERROR)
        best = max(best, worth)
        luck = searches.lucky * ERROR if iteration == 0 else 0.0
        trained, fresh = scored(worth + luck, generator), scored(worth, generator)
        for course in courses.values():
            if better and course.stopped is None:
                course.improvements += 1
                course.last = iteration
        rule, counter = courses["rule"], courses["counter"]
        if rule.stopped is None:
            watch.note(iteration, str(iteration), trained, fresh if watch.claims(trained) else None)
            plateau = watch.plateau()
            if plateau.reached:
                rule.stopped, rule.level_error = iteration, (plateau.level - best) / ERROR
        if counter.stopped is None:
            since += 1
            if trained.average > leader:
                leader, since = trained.average, 0
            if since >= needed:
                counter.stopped, counter.level_error = iteration, (leader - best) / ERROR
    return courses


def scored(worth: float, generator: np.random.Generator) -> Scored:
    """Return what is measured of a method that is worth something."""
    rewards = worth + NOISE * generator.standard_normal(QUESTIONS)
    error = float(rewards.std(ddof=1) / QUESTIONS**0.5)
    return Scored(
        float(rewards.mean()), error, QUESTIONS, {str(name): float(each) for name, each in enumerate(rewards)}
    )


def _outcome(searches: Searches, courses: list[_Course]) -> Outcome:
    stops = [(each.stopped, each.last) for each in courses if each.stopped is not None]
    early = sum(stopped < searches.rounds - 1 for stopped, _ in stops)
    late = [stopped - last for stopped, last in stops if stopped >= searches.rounds - 1]
    ended = searches.rounds < searches.most
    errors = [each.level_error for each in courses if each.level_error is not None]
    waits = sum(each.improvements for each in courses)
    return Outcome(
        stopped=early / len(courses),
        waits=early / waits,
        rounds_after=float(np.median(late)) if ended and late else None,
        never=sum(each.stopped is None for each in courses) / len(courses) if ended else 0.0,
        level_error=float(np.mean(errors)) if errors else None,
    )


CASES = {
    "improves with the probability of the rule, by 8 standard errors": Searches(chance=0.1, step=8),
    "improves with twice that probability, by 4": Searches(chance=0.2, step=4),
    "improves with twice that probability, by 2": Searches(chance=0.2, step=2),
    "improves with twice that probability, by 1": Searches(chance=0.2, step=1),
    "the same by 2, and the first method was lucky by 12": Searches(chance=0.2, step=2, lucky=12),
    "improved by 4 for 30 rounds, and has stopped": Searches(chance=0.2, step=4, rounds=30, most=300),
    "improved by 1 for 30 rounds, and has stopped": Searches(chance=0.2, step=1, rounds=30, most=300),
    "never improved after the first method": Searches(chance=0.0, step=4, rounds=1, most=300),
}


def main(count: int = 400) -> dict[str, object]:
    """Run all cases and return what was found as JSON values."""
    cases = {
        name: {"searches": asdict(searches), **{rule: asdict(each) for rule, each in run(searches, count, 1).items()}}
        for name, searches in CASES.items()
    }
    return {"settings": SETTINGS.model_dump(), "needed": rounds_needed(SETTINGS), "searches": count, "cases": cases}


if __name__ == "__main__":
    import json
    import sys

    json.dump(main(), sys.stdout, indent=1)
    sys.stdout.write("\n")
