"""A run: one row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from istar.questions.interventions import Intervention, intervention_from_json
from istar.questions.jsonable import describes
from istar.questions.readouts import Path, Readout, readout_from_json


@dataclass(frozen=True)
class Run:
    """What is fed to the model, what is read off, and how the model is modified meanwhile.

    Attributes:
        tokens: the whole input with the answer that is scored, the beginning-of-sequence token first.
        readout: the scalar read off.
        intervention: the modification of the model, or None for the target as it is.
    """

    tokens: tuple[int, ...]
    readout: Readout
    intervention: Intervention | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The token sequences that the model must process for this run."""
        return self.readout.paths(self.tokens)

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        intervention = None if self.intervention is None else self.intervention.to_json()
        return {"tokens": list(self.tokens), "readout": self.readout.to_json(), "intervention": intervention}


@describes("run")
def run_from_json(data: dict[str, Any]) -> Run:
    """Return the run that `to_json` described."""
    intervention = data.get("intervention")
    return Run(
        tuple(data["tokens"]),
        readout_from_json(data["readout"]),
        None if intervention is None else intervention_from_json(intervention),
    )
