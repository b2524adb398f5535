"""The hold-out guard: what a search may learn from validation tasks.

The Ladder of Blum and Hardt ("The Ladder: A Reliable Leaderboard for Machine Learning Competitions", ICML 2015), in
its form without parameters: the reward of a method is published only when it beats the best published one by more than
the standard error of their difference, rounded to that standard error; otherwise the old best is repeated. One
standard error stops those who ask seldom. A method that differs from the best on a few questions alone has a small one,
and who asks for thousands of such steps would climb on noise all the same; so the difference must exceed as many
standard errors as the greatest of that many draws of noise does, sqrt(2 log n) for the n-th query. Every question is
counted. A method that has the best one's reward on every question, as those have that are bought on none, is as good
by all that validation can say: the guard says that it is tied, publishes nothing, and leaves the choice to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from istar.errors import IstarError


class GuardError(IstarError):
    """Rewards that cannot be compared."""


@dataclass(frozen=True)
class Verdict:
    """What the guard says to one query.

    Attributes:
        query: how many queries there were, this one included.
        revealed: whether a new best is published.
        published: the best published reward, None while there is none.
        standard_error: of the difference from the best, or of the reward itself on the first query.
        needed: how many standard errors the difference had to exceed.
        tied: whether every reward is exactly that of the best method before.
    """

    query: int
    revealed: bool
    published: float | None
    standard_error: float
    needed: float
    tied: bool = False


class Ladder:
    """The guard. It holds the best method's reward on every validation question, and publishes their mean.

    Example:
        >>> guard = Ladder()
        >>> guard.query({"q1": 0.5, "q2": 0.7}).published
        0.6
        >>> guard.query({"q1": 0.6, "q2": 0.65}).revealed  # better by less than its standard error
        False
    """

    def __init__(self) -> None:
        """Start with nothing published."""
        self._best: dict[str, float] = {}
        self._published: float | None = None
        self._queries = 0

    @property
    def queries(self) -> int:
        """How often validation was consulted."""
        return self._queries

    @property
    def published(self) -> float | None:
        """The best published reward, None while there is none."""
        return self._published

    def query(self, rewards: Mapping[str, float]) -> Verdict:
        """Compare a method with the best one.

        Args:
            rewards: the method's reward on each validation question, by any name of the question.

        Raises:
            GuardError: there are fewer than two questions, a reward is not finite, or the questions differ from those
                of the best method.
        """
        if len(rewards) < 2 or not np.isfinite(list(rewards.values())).all():
            raise GuardError(f"the guard needs finite rewards on at least 2 validation questions, not {dict(rewards)}")
        if self._best and set(rewards) != set(self._best):
            raise GuardError(
                f"the best method was judged on {len(self._best)} validation questions and this one on {len(rewards)} "
                "others; judge every method of a search on the same questions"
            )
        self._queries += 1
        names = sorted(rewards)
        mine = np.array([rewards[name] for name in names])
        best = np.array([self._best[name] for name in names]) if self._best else np.zeros(len(names))
        error = float((mine - best).std(ddof=1) / np.sqrt(len(names)))
        needed = standard_errors_needed(self._queries)
        tied = dict(rewards) == self._best  # what is published is rounded, so this one's mean may be above it
        revealed = self._published is None or (not tied and float(mine.mean()) > self._published + needed * error)
        if revealed:
            self._best, self._published = dict(rewards), _rounded(float(mine.mean()), error)
        return Verdict(self._queries, revealed, self._published, error, needed, tied)


def standard_errors_needed(queries: int) -> float:
    """Return by how many standard errors the last of some queries must be better than the best before."""
    return max(1.0, float(np.sqrt(2 * np.log(queries))))


def _rounded(value: float, error: float) -> float:
    """Round to the power of ten just below the standard error: digits that carry no information are not published."""
    if error <= 0:
        return value
    return round(value, max(0, -int(np.floor(np.log10(error)))))
