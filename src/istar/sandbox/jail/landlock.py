"""The Landlock tier: a jail where no namespaces can be had.

A process encloses itself: it gives up its capabilities, tells the kernel which files it will read from now on and that
it will write none, and loads the same system-call filters as under bubblewrap. What namespaces would hide stays in
sight: it runs under the user's id and among the user's processes, and may learn of any file whether it exists, how
large it is and when it was changed, though never read it. The filters keep its hands off other processes.

Source: the kernel's documentation of Landlock (Documentation/userspace-api/landlock.rst) and `linux/landlock.h`.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from istar import paths
from istar.sandbox.errors import SandboxError
from istar.sandbox.jail.mounts import Mounts, jail_mounts
from istar.sandbox.jail.process import WorkerProcess
from istar.sandbox.jail.seccomp import install_filter, jail_filter
from istar.sandbox.jail.tiers import Tier, launch_for_good, probe, with_import_path, worker_environment

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
FILE_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files that each version of Landlock knows of."""
TCP_VERSION, TCP_RIGHTS = 4, 0b11
SCOPE_VERSION, SCOPES = 6, 0b11
"""From this version on abstract sockets and signals end at the jail's wall; before, the filters alone stop them."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
FACTS = ("/proc/cpuinfo", "/proc/meminfo")
READ = EXECUTE | READ_FILE | READ_DIR


class LandlockTier(Tier):
    """The jail without namespaces."""

    name: ClassVar[str] = "landlock"

    def launch(
        self, program: str, keep: Sequence[int], weights: Path | None = None, files: Sequence[Path] = ()
    ) -> WorkerProcess:
        """See the base class."""
        grants = readable(jail_mounts(weights, [paths.home()], files))
        enclosed = f"from istar.sandbox.jail.landlock import enclose\nenclose({os.getpid()}, {grants!r})\n{program}"
        try:
            outer = launch_for_good(
                [sys.executable, "-I", "-c", with_import_path(enclosed)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=tuple(keep),
                env=worker_environment("/"),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"{sys.executable} could not be run: {error}") from error
        return WorkerProcess(outer, outer.pid, namespaced=False)


def readable(mounts: Mounts) -> list[tuple[str, int]]:
    """Return what the jail's mounts show, as (path, rights): Landlock can add to what it allows, never take away.

    So a folder with something hidden inside is allowed entry by entry. Its own entry lets Python list it, and with it
    whatever lies below, hidden or not: names can be seen, contents cannot.
    """
    grants: dict[str, int] = {}
    hidden = {folder.resolve() for folder in mounts.hidden}
    for path in (*mounts.read_only, *mounts.revealed):
        _grant(path.resolve(), hidden, grants)
    revealed = [(str(path.resolve()), READ) for path in mounts.revealed]
    return [
        *grants.items(),
        *revealed,
        *((name, READ) for name in FACTS),
        *((name, READ | WRITE_FILE) for name in DEVICES),
    ]


def _grant(path: Path, hidden: set[Path], grants: dict[str, int]) -> None:
    if path in hidden:
        return
    if not any(path in folder.parents for folder in hidden):
        grants[str(path)] = READ
        return
    grants[str(path)] = READ_DIR
    for entry in path.iterdir():
        _grant(entry.resolve() if entry.is_symlink() else entry, hidden, grants)


def enclose(parent: int, grants: Iterable[tuple[str, int]]) -> None:
    """Enclose this process and all that it starts, for good.

    Args:
        parent: id of the process that started this one; this one dies with it.
        grants: what may still be used, as (path, rights); a path that does not exist is passed over.

    Raises:
        SandboxError: the kernel refused.
    """
    die_with_parent(parent)
    drop_capabilities()
    restrict_files(grants)
    install_filter(jail_filter())


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the one that started it ends.

    Args:
        parent: that one's id; if it is gone already, this process ends now.
    """
    _library().prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != parent:
        os._exit(1)


def drop_capabilities() -> None:
    """Give up what root may do beyond other users, for good: limits could be raised again, files given away.

    Raises:
        SandboxError: the kernel refused.
    """
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    if _library().capset(header, nothing) != 0:
        raise SandboxError(f"capabilities could not be given up: errno {ctypes.get_errno()}")


def restrict_files(grants: Iterable[tuple[str, int]]) -> None:
    """Let this process use no file but those granted, and no TCP port.

    Raises:
        SandboxError: the kernel refused, or has no Landlock.
    """
    library, version = _library(), landlock_version()
    if version < 1:
        raise SandboxError("the kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, and `landlock` in the lsm= list)")
    handled = max(rights for since, rights in FILE_RIGHTS_BY_VERSION.items() if since <= version)
    attributes = struct.pack(
        "=QQQ",
        handled,
        TCP_RIGHTS if version >= TCP_VERSION else 0,
        SCOPES if version >= SCOPE_VERSION else 0,
    )
    known = attributes[: 24 if version >= SCOPE_VERSION else 16 if version >= TCP_VERSION else 8]
    ruleset = library.syscall(CREATE_RULESET, known, ctypes.c_size_t(len(known)), 0)
    if ruleset < 0:
        raise SandboxError(f"the kernel would not make a Landlock ruleset: errno {ctypes.get_errno()}")
    try:
        for path, rights in grants:
            _allow(library, ruleset, path, rights & handled)
        library.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if library.syscall(RESTRICT_SELF, ruleset, 0) != 0:
            raise SandboxError(f"the kernel would not restrict this process: errno {ctypes.get_errno()}")
    finally:
        os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
        rule = struct.pack("=Qi", rights, descriptor)
        if library.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0) != 0:
            raise SandboxError(f"the kernel would not add {path} to a Landlock ruleset: errno {ctypes.get_errno()}")
    finally:
        os.close(descriptor)


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has, 0 if none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_library().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)))


@cache
def working_landlock() -> tuple[LandlockTier | None, str]:
    """Return the Landlock tier if it starts on this machine, or None, and the reason; found out once per process."""
    if landlock_version() < 1:
        return None, "the kernel has no Landlock"
    tier = LandlockTier()
    reason = probe(tier)
    return (tier, f"Landlock version {landlock_version()} works") if reason is None else (None, reason)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
