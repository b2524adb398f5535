"""What was tried in a search, as its model is shown it, and the parents that are drawn from it.

All of it is made from what was told whenever it is needed, so that a search that was killed is resumed by telling the
same again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from istar.researchers.feedback import Feedback
from istar.researchers.researcher import Proposal, Telling
from istar.seeds import Seed

DIGITS = 12
"""Hexadecimal digits of its hash by which a method is named."""
WORST = 3
"""How many of the questions on which a method did worst are shown."""
LINE = 200
"""The most characters of an idea, and of an error in the list of what was tried."""


@dataclass(frozen=True)
class Shown:
    """A method of this search as the model is shown it.

    Attributes:
        name: its name.
        digits: of its hash; by these it is read and edited.
        source: its source.
        idea: what the model said of it, in one line.
        reward: its training reward; None if it failed.
        cost: what recording it took, as a share of brute force; None where that is not known.
        families: its reward by family.
        worst: the tasks of the questions on which it did worst, with the rewards there.
        error: why it failed or went no further, in one line; empty if it did not.
    """

    name: str
    digits: str
    source: str
    idea: str
    reward: float | None
    cost: float | None
    families: Mapping[str, float]
    worst: tuple[tuple[str, float], ...]
    error: str


def shown(proposal: Proposal, feedback: Feedback) -> Shown:
    """Return a method as the model is shown it."""
    rewarded = [(each.task, each.reward) for each in feedback.questions if each.reward is not None]
    return Shown(
        name=proposal.name,
        digits=proposal.hash[:DIGITS],
        source=proposal.source,
        idea=str(proposal.parameters.get("idea", "")),
        reward=feedback.reward,
        cost=feedback.cost,
        families=dict(sorted(feedback.families.items())),
        worst=tuple(sorted(rewarded, key=lambda each: each[1])[:WORST]),
        error=one_line(feedback.error or ""),
    )


def one_line(text: str) -> str:
    """Return a text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LINE else line[:LINE] + "..."


def draw_parents(told: Sequence[Telling], count: int, seed: Seed) -> list[Telling]:
    """Return some methods that came through training, better ones more often.

    For each parent a yardstick is drawn, the mean reward or that of one family, so that a method which is good on one
    family alone goes on being varied. By it the methods are ranked, and the one at rank r is drawn with a weight of
    1 / r.

    Args:
        told: the proposals with what was told of them.
        count: how many; fewer where there are not so many.
        seed: of the draws.
    """
    left = [(proposal, feedback) for proposal, feedback in told if _trained(feedback)]
    families = sorted({family for _, feedback in left for family in feedback.families})
    drawn: list[Telling] = []
    while left and len(drawn) < count:
        generator = seed.split("parent", len(drawn)).generator()
        yardstick = ["", *families][int(generator.integers(len(families) + 1))]
        ranked = sorted(left, key=lambda each: _by(yardstick, each[1]), reverse=True)
        weights = [1 / rank for rank in range(1, len(ranked) + 1)]
        parent = ranked[int(generator.choice(len(ranked), p=[each / sum(weights) for each in weights]))]
        drawn.append(parent)
        left.remove(parent)
    return drawn


def _trained(feedback: Feedback) -> bool:
    """Whether a method came through training: a reward in the screen cannot be compared with one in training."""
    return feedback.reward is not None and feedback.stage != "screen"


def _by(yardstick: str, feedback: Feedback) -> float:
    assert feedback.reward is not None
    return feedback.families.get(yardstick, feedback.reward)
