"""Rewards under another formula, from stored curves: nothing is run again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from istar.ledger import Ledger
from istar.rewards.formulas import Reward


@dataclass(frozen=True)
class Rescored:
    """A method's training reward under another formula.

    Attributes:
        iteration: the round that proposed it.
        name: the method's name.
        method: hash of its source.
        before: the reward the researcher was told.
        reward: the reward under the formula asked for.
        standard_error: of it; None with a single question.
    """

    iteration: int
    name: str
    method: str
    before: float | None
    reward: float
    standard_error: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def rescore(ledger: Ledger, run: str, formula: Reward) -> tuple[Rescored, ...]:
    """Return the training rewards of a run's methods under a formula, the best first.

    Methods that the cascade stopped before the training stage have no training curves and are left out.
    """
    names = {proposal.iteration: proposal.name for proposal in ledger.proposals(run)}
    rescored = []
    for outcome in ledger.rounds(run):
        black, white = ledger.paired_curves(run, "train", outcome.method)
        if outcome.status != "ok" or not white:
            continue
        score = formula.score(black, white)
        rescored.append(
            Rescored(
                outcome.iteration,
                names[outcome.iteration],
                outcome.method,
                outcome.reward,
                score.reward,
                score.standard_error,
            )
        )
    return tuple(sorted(rescored, key=lambda each: -each.reward))
