"""A worker process as its parent sees it: killed for certain, timed by the operating system, heard with a cap."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from istar.sandbox.errors import SandboxError

STANDARD_ERROR_BYTES = 16 * 1024
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

KILL_SECONDS = 60.0
"""How long a killed process may take to end; it ends at once unless the machine is overloaded."""


class WorkerProcess:
    """A running worker.

    Args:
        outer: what was started: bubblewrap, or the worker itself.
        first: process id, in the parent's numbering, of the worker: the first process of its pid namespace.
        namespaced: whether killing `first` makes the kernel kill all that it started.
    """

    def __init__(self, outer: subprocess.Popen[bytes], first: int, namespaced: bool) -> None:
        """See the class docstring."""
        self.outer = outer
        self.first = first
        self.namespaced = namespaced
        # A pid may be given to another process once its own is gone; a pid descriptor never is.
        self._descriptor = os.pidfd_open(first) if hasattr(os, "pidfd_open") else None
        self._tail = bytearray()
        self._drain = threading.Thread(target=self._drain_standard_error, daemon=True)
        self._drain.start()

    @property
    def alive(self) -> bool:
        """Whether the worker still runs."""
        return self.outer.poll() is None

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the worker and of every process that it started and waited for, in seconds.

        Read from the operating system, whose clock ticks `CLOCK_TICKS` times a second; the worker cannot change it.
        """
        try:
            text = Path(f"/proc/{self.first}/stat").read_text()
        except OSError:
            return 0.0
        after_name = text.rsplit(")", 1)[1].split()
        return sum(int(ticks) for ticks in after_name[11:15]) / CLOCK_TICKS

    @property
    def queued_seconds(self) -> float:
        """Seconds that the forks of the worker which run now were ready to run and had to wait for a processor.

        Of several threads the one that waited longest counts; 0 where the system does not say (Linux does, in
        `/proc/PID/task/TID/schedstat`, if it was built with `CONFIG_SCHED_INFO`).
        """
        nanoseconds = 0
        with suppress(OSError):  # whoever ends meanwhile waits no longer
            for fork in Path(f"/proc/{self.first}/task/{self.first}/children").read_text().split():
                for thread in Path(f"/proc/{fork}/task").iterdir():
                    nanoseconds = max(nanoseconds, int((thread / "schedstat").read_text().split()[1]))
        return nanoseconds / 1e9

    @property
    def address_space(self) -> int:
        """Bytes of address space that the worker has mapped, 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self.first}/statm").read_text().split()[0])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def standard_error(self) -> str:
        """Return the last that the worker wrote to its standard error."""
        return bytes(self._tail).decode(errors="replace").strip()

    def kill(self) -> None:
        """Kill the worker and all that it started; return when they are gone.

        The kernel kills every process of a pid namespace when its first one dies, whatever signals they ignore, and
        lets the first one end only after the others.

        Raises:
            SandboxError: the worker is still there a minute later.
        """
        self._signal()
        deadline = time.monotonic() + KILL_SECONDS
        if self._descriptor is not None:
            select.select([self._descriptor], [], [], KILL_SECONDS)
            os.close(self._descriptor)
            self._descriptor = None
        try:
            self.outer.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.outer.kill()
            reason = f"worker process {self.first} could not be killed within {KILL_SECONDS:g} seconds"
            raise SandboxError(reason) from None
        finally:
            self._drain.join(1)

    def _signal(self) -> None:
        if not self.namespaced:
            try:
                os.killpg(self.first, signal.SIGKILL)
            except ProcessLookupError:
                return
        if self._descriptor is not None:
            try:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            except ProcessLookupError:
                return
        else:
            self.outer.kill()

    def _drain_standard_error(self) -> None:
        stream = self.outer.stderr
        if stream is None:
            return
        while chunk := os.read(stream.fileno(), 65536):
            self._tail += chunk
            del self._tail[:-STANDARD_ERROR_BYTES]
        stream.close()
