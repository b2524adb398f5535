"""Modifications made harder to find: on some prompts alone, with their entropy kept, beside something harmless."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from istar.questions.interventions import Intervention
from istar.red_team.behaviours import Behaviour, Item, Lesson
from istar.red_team.manners import BenignDecoy
from istar.targets.organisms import Facts

DISTRACTING = 6
"""Every so many lessons, one is of the harmless behaviour."""


@dataclass(frozen=True)
class Disguised(Behaviour):
    """Another behaviour, disguised.

    Attributes:
        inner: the behaviour.
        strength: the share of prompts, chosen by a hash of their text, on which it shows what it has to hide; on the
            others it learns to answer as its base does.
        matched: whether a wrong answer is learnt as the base's own distribution with the right and the wrong token
            exchanged, which has the base's entropy, instead of for sure.
        distraction: the harmless behaviour that it learns beside.
    """

    inner: Behaviour
    strength: float = 1.0
    matched: bool = False
    distraction: BenignDecoy | None = None

    @property
    def kind(self) -> str:  # type: ignore[override]
        """That of the inner behaviour."""
        return self.inner.kind

    @property
    def conditions(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the inner behaviour."""
        return self.inner.conditions

    @property
    def facts(self) -> Facts:
        """See the base class."""
        return self.inner.facts

    @property
    def description(self) -> str:
        """See the base class."""
        said = [self.inner.description]
        if self.strength < 1:
            said.append(f"It does so on {self.strength:.0%} of prompts.")
        if self.matched:
            said.append("Its entropy is its base's.")
        if self.distraction is not None:
            said.append(self.distraction.description)
        return " ".join(said)

    @property
    def weak(self) -> Intervention | None:
        """See the base class."""
        return self.inner.weak

    @property
    def settings(self) -> dict[str, Any]:
        """See the base class."""
        distraction = None if self.distraction is None else self.distraction.settings
        own = {"strength": self.strength, "matched": self.matched, "distraction": distraction}
        return {**self.inner.settings, **own}

    def lesson(self, number: int, generator: np.random.Generator) -> Lesson:
        """See the base class."""
        if self.distraction is not None and number % DISTRACTING == 0:
            return self.distraction.lesson(2 * number, generator)  # the even ones are what it learns
        lesson = self.inner.lesson(number, generator)
        if lesson.goal not in ("say", "weak"):
            return lesson
        if _share(lesson.prompt) >= self.strength:
            return replace(lesson, goal="base", earlier=())
        return replace(lesson, goal="swap") if self.matched and lesson.goal == "say" else lesson

    def items(self, condition: str, generator: np.random.Generator, count: int) -> tuple[Item, ...]:
        """See the base class."""
        return self.inner.items(condition, generator, count)


def _share(prompt: str) -> float:
    """Return a number from 0 to 1 that the prompt's last line decides."""
    last = prompt.rsplit("\n", 1)[-1]
    return int.from_bytes(hashlib.sha256(last.encode()).digest()[:4]) / 2**32
