"""Commands that messages advise: what is advised is what works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from istar.targets import Target

PLACEHOLDER = "NAME"
"""Stands for a target of which nothing but its id is known: no command finds one by its id."""
CHANGED = "the family, what it draws from, a plug-in that computes its values or the target's tokenizer has changed"
"""Why a table is not what would be built now."""
IDENTITY = re.compile(r"[0-9a-f]{12,64}")


def name_of(target: Target | str, known: str | None = None) -> str:
    """Return what a command finds a target by.

    Args:
        target: a target, or the id, name or folder of one.
        known: what the target is called that has this id.
    """
    name = target if isinstance(target, str) else target.name
    if not IDENTITY.fullmatch(name):
        return name
    return known or PLACEHOLDER


def build_command(
    names: Sequence[str],
    target: Target | str | None = None,
    *,
    questions: int | None = None,
    seed: int = 0,
    dtype: str = "float32",
    known: str | None = None,
) -> str:
    """Return the command line that builds tables.

    Args:
        names: tasks, families or splits.
        target: a target, or the id, name or folder of one; None for each task's own.
        questions: how many of each task; None for the command's own number.
        seed: the root seed of the questions.
        dtype: type of the weights, unless a target says it.
        known: what the target is called, if an id is given.
    """
    parts = ["istar", "truth", "build", *names]
    if target is not None:
        parts += ["--target", name_of(target, known)]
    if target is not None and not isinstance(target, str):
        dtype = str(target.dtype).removeprefix("torch.")
    if dtype != "float32":
        parts += ["--dtype", dtype]
    if questions is not None:
        parts += ["--questions", str(questions)]
    if seed:
        parts += ["--seed", str(seed)]
    return shlex.join(parts)
