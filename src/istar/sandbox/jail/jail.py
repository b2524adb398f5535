"""The parent's end of a worker process: starts it, asks, holds the clock, kills, and looks after the weights."""

from __future__ import annotations

import math
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from istar.errors import IstarError, printable
from istar.flops.witness import Rates
from istar.methods.contract import MethodError
from istar.sandbox.errors import SandboxError, WeightsChangedError, WorkerLostError
from istar.sandbox.jail.limits import Limits
from istar.sandbox.jail.process import WorkerProcess
from istar.sandbox.jail.tiers import Tier, anonymous_file, choose_tier
from istar.sandbox.wire.deadline import Deadline
from istar.sandbox.wire.frames import (
    Frame,
    FrameCaps,
    FrameClosedError,
    FrameError,
    FrameTimeoutError,
    read_frame,
    write_frame,
)
from istar.sandbox.wire.replies import ReplyError
from istar.sandbox.wire.requests import Allowance, TargetSpec
from istar.sandbox.wire.shipping import shipment

_CONTROL_CAPS = FrameCaps(header_bytes=2**17, array_bytes=0, arrays=0)
_EXIT_SECONDS = 5.0

Feed = Callable[[Frame], Frame]
"""Answers a worker that asks for something while it works on a request."""


@dataclass(frozen=True)
class Reply:
    """A worker's reply to one request.

    Attributes:
        frame: the reply, within its caps but not checked further.
        seconds: wall-clock seconds by the parent's clock.
        cpu_seconds: processor time of the fork that answered, by the operating system's count.
    """

    frame: Frame
    seconds: float
    cpu_seconds: float


class Jail:
    """A process that holds one target and answers each request in a fork of its own; see `istar.sandbox.worker`.

    It starts at once and in the background; the first request waits for it. After a kill it starts again when it is
    asked next. Several threads may ask; one is answered at a time.

    Args:
        target: how the worker finds the target.
        tier: how it is isolated; the best there is by default.
        limits: what each request may use.

    Attributes:
        rates: what honest work costs in it, once it is ready.
        empty_seconds: processor time that a method that does nothing takes, by the hash of the question.
    """

    def __init__(self, target: TargetSpec, tier: Tier | None = None, limits: Limits | None = None) -> None:
        """See the class docstring."""
        self.target = target
        self.tier = tier or choose_tier()
        self.limits = limits or Limits()
        self.target_id = target.id
        self.rates: Rates | None = None
        self.empty_seconds: dict[str, float] = {}
        self.startup_seconds = 0.0
        self._lock = threading.Lock()
        self._weights = _fingerprint(target.path)
        self._process: WorkerProcess | None = None
        self._control: socket.socket | None = None
        self._ready = False
        self.start()

    def start(self) -> None:
        """Start the process, if it does not run, and return without waiting for it.

        Raises:
            PluginError: a user's plug-in cannot be imported here.
            SandboxError: it could not be started.
        """
        if self._process is not None and self._process.alive:
            return
        self.stop()
        plugins = shipment()
        shipped = anonymous_file("plugins", plugins.to_bytes())
        ours, theirs = socket.socketpair()
        try:
            kept = [theirs.fileno(), shipped]
            self._process = self.tier.launch(self.program(theirs.fileno()), kept, self.target.path, plugins.files)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(shipped)
        self._control = ours
        write_frame(ours.fileno(), self.target.frame(self.tier.name != "plain", shipped))

    @staticmethod
    def program(control: int) -> str:
        """Return the Python source that the worker runs; tests put attacks in its place."""
        return f"from istar.sandbox.worker import main; main({control})"

    def stop(self) -> None:
        """Kill the process and all that it started; return when they are gone."""
        process, control = self._process, self._control
        self._process = self._control = None
        self._ready = False
        if control is not None:
            control.close()
        if process is not None:
            process.kill()

    def wait_ready(self) -> None:
        """Wait until the target is loaded.

        Raises:
            SandboxError: the worker did not start, or holds another target than the parent.
        """
        self.start()
        if self._ready:
            return
        process, control = self._running()
        try:
            frame = read_frame(control.fileno(), _CONTROL_CAPS, Deadline(self.limits.startup_seconds))
        except FrameError as error:
            self.stop()
            raise SandboxError(
                f"the worker for {self.target.name!r} did not start: {error}\n{printable(process.standard_error())}"
            ) from error
        if frame.kind == "failed":
            self.stop()
            raise SandboxError(
                f"the worker for {self.target.name!r} did not start: {printable(frame.fields.get('text'))}"
            )
        self.target_id = str(frame.fields["id"])
        self.rates = Rates.from_json(frame.fields["rates"])
        self.startup_seconds = float(frame.fields["seconds"])
        self._ready = True

    def known_rates(self) -> Rates:
        """Return what honest work costs here; waits until the target is loaded.

        Raises:
            SandboxError: see `wait_ready`.
        """
        if self.rates is None:
            self.wait_ready()
        assert self.rates is not None
        return self.rates

    def ask(
        self,
        request: Callable[[Allowance], Frame],
        caps: FrameCaps,
        seconds: float,
        method: str,
        limits: Limits | None = None,
        feed: Feed | None = None,
    ) -> Reply:
        """Send a request and return the reply.

        Args:
            request: makes the request's frame, given its resource limits.
            caps: what is accepted as a reply.
            seconds: the reply may take; then everything in the jail is killed. What it waits for a processor does not
                count.
            method: the method's name, for messages.
            limits: memory and threads of this request, if not the jail's.
            feed: answers what the worker asks meanwhile.

        Raises:
            MethodError: the method took too long, ended its process, or what came back is no reply.
            WorkerLostError: the process was killed by somebody else; it is started again when it is asked next.
            WeightsChangedError: the target's files changed meanwhile.
            SandboxError: the worker could not be started.
        """
        with self._lock:
            self.wait_ready()
            process, _ = self._running()
            allowance = _allowance(limits or self.limits, seconds, process.address_space, self.tier)
            cpu_before, started = process.cpu_seconds, time.monotonic()
            deadline = Deadline(seconds, lambda: process.queued_seconds)
            try:
                frame = self._converse(request(allowance), caps, deadline, method, feed)
            except FrameTimeoutError:
                self.stop()
                killed = "killed" + (
                    f" (and {deadline.put_off:.0f} without a processor)" if deadline.put_off >= 1 else ""
                )
                raise MethodError(
                    f"{method!r} took longer than {seconds:g} seconds and was {killed}; do less, or raise the limit"
                ) from None
            except IstarError:
                raise
            except BaseException:
                self.stop()  # an interrupt leaves half a conversation behind; the next request shall not read it
                raise
            elapsed = time.monotonic() - started
            cpu_seconds = process.cpu_seconds - cpu_before
            if _fingerprint(self.target.path) != self._weights:
                self.stop()
                raise WeightsChangedError(
                    f"the files in {self.target.path} changed while a worker used them; load the target again"
                )
            return Reply(frame, elapsed, cpu_seconds)

    def _running(self) -> tuple[WorkerProcess, socket.socket]:
        if self._process is None or self._control is None:
            raise SandboxError("the worker is gone")
        return self._process, self._control

    def _converse(self, request: Frame, caps: FrameCaps, deadline: Deadline, method: str, feed: Feed | None) -> Frame:
        """Send the request with its two pipes; return the reply once the fork that wrote it has ended."""
        process, control = self._running()
        frame: Frame | None = None
        refused: ReplyError | None = None
        reading, writing = os.pipe()
        fed, feeding = os.pipe()
        os.set_blocking(feeding, False)
        try:
            try:
                socket.send_fds(control, [b"?"], [writing, fed])
            except OSError as error:
                self.stop()
                raise WorkerLostError(
                    f"the worker was gone when {method!r} was to run: {error}\n{printable(process.standard_error())}"
                ) from error
            finally:
                os.close(writing)
                os.close(fed)
            try:
                _hand_over(feeding, request, deadline)
                frame = read_frame(reading, caps, deadline)
                while feed is not None and frame.kind == "wanted":
                    _hand_over(feeding, feed(frame), deadline)
                    frame = read_frame(reading, caps, deadline)
                _expect_end(reading, deadline)
            except FrameTimeoutError:
                raise
            except FrameClosedError as error:
                raise self._death(error.received, method) from None
            except ReplyError as error:
                refused = error
            except FrameError as error:
                refused = ReplyError(f"what came back from {method!r} is no reply: {error}")
                refused.__cause__ = error
        finally:
            os.close(reading)
            os.close(feeding)
        # Whoever still writes now finds the pipe closed. A fork that does not end upon that is killed with the jail.
        try:
            self._exit_status(control)
        except FrameError:
            self.stop()
            frame = None
        if refused is not None:
            raise refused
        if frame is None:
            raise MethodError(f"the process that ran {method!r} replied but did not end, and was killed")
        return frame

    def _exit_status(self, control: socket.socket) -> int:
        frame = read_frame(control.fileno(), _CONTROL_CAPS, Deadline(_EXIT_SECONDS))
        status = frame.fields.get("status")
        if frame.kind != "exited" or type(status) is not int:
            raise FrameError("the worker did not say how the request ended")
        return status

    def _death(self, received: int, method: str) -> MethodError:
        """Return the error for a request whose process ended before its reply was whole."""
        process, control = self._running()
        try:
            status = self._exit_status(control)
        except FrameError:
            self.stop()
            return WorkerLostError(f"the whole worker died while it ran {method!r}: {_last_words(process)}")
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            hints: dict[int, str] = {
                signal.SIGKILL: " (SIGKILL: did the machine run out of memory?)",
                signal.SIGXCPU: " (SIGXCPU: it used more processor time than its time limit allows)",
                signal.SIGABRT: " (SIGABRT: did it run out of memory?)",
                signal.SIGSEGV: " (SIGSEGV)",
            }
            how = f"it was ended by signal {number}" + hints.get(number, "")
        else:
            how = f"it exited by itself with status {os.WEXITSTATUS(status)}"
        torn = " in the middle of a reply" if received else ""
        lost = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        kind = WorkerLostError if lost else MethodError
        return kind(f"the process that ran {method!r} gave no answer{torn}: {how}. {_last_words(process)}")

    def __enter__(self) -> Self:
        """Return the jail."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the process."""
        self.stop()


def _allowance(limits: Limits, seconds: float, mapped: int, tier: Tier) -> Allowance:
    """Return the limits of one request to a worker that has mapped so many bytes already."""
    # Each thread maps a stack, and the C library reserves an arena for it.
    room = limits.memory_bytes + (limits.threads + 1) * 160 * 2**20
    tasks = 64 + 8 * limits.threads if tier.counted_apart else None
    return Allowance(mapped + room, math.ceil(seconds * limits.threads) + 5, limits.threads, tasks)


def _last_words(process: WorkerProcess) -> str:
    text = process.standard_error()
    return f"Last lines of its standard error: {printable(text[-1000:])}" if text else "It wrote no error."


def _hand_over(descriptor: int, frame: Frame, deadline: Deadline) -> None:
    """Write to a worker; if it is gone, what is read from it next says so."""
    with suppress(BrokenPipeError):
        write_frame(descriptor, frame, deadline)


def _expect_end(descriptor: int, deadline: Deadline) -> None:
    """Wait for the reply's pipe to close; a byte more than the reply means that somebody else wrote on it too."""
    if not deadline.meets(lambda left: select.select([descriptor], [], [], left)[0]):
        raise FrameTimeoutError("the deadline passed before the process ended")
    if os.read(descriptor, 1):
        raise FrameError("more than one reply was written")


def _fingerprint(folder: Path | None) -> tuple[tuple[str, int, int, int], ...]:
    """Return name, size, time of change and inode of each of a target's files.

    The jail sees them read-only, and the worker hashes the weights when it loads them; this is the cheap check after
    each request that nobody else changed them either.
    """
    if folder is None:
        return ()
    files = sorted(path for path in folder.iterdir() if path.is_file())
    facts = [(path.name, path.stat()) for path in files]
    return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in facts)
