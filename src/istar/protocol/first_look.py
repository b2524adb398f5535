"""A first look at a method: which questions are asked where nobody says which.

All questions of a split take long, so a first look asks the first questions of the cheapest tasks, as many as fit into
a fixed number of FLOPs. The rule knows prices alone: not what a method answers, or the figure of a method that is
stopped where it looks good would be too good; and not the clock, or the figure would depend on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from istar.protocol.config import StageSize

if TYPE_CHECKING:
    from istar.arms.settings import Caps
    from istar.protocol.config import SearchConfig
    from istar.truth import TaskSummary

QUESTIONS = 2
"""Questions of each task in a first look: what a method is worth on one is learned on the other."""
FLOPS = 3 * 10**13
"""What the recordings of a first look may cost at most: about five minutes on two cores of the year 2025."""


@dataclass(frozen=True)
class FirstLook:
    """What a first look asks of a split.

    Attributes:
        tasks: the tasks that are asked, the cheapest first.
        left_out: how many further questions of each sound task would be asked otherwise, the cheapest task first.
    """

    tasks: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def unasked(self) -> tuple[str, ...]:
        """The tasks of which nothing is asked, the cheapest first."""
        return tuple(task for task in self.left_out if task not in self.tasks)

    def narrow(self, config: SearchConfig, split: Literal["train", "validation"]) -> SearchConfig:
        """Return settings under which a split's stage asks this."""
        size = StageSize(questions=QUESTIONS, tasks=self.tasks)
        return config.model_copy(update={split: size})


def most_recording_flops(brute_flops: int, caps: Caps) -> int:
    """Return what recording a method on a question may cost: beyond twice its cap it is cut off."""
    return int(min(1.0, 2 * caps.flops_fraction) * brute_flops)


def first_look(
    summaries: Sequence[TaskSummary], split: str, caps: Caps, wanted: int, flops: int = FLOPS
) -> FirstLook | None:
    """Return what a first look asks; None where all that is wanted fits into it, or there is nothing to ask.

    Args:
        summaries: the tasks with what their questions cost.
        split: the split whose sound tasks may be asked.
        caps: how much of each question a method may look at.
        wanted: questions of each task that would be asked otherwise.
        flops: what the recordings may cost; the cheapest task is asked even if it costs more.
    """
    sound = [each for each in summaries if each.status == "active" and each.split == split]
    prices = {each.name: most_recording_flops(each.brute_flops, caps) for each in sound}
    whole = sum(min(wanted, each.questions) * prices[each.name] for each in sound)
    if not sound or whole <= flops:
        return None
    order = sorted(prices, key=lambda name: (prices[name], name))
    asked = [order[0]]
    spent = QUESTIONS * prices[order[0]]
    for name in order[1:]:
        spent += QUESTIONS * prices[name]
        if spent > flops:
            break
        asked.append(name)
    there = {each.name: min(wanted, each.questions) for each in sound}
    left = {name: there[name] - (QUESTIONS if name in asked else 0) for name in order}
    return FirstLook(tuple(asked), {name: count for name, count in left.items() if count > 0})
