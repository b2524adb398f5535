"""Simulated evaluations whose truth is known: do intervals cover it, and does noise pass for progress?

Questions are drawn from tasks, tasks from a population; how many times fewer FLOPs a method needs has heavy tails, and
executor seeds add noise to every curve. What an interval should cover is the mean over the population.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from reward_curves import OCTAVES, make_curve

from istar.protocol.guard import Ladder
from istar.rewards import Curve, compare
from istar.rewards.memorised import memorisation
from istar.seeds import Seed

LEVEL = 0.8


@dataclass(frozen=True)
class Population:
    """Where simulated questions come from; multipliers in octaves (factors of two).

    Attributes:
        tasks: tasks of an evaluation.
        questions: questions of each.
        seeds: executor seeds of each.
        mean: mean octaves saved.
        between: standard deviation of a task's mean.
        within: scale of a question's deviation.
        freedom: degrees of freedom of its Student's t; 3 has heavy tails.
        noise: standard deviation of a skill about its curve.
        mixed: the share of questions on which the method says nothing, so that both arms are the same.
    """

    tasks: int = 1
    questions: int = 8
    seeds: int = 2
    mean: float = 1.0
    between: float = 0.0
    within: float = 0.5
    freedom: float = 3.0
    noise: float = 0.02
    mixed: float = 0.0

    def draw(self, generator: np.random.Generator) -> tuple[list[Curve], list[Curve]]:
        """Return the curves of both arms in one evaluation."""
        black, white = [], []
        for task in range(self.tasks):
            centre = self.mean + self.between * generator.standard_normal()
            for question in range(self.questions):
                half = generator.uniform(-5.0, -3.0)
                saved = centre + self.within * float(generator.standard_t(self.freedom))
                silent = generator.random() < self.mixed
                for seed in range(self.seeds):
                    names = {"task": f"family{task}/data", "question": f"q{question}", "seed": seed}
                    alone = self._skill(half, generator)
                    black.append(make_curve(alone, arm="black_box", **names))
                    heard = alone if silent else self._skill(half - saved, generator)
                    white.append(make_curve(heard, arm="white_box", **names))
        return black, white

    def _skill(self, half: float, generator: np.random.Generator) -> np.ndarray:
        """Return a skill that rises from 0 to 1 about some octave."""
        skill = 1 / (1 + np.exp(-1.5 * (OCTAVES - half))) + self.noise * generator.standard_normal(len(OCTAVES))
        skill[-1] = 1.0
        return skill

    def truth(self, generator: np.random.Generator, draws: int = 400) -> float:
        """Return the mean of the log multiplier as it is measured, budgets that end at brute force included."""
        many = Population(**{**vars(self), "tasks": 1, "questions": 50, "between": 0.0})
        found = []
        for _ in range(draws // 10):
            shifted = Population(**{**vars(many), "mean": self.mean + self.between * generator.standard_normal()})
            found.append(np.log(_multiplier(shifted.draw(generator), 1).estimate))
        return float(np.mean(found))


def _multiplier(curves: tuple[list[Curve], list[Curve]], resamples: int, seed: int = 0):
    return compare(*curves, levels=(LEVEL,), resamples=resamples, seed=Seed.root(seed)).overall.multipliers[LEVEL]


@dataclass(frozen=True)
class Coverage:
    """What intervals did in repeated evaluations.

    Attributes:
        evaluations: how many.
        held: share of intervals that held the truth.
        above: share of intervals that lay above it.
        below: share of intervals that lay below it.
    """

    evaluations: int
    held: float
    above: float
    below: float


def coverage(population: Population, evaluations: int, seed: int, resamples: int = 400) -> Coverage:
    """Return how often the interval of the multiplier holds the population's mean."""
    generator = np.random.default_rng(seed)
    truth = population.truth(generator, 2000)
    intervals = [_multiplier(population.draw(generator), resamples, number) for number in range(evaluations)]
    above = float(np.mean([np.log(each.low) > truth + 1e-9 for each in intervals]))
    below = float(np.mean([np.log(each.high) < truth - 1e-9 for each in intervals]))
    return Coverage(evaluations, 1 - above - below, above, below)


def climb(queries: int, questions: int, seed: int, *, guarded: bool) -> float:
    """Return how many standard errors an adversary who only has noise gains on what it was told is best.

    The adversary asks about `queries` methods of pure noise, keeps what was published as better, and varies it: it
    flips the sign of a method's part on random questions and keeps what is told to be better. Its gain is the mean
    reward of what it holds on the validation questions; on fresh questions that would be 0.

    Args:
        queries: how many methods it asks about.
        questions: validation questions.
        seed: of the simulation.
        guarded: whether it is told through the Ladder, or the plain mean of every query.
    """
    generator = np.random.default_rng(seed)
    names = [f"q{number}" for number in range(questions)]
    ladder, best = Ladder(), -np.inf
    held = generator.standard_normal(questions)
    for _ in range(queries):
        fresh = generator.standard_normal(questions)
        candidate = np.where(generator.random(questions) < 0.2, fresh, held)
        if guarded:
            better = ladder.query(dict(zip(names, candidate.tolist(), strict=True))).revealed
        else:
            better = float(candidate.mean()) > best
            best = max(best, float(candidate.mean()))
        if better:
            held = candidate
    return float(held.mean()) * np.sqrt(questions)


def marked(methods: int, evaluations: int, seed: int, *, tasks: int = 16, questions: int = 4) -> float:
    """Return the share of methods that know no answer, but are marked as memorised.

    Every method is worth the same; on a question its reward deviates from that with heavy tails, and on half of them it
    is silent. As a search does, the method with the highest reward on committed questions is kept, and asked as many
    fresh ones.

    Args:
        methods: how many the kept one is the best of.
        evaluations: how often this is tried.
        seed: of the simulation.
        tasks: tasks that are asked.
        questions: committed questions of each, and fresh ones.
    """
    generator = np.random.default_rng(seed)

    def rewards(size: tuple[int, ...]) -> np.ndarray:
        return generator.standard_t(3.0, size) * (generator.random(size) < 0.5)

    found = 0
    for number in range(evaluations):
        known = rewards((methods, tasks, questions))
        best, fresh = known[known.mean((1, 2)).argmax()], rewards((tasks, questions))
        committed, drawn = (dict(zip(map(str, range(tasks)), each.tolist(), strict=True)) for each in (best, fresh))
        result = memorisation(committed, drawn, Seed.root(number))
        assert result is not None
        found += bool(result.memorised)
    return found / evaluations


POPULATIONS = {
    "one task, 4 questions, heavy tails": Population(questions=4),
    "one task, 8 questions, heavy tails": Population(questions=8),
    "one task, 12 questions, heavy tails": Population(questions=12),
    "two tasks of 4 questions": Population(tasks=2, questions=4, between=0.3),
    "four tasks of 4 questions": Population(tasks=4, questions=4, between=0.3),
    "sixteen tasks of 4 questions": Population(tasks=16, questions=4, between=0.3),
    "nothing saved, 8 questions": Population(mean=0.0),
    "nothing saved, four tasks, mostly silent": Population(tasks=4, questions=4, mean=0.0, within=0.3, mixed=0.7),
    "nothing saved, sixteen tasks": Population(tasks=16, questions=4, mean=0.0, between=0.3),
}


def run(evaluations: int = 400, queries: int = 10_000, adversaries: int = 20) -> dict[str, object]:
    """Run all simulations and return what they found as JSON values."""
    intervals = {
        name: {**vars(coverage(population, evaluations, seed=1)), "null": population.mean == 0.0}
        for name, population in POPULATIONS.items()
    }
    gains = {
        "through the guard": [climb(queries, 24, seed, guarded=True) for seed in range(adversaries)],
        "without it": [climb(queries, 24, seed, guarded=False) for seed in range(adversaries)],
    }
    return {
        "intervals": intervals,
        "memorised": {
            "evaluations": evaluations,
            "best_of": {methods: marked(methods, evaluations, seed=1) for methods in (1, 4, 24, 72)},
        },
        "adversary": {
            "queries": queries,
            "questions": 24,
            "standard_errors_gained": {
                name: {"mean": float(np.mean(each)), "most": float(np.max(each))} for name, each in gains.items()
            },
        },
    }


if __name__ == "__main__":
    import json
    import sys

    json.dump(run(), sys.stdout, indent=1)
