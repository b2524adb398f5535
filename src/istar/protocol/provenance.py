"""What a run is written down with: the versions that decide its figures, and facts about the machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from istar.arms.settings import cores
from istar.plugins import PLUGIN, plugin_versions

PACKAGES = ("istar", "torch", "transformers", "tokenizers", "numpy", "scipy", "optuna")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that figures depend on, and what identifies each plug-in.

    Raises:
        PluginError: a plug-in cannot be imported.
    """
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found | plugin_versions()


def changed_plugins(begun: Mapping[str, str]) -> list[str]:
    """Return the names of plug-ins that are not what they were when a run's versions were written down.

    Args:
        begun: those versions.
    """
    now = plugin_versions()
    then = {name: version for name, version in begun.items() if name.startswith(PLUGIN)}
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))


def machine(tier: str) -> dict[str, str]:
    """Return what a reader should know of this machine.

    Args:
        tier: the tier of isolation that methods run under.
    """
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "tier": tier,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")
