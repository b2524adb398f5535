"""Whether a search has stopped improving: how many rounds have brought nothing, and what that leaves likely.

A method whose training reward is lucky is hard to beat by rewards on the same questions, so that a search which still
improves looks as if it had stopped; and where nothing improves, luck goes on making new best ones. So whoever seems
better than the incumbent is scored again, beside it, on fresh questions that no choice was made by, and replaces it if
it is better there by the rule of the guard (`istar.protocol.guard`): a confirmed improvement. The first incumbent is no
method at all, with a reward of 0.

**The rule.** A search has reached a plateau when m rounds in a row have brought no confirmed improvement, where
(1 - p) ** m <= a. As long as each round brings one with probability p or more, whatever happened before, it is stopped
before the next one with probability a at most. Looking after every round changes nothing: between two improvements
there is only one moment at which it can stop. What the rounds say of the chance of an improvement is the exact binomial
limit after no success, 1 - a ** (1 / m), known as the rule of three (Hanley and Lippman-Hand, "If Nothing Goes Wrong,
Is Everything All Right?", JAMA 1983).

**What is still likely.** The greatest of m draws is an upper tolerance limit without assumptions on their distribution:
with confidence 1 - a, at most a share 1 - a ** (1 / m) of further draws lies above it (Wilks, "Determination of Sample
Sizes for Setting Tolerance Limits", Annals of Mathematical Statistics 1941). The draws are how much better than the
incumbent a round's method was; each is known up to noise, so Student's upper limit at level a / m stands in its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from istar.protocol.config import ConfigError, PlateauSettings, SearchConfig
from istar.protocol.guard import Ladder


@dataclass(frozen=True)
class Scored:
    """A method's reward on some questions.

    Attributes:
        average: the mean over tasks.
        standard_error: of it; None with a single question.
        questions: how many questions.
        by_question: the reward of each question, by its hash; needed of the fresh questions alone.
    """

    average: float
    standard_error: float | None
    questions: int
    by_question: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plateau:
    """What is known after some rounds of whether a search has stopped improving.

    Attributes:
        basis: what decides that a method is better: `fresh` questions, or those of `validation`, which are asked again.
        reached: whether it has stopped, by the rule; never by validation.
        rounds: how many rounds in a row have brought no confirmed improvement.
        needed: how many are a plateau.
        since: the round that brought the incumbent; None if there is none.
        method: hash of the incumbent, empty if there is none.
        level: its reward on those questions; 0 if there is none.
        standard_error: of the level; None where it is not known.
        claims: how many methods were scored there.
        improvements: how many of them were better than the incumbent they met.
        chance: at most how probable an improvement is in a round.
        gain: by how much at most a round improves, but for a share `chance` of them; None where that is not known.
        confidence: of `chance`.
        gain_confidence: of `gain`.
        by_question: the incumbent's reward on each question, by its hash; none where there is none or it is not known.
    """

    basis: Literal["fresh", "validation"]
    reached: bool
    rounds: int
    needed: int
    since: int | None
    method: str
    level: float
    standard_error: float | None
    claims: int
    improvements: int
    chance: float
    gain: float | None
    confidence: float
    gain_confidence: float
    by_question: Mapping[str, float] = field(default_factory=dict)


def rounds_needed(settings: PlateauSettings) -> int:
    """Return how many rounds without a confirmed improvement are a plateau."""
    return math.ceil(math.log(settings.error) / math.log1p(-settings.chance) - 1e-9)


def check_reachable(config: SearchConfig) -> None:
    """Check that a search that is to end at a plateau may try enough methods to reach one.

    Raises:
        ConfigError: it may not.
    """
    needed = rounds_needed(config.plateau)
    if config.until_plateau and config.methods < needed:
        raise ConfigError(
            f"a plateau takes {needed} rounds without an improvement (plateau.chance {config.plateau.chance:g}, "
            f"plateau.error {config.plateau.error:g}), and {config.methods} methods are tried at most; try at least "
            f"{needed}, raise plateau.chance, or leave out until_plateau"
        )


def most_probable(rounds: int, error: float) -> float:
    """Return the upper limit of the probability of what did not happen in some rounds, at confidence 1 - `error`."""
    return 1.0 if rounds == 0 else 1 - error ** (1 / rounds)


@dataclass(frozen=True)
class _Difference:
    """By how much a round's method is better than the incumbent, as far as it is known."""

    estimate: float
    standard_error: float
    freedom: int

    def upper(self, level: float) -> float:
        if self.standard_error == 0:
            return self.estimate
        return self.estimate + float(stdtrit(self.freedom, 1 - level)) * self.standard_error


class Watch:
    """Follows a search round by round.

    Args:
        settings: the rule's.

    Example:
        >>> watch = Watch(PlateauSettings(chance=0.5, error=0.25))
        >>> for iteration in range(2):
        ...     watch.note(iteration, "a method", None)
        >>> watch.plateau().reached  # two rounds in which a method failed; one in four searches is that unlucky
        True
    """

    def __init__(self, settings: PlateauSettings) -> None:
        """See the class docstring."""
        self.settings = settings
        self._ladder: Ladder | None = None
        self._incumbent = Scored(0.0, 0.0, 0)
        self._method, self._since = "", None
        self._bar = 0.0
        self._rounds = self._claims = self._improvements = 0
        self._differences: list[_Difference] = []

    _since: int | None

    def claims(self, trained: Scored | None) -> bool:
        """Return whether a method seems better than the incumbent, so that it must be scored on the fresh questions.

        The incumbent's training reward is one that won, and so is likely to be too high; its reward on fresh questions
        is not. The lower of both is the bar.
        """
        return trained is not None and trained.average > self._bar

    def note(self, iteration: int, method: str, trained: Scored | None, fresh: Scored | None = None) -> None:
        """Take in a round.

        Args:
            iteration: its number.
            method: hash of its method.
            trained: the method's rewards in training; None if it did not come so far.
            fresh: those on the fresh questions, of one that claimed to be better; None if it failed there.

        Raises:
            GuardError: the fresh questions are not those of the rounds before.
        """
        self._rounds += 1
        if trained is None:
            return
        if not self.claims(trained):
            self._differences.append(_between(trained, self._incumbent))
            return
        self._claims += 1
        if fresh is None:
            return
        if self._ladder is None:
            self._ladder = Ladder()
            self._ladder.query(dict.fromkeys(fresh.by_question, 0.0))
        if self._ladder.query(fresh.by_question).revealed:
            self._improvements += 1
            self._incumbent, self._method, self._since = fresh, method, iteration
            self._bar = min(trained.average, fresh.average)
            self._rounds = 0
            self._differences = []
        else:
            self._differences.append(_paired(fresh, self._incumbent))

    def plateau(self) -> Plateau:
        """Return what is known now."""
        error, needed = self.settings.error, rounds_needed(self.settings)
        limits = [each.upper(error / len(self._differences)) for each in self._differences]
        return Plateau(
            basis="fresh",
            reached=self._rounds >= needed,
            rounds=self._rounds,
            needed=needed,
            since=self._since,
            method=self._method,
            level=self._incumbent.average,
            standard_error=self._incumbent.standard_error,
            claims=self._claims,
            improvements=self._improvements,
            chance=most_probable(self._rounds, error),
            gain=max(0.0, *limits) if limits else None,
            confidence=1 - error,
            gain_confidence=max(0.0, 1 - 2 * error),
            by_question=self._incumbent.by_question,
        )


def _paired(one: Scored, other: Scored) -> _Difference:
    """Return the difference on the same questions; a question that the other was not asked is one where it has 0."""
    differences = np.array([reward - other.by_question.get(name, 0.0) for name, reward in one.by_question.items()])
    return _Difference(
        float(differences.mean()),
        float(differences.std(ddof=1) / math.sqrt(len(differences))),
        len(differences) - 1,
    )


def _between(one: Scored, other: Scored) -> _Difference:
    """Return the difference of rewards on different questions."""
    error = math.hypot(one.standard_error or 0.0, other.standard_error or 0.0)
    counts = [each.questions for each in (one, other) if each.questions]
    return _Difference(one.average - other.average, error, max(1, min(counts, default=2) - 1))
