"""A run: one row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from istar.questions.interventions import Intervention, intervention_from_json
from istar.questions.jsonable import describes
from istar.questions.readouts import Path, Readout, ReadoutError, readout_from_json

if TYPE_CHECKING:
    from torch import Tensor


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
        """The token sequences that the model must process for this run.

        Raises:
            ReadoutError: the readout does not fit the tokens, or reads where there are none.
        """
        paths = self.readout.paths(self.tokens)
        for path in paths:
            if path.reads and not 0 <= min(path.reads) <= max(path.reads) < len(path.tokens):
                raise ReadoutError(
                    f"the readout {self.readout.kind!r} reads the positions {list(path.reads)} of a sequence of "
                    f"{len(path.tokens)} tokens; they count from 0, and the last is {len(path.tokens) - 1}"
                )
        return paths

    def value(self, log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """Return the run's value; see `Readout.value`.

        Raises:
            ReadoutError: it is no number.
        """
        found = self.readout.value(self.tokens, log_probs)
        try:
            return float(found)
        except (TypeError, ValueError, RuntimeError) as error:  # the last is a tensor's of several numbers
            raise ReadoutError(
                f"`value` of the readout {self.readout.kind!r} returned a {type(found).__name__}, not one number: "
                f"{error}"
            ) from error

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
