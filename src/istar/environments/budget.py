"""What an episode may spend, and what is left of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError

from istar.arms.settings import Strict
from istar.errors import IstarError


class EpisodeError(IstarError):
    """An episode that cannot be begun, gone on with, or used so."""


class Budget(Strict):
    """What the tools of an episode may spend before its method is submitted; the submission is free."""

    flops: Annotated[int, Field(strict=True, gt=0, lt=2**63)] = 10**15
    """FLOPs of recording methods on training questions, each method on each question counted once."""
    seconds: Annotated[float, Field(gt=0, le=10**7)] = 3600.0
    """Wall-clock seconds of checks and scores."""
    checks: Annotated[int, Field(strict=True, gt=0, le=10**6)] = 100
    """How many checks."""


def budget_of(**limits: Any) -> Budget:
    """Return a budget with these limits, the others being the default's.

    Raises:
        EpisodeError: one is not positive, or there is none of this name; the message says which.
    """
    try:
        return Budget(**limits)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise EpisodeError(
            f"no episode can have this budget: {faults}; state what it may spend of "
            f"{', '.join(Budget.model_fields)}, each more than 0, or leave it to the default"
        ) from None


class Left(Strict):
    """What is left of a budget."""

    flops: int
    """FLOPs; below 0 where the task that was asked last took more than there were."""
    seconds: float
    """Seconds, likewise."""
    checks: int
    """Checks."""

    def refusal(self, tool: str) -> str:
        """Return why a check or a score is not made, empty if it is."""
        if self.seconds <= 0:
            return f"no {tool} is made: the seconds of this episode are spent; submit a method"
        if tool == "check" and self.checks <= 0:
            return "no check is made: those of this episode are spent; score a method, or submit one"
        if tool == "score" and self.flops <= 0:
            return "no score is made: the FLOPs of this episode are spent; submit a method"
        return ""
