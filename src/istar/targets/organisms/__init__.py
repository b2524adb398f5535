"""Model organisms: benign changes of a target, each with a behaviour that a question can be about."""

from typing import TYPE_CHECKING

from istar.deferred import deferred

if TYPE_CHECKING:
    from istar.targets.organisms.adapters import Adapter, Factors, load_adapter, read_adapter
    from istar.targets.organisms.applying import merged_weights
    from istar.targets.organisms.registry import (
        KINDS,
        ORGANISMS,
        RESERVED_KINDS,
        Facts,
        Measurement,
        OrganismCard,
        OrganismSpec,
        card,
        organism,
        organisms,
        read_card,
    )
else:
    __getattr__ = deferred(__name__)

__all__ = [
    "KINDS",
    "ORGANISMS",
    "RESERVED_KINDS",
    "Adapter",
    "Facts",
    "Factors",
    "Measurement",
    "OrganismCard",
    "OrganismSpec",
    "card",
    "load_adapter",
    "merged_weights",
    "organism",
    "organisms",
    "read_adapter",
    "read_card",
]
