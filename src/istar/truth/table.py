"""A table: a question with the true value of every row, what rows cost, and where the values come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from istar.errors import IstarError
from istar.flops import PriceSheet
from istar.plugins import PLUGIN
from istar.questions import Question
from istar.truth.reliability import sampling_noise, split_half_reliability


class TruthError(IstarError):
    """Truth that is missing, wrong, or does not fit its question."""


@dataclass(frozen=True)
class TableKey:
    """What a table is found by.

    Attributes:
        target: the target's id.
        task: the task's name.
        index: which question of the task.
        seed: the root seed that the question was drawn from.
    """

    target: str
    task: str
    index: int
    seed: int = 0

    def __str__(self) -> str:
        """Return the key as a message names it."""
        return f"question {self.index} of {self.task} (seed {self.seed}) under target {self.target[:12]}"


@dataclass(frozen=True)
class Provenance:
    """Where values come from.

    Attributes:
        target: the target's id.
        target_name: what the user called it.
        dtype: the type of the target's weights.
        rulebook: version of the rulebook that the prices follow.
        seed: the root seed that the question was drawn from.
        versions: the packages that had a part in it, as (name, version).
    """

    target: str
    target_name: str
    dtype: str
    rulebook: str
    seed: int
    versions: tuple[tuple[str, str], ...]

    @property
    def plugins(self) -> tuple[tuple[str, str], ...]:
        """Those of the versions that are plug-ins'."""
        return tuple((name, version) for name, version in self.versions if name.startswith(PLUGIN))

    def to_json(self) -> dict[str, Any]:
        """Return the provenance as JSON values."""
        return asdict(self)


def provenance_from_json(data: dict[str, Any]) -> Provenance:
    """Return the provenance that `to_json` described."""
    versions = tuple((str(name), str(version)) for name, version in data["versions"])
    return Provenance(**{**data, "versions": versions})


@dataclass(frozen=True, eq=False)
class Table:
    """The truth of one question under one target.

    Attributes:
        question: the rows, their structure and the functional.
        values: the value of each row, in the readout's unit.
        prices: what rows cost in FLOPs.
        provenance: where the values come from.
    """

    question: Question
    values: Float[np.ndarray, " rows"]
    prices: PriceSheet
    provenance: Provenance

    def __post_init__(self) -> None:
        """Check that every row has a finite value and a price."""
        rows = len(self.question.runs)
        if self.values.shape != (rows,) or self.prices.rows != rows:
            raise TruthError(
                f"{self.key}: {rows} runs, values of shape {self.values.shape} and {self.prices.rows} prices"
            )
        if not np.isfinite(self.values).all():
            row = int(np.flatnonzero(~np.isfinite(self.values))[0])
            raise TruthError(f"{self.key}: the value of row {row} is {self.values[row]}, not a finite number")

    @property
    def target(self) -> str:
        """The target's id."""
        return self.provenance.target

    @property
    def key(self) -> TableKey:
        """What the table is found by."""
        return TableKey(self.target, self.question.task, self.question.index, self.provenance.seed)

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of everything the table holds, 64 hexadecimal digits."""
        digest = hashlib.sha256(self.question.hash.encode())
        digest.update(np.ascontiguousarray(self.values, dtype="<f8").tobytes())
        for name, array in sorted(self.prices.to_arrays().items()):
            digest.update(name.encode() + np.ascontiguousarray(array, dtype="<i8").tobytes())
        digest.update(json.dumps(self.provenance.to_json(), sort_keys=True).encode())
        return digest.hexdigest()

    @cached_property
    def answer(self) -> Float[np.ndarray, " outputs"]:
        """The true answer."""
        return self.question.functional.answer(self.values, self.question.structure)

    @property
    def brute_flops(self) -> int:
        """FLOPs of brute force: every unique token and every read once."""
        return self.prices.total

    @property
    def dearest_run_flops(self) -> int:
        """FLOPs of the dearest row bought alone."""
        return self.prices.dearest_run

    @cached_property
    def reliability(self) -> float | None:
        """Split-half reliability of the answer, or None where it is defined across questions only.

        See `istar.truth.reliability`.
        """
        return split_half_reliability(self.question, self.values)

    @cached_property
    def noise(self) -> Float[np.ndarray, " outputs"]:
        """Standard deviation of the answer over draws of the replicates, in the answer's unit."""
        return sampling_noise(self.question, self.values)
