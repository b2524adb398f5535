"""Interventions: modifications of the target under which a run is made.

An intervention is pure data: a registered kind and JSON fields. How a kind is applied to weights or activations
lives with the targets (`istar.targets.interventions`), so that questions never touch a model.
"""

from __future__ import annotations

import json
from abc import ABC
from dataclasses import asdict
from typing import Any, ClassVar

from istar.registry import Registry

INTERVENTIONS: Registry[type[Intervention]] = Registry("intervention")


class Intervention(ABC):
    """Base class; a subclass is a frozen dataclass of JSON values, registered under `kind`."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Return the intervention as JSON values."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]

    @property
    def key(self) -> str:
        """A canonical text: runs with equal keys run under the same modified model."""
        return json.dumps(self.to_json(), sort_keys=True)


def intervention_from_json(data: dict[str, Any]) -> Intervention:
    """Return the intervention that `to_json` described.

    Raises:
        UnknownNameError: no intervention of that kind is registered.
    """
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key != "kind"}
    return INTERVENTIONS.get(data["kind"])(**fields)
