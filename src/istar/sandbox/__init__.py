"""Running untrusted methods: tiers of isolation, the worker in the jail, and the parent's end of it.

`Worker` is the door: one method on one target, `interpret` once and `record` a question. `Jail` underneath holds the
target in a process that never runs a method's code itself and forks for every request.

Names are imported when they are first used: what runs in a jail then loads only its own part of this package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from istar.sandbox.client import InterpretOutcome, Worker, WorkerRecording
    from istar.sandbox.doctor import TierReport, short_battery, tier_report
    from istar.sandbox.errors import SandboxError, SandboxUnavailableError, WeightsChangedError, WorkerLostError
    from istar.sandbox.interpretations import INTERPRETATIONS, InterpretationKey
    from istar.sandbox.jail.jail import Jail
    from istar.sandbox.jail.limits import Limits
    from istar.sandbox.jail.tiers import Tier, choose_tier
    from istar.sandbox.standard import compute_standard_run
    from istar.sandbox.wire.requests import TargetSpec

__all__ = [
    "INTERPRETATIONS",
    "InterpretOutcome",
    "InterpretationKey",
    "Jail",
    "Limits",
    "SandboxError",
    "SandboxUnavailableError",
    "TargetSpec",
    "Tier",
    "TierReport",
    "WeightsChangedError",
    "Worker",
    "WorkerLostError",
    "WorkerRecording",
    "choose_tier",
    "compute_standard_run",
    "short_battery",
    "tier_report",
]

_MODULES = {
    "client": ("InterpretOutcome", "Worker", "WorkerRecording"),
    "doctor": ("TierReport", "short_battery", "tier_report"),
    "errors": ("SandboxError", "SandboxUnavailableError", "WeightsChangedError", "WorkerLostError"),
    "interpretations": ("INTERPRETATIONS", "InterpretationKey"),
    "jail.jail": ("Jail",),
    "jail.limits": ("Limits",),
    "jail.tiers": ("Tier", "choose_tier"),
    "standard": ("compute_standard_run",),
    "wire.requests": ("TargetSpec",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
