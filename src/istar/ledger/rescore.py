"""Rewards computed again from stored curves, under any formula; nothing is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from istar.ledger.reader import LedgerReader
from istar.ledger.records import Stage
from istar.rewards.formulas import Reward

STAGES: tuple[Stage, ...] = ("screen", "train", "validation", "test")


@dataclass(frozen=True)
class Rescored:
    """A method's reward at one stage under the new formula.

    Attributes:
        iteration: the round in which the method was proposed.
        method: hash of the method.
        name: its name for people.
        stage: the stage whose curves were used.
        reward: the new reward.
        standard_error: of it, None with a single question.
        by_task: the new reward of each task.
    """

    iteration: int
    method: str
    name: str
    stage: Stage
    reward: float
    standard_error: float | None
    by_task: Mapping[str, float]


def rescore(ledger: LedgerReader, run: str, reward: Reward) -> tuple[Rescored, ...]:
    """Return the reward of every method at every stage that it finished, in the order of the search.

    A stage on one of whose questions the method failed has no reward.

    Args:
        ledger: an open ledger.
        run: name of the run.
        reward: the formula.
    """
    failed = {(each.stage, each.method) for each in ledger.evaluations(run) if each.status != "ok"}
    found = []
    for proposal in ledger.proposals(run):
        for stage in STAGES:
            if (stage, proposal.method) in failed:
                continue
            black, white = ledger.paired_curves(run, stage, proposal.method)
            if white:
                score = reward.score(black, white)
                found.append(
                    Rescored(
                        iteration=proposal.iteration,
                        method=proposal.method,
                        name=proposal.name,
                        stage=stage,
                        reward=score.reward,
                        standard_error=score.standard_error,
                        by_task=score.by_task,
                    )
                )
    return tuple(found)
