"""A reward from validation, through one guard that all episodes of a ledger share.

An agent that is trained over many episodes asks validation as often as it submits, and what each answer gives away adds
up. So there is one Ladder (`istar.protocol.guard`) for all of them, in a run of its own: every submission is a query of
it, whichever episode it comes from, and the reward is what it moved the best published figure by,

    reward of the n-th query = published after it - published before it,

which is 0 for all that is not better by more than noise. The first that is published counts from 0, where methods are
that save nothing. Rewards of all episodes add up to the best figure, so that no more of validation gets out through any
number of episodes than the guard gives away in one search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from istar.methods.contract import MethodError
from istar.protocol.guard import Ladder
from istar.protocol.shuffled_control import coins
from istar.researchers import Proposal

if TYPE_CHECKING:
    from istar.ledger import OpeningRecord
    from istar.protocol.config import SearchConfig
    from istar.protocol.evaluator import Evaluator
    from istar.rewards.formulas import Reward
    from istar.truth.table import Table

GUARDS_RUN = "validation"
"""The run of the shared guard: its proposals are what was submitted, each with the name of its episode."""


@dataclass(frozen=True)
class Judged:
    """What the guard said to a submission.

    Attributes:
        reward: by how much the best published figure rose; 0 if it did not.
        best: whether the method is the best so far.
        published: the figure that is published with it; None if none is.
    """

    reward: float
    best: bool
    published: float | None


NOT_BETTER = Judged(0.0, best=False, published=None)
"""What is said where nothing was published."""


class SharedGuard:
    """Judges what episodes submit on validation questions; what it said before stands in its run.

    Args:
        evaluator: evaluates methods on the validation questions, and holds the book of the guard's run.
        formula: the reward formula.
        tasks: the validation questions by task.
        config: the settings.
    """

    def __init__(
        self, evaluator: Evaluator, formula: Reward, tasks: Mapping[str, tuple[Table, ...]], config: SearchConfig
    ) -> None:
        """See the class docstring."""
        self._evaluator, self._book = evaluator, evaluator.book
        self._formula, self._config = formula, config
        self._tasks = sorted(tasks.values(), key=lambda t: sum(x.brute_flops for x in t) / len(t))
        self._lock = Lock()
        self._said: dict[str, Judged] = {}
        submitted = self._book.ledger.proposals(self._book.run)
        self._numbers = {str(each.parameters["episode"]): each.iteration for each in submitted}
        self._ladder = Ladder()
        of_number = {number: episode for episode, number in self._numbers.items()}
        for opening in self._book.ledger.openings(self._book.run, "validation"):
            method = self._book.proposal(opening.iteration)
            assert method is not None
            before = self._ladder.published
            self._ladder.query(self._rewards(method))
            self._said[of_number[opening.iteration]] = _judged(opening, before)

    def said(self, episode: str) -> Judged | None:
        """Return what it said to an episode's submission, None if it was not asked."""
        return self._said.get(episode)

    def judge(self, episode: str, method: Proposal) -> Judged:
        """Judge what an episode submits; what was judged before is not judged again.

        A method that fails on a validation question is answered as one that is not better: that it fails, or the words
        of its error, could carry any of what it was asked there.
        """
        query = self._numbered(episode, method)
        try:
            self._evaluator.interpret(method)
            rewards = self._rewards(method)
        except MethodError:
            return NOT_BETTER
        with self._lock:
            if (known := self._said.get(episode)) is not None:
                return known
            before = self._ladder.published
            verdict = self._ladder.query(rewards)
            value = verdict.published if verdict.revealed else None
            opening = self._book.open("validation", method.hash, query, verdict.revealed, value)
            self._said[episode] = _judged(opening, before)
            return self._said[episode]

    def _numbered(self, episode: str, method: Proposal) -> int:
        """Return the number of an episode's submission in the guard's run, where it is written if it is not there."""
        with self._lock:
            number = self._numbers.setdefault(episode, len(self._numbers))
            if self._book.proposal(number) is None:
                noted = Proposal(method.source, method.name, parameters={"episode": episode})
                self._book.add_proposal(number, noted)
            return number

    def _rewards(self, method: Proposal) -> dict[str, float]:
        """Return a method's reward on each validation question, by its hash.

        Raises:
            MethodError: it failed.
        """
        curves = self._evaluator.curves("validation", method, self._tasks, coins(self._config, method.hash))
        return {question: reward for (_, question), reward in self._formula.score(*curves).by_question.items()}


def _judged(opening: OpeningRecord, before: float | None) -> Judged:
    if opening.value is None:
        return NOT_BETTER
    return Judged(opening.value - (before or 0.0), best=True, published=opening.value)
