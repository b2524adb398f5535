"""What decides the arms: the executor and its seeds, what a method may use, and how it is run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(strict=True, gt=0, le=10**6)]
"""How many of something; more is a slip of the hand."""
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
"""Neither words nor other numbers are taken for one: `"unsafe": "on"` is no `true`, `"methods": true` no 1."""
Name = Annotated[str, Field(min_length=1, max_length=1000)]


class Strict(BaseModel):
    """Settings that refuse what they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Caps(Strict):
    """How much of a question a method may look at."""

    rows_fraction: Number = Field(default=1.0, gt=0, le=1)
    """Channels are recorded for at most this share of the rows."""
    flops_fraction: Number = Field(default=0.5, gt=0)
    """Recording ends after the batch whose cumulative FLOPs pass this share of brute force."""
    seconds: Number = Field(default=600.0, gt=0)
    """Seconds of one question after which the worker is killed; what it waits for a processor does not count."""


INTERPRET_TIMES = 4
"""How many times as long as on one question a method may take to interpret the target."""


class ArmSettings(Strict):
    """Settings of the two arms, whatever they are compared for."""

    executor: str = "statistician"
    """Registry name of the executor, M2."""
    executor_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the executor."""
    environment_seed: Whole = Field(default=0, ge=0, lt=2**63)
    """The root of all other randomness: the generic text, the order in which rows are offered, what methods draw, the
    executor. Searches that share it meet the same environment, and find what others computed in it."""
    side_by_side: Whole = Field(default=1, gt=0, le=1024)
    """How many methods are proposed together and evaluated in parallel, each by a worker of its own."""
    threads: Whole = Field(default=2, gt=0, le=1024)
    """Threads of each worker."""
    executor_seeds: Whole = Field(default=4, gt=0, le=10**4)
    """Executor seeds a curve is made for, paired across the two arms."""
    caps: Caps = Caps()
    """How much of each question a method may look at."""
    unsafe: Flag = False
    """Run methods in a plain subprocess where the sandbox cannot be had. Recorded, and never the default."""


def differing(known: Mapping[str, Any], stated: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that are stated otherwise than they are known.

    Args:
        known: all settings of what was begun.
        stated: all settings, or only those that somebody gives.
    """
    return sorted(name for name, value in stated.items() if known[name] != value)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
