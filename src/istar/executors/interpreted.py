"""Executors that read: in the white-box arm they are told, in words, what a method learned of the target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from istar.texts import storable

LONGEST_SUMMARY = 4_000
"""Characters of a summary that are read."""


class InterpretationReader(ABC):
    """What an executor is, besides an `Executor`, that wants the summary of a method's interpretation."""

    @abstractmethod
    def read(self, state: Any, summary: str) -> Any:
        """Return the state with which a question is answered in the white-box arm.

        Args:
            state: what `learn` returned.
            summary: what the method's interpretation says of itself; never empty, and not to be trusted.
        """


def summary_of(data: Any) -> str:
    """Return the summary that an interpretation's data holds: the text under `summary`, cut; empty if there is none."""
    found = data.get("summary") if isinstance(data, Mapping) else None
    return storable(found[:LONGEST_SUMMARY]) if isinstance(found, str) else ""
