"""What a worker may use: the resource limits of a jail and of each request to it."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from istar.methods.contract import INTERPRETATION_BYTES_LIMIT
from istar.methods.recorder import CHANNELS_LIMIT
from istar.sandbox.wire.frames import FrameCaps


@dataclass(frozen=True)
class Limits:
    """Limits of one worker.

    Attributes:
        startup_seconds: wall-clock seconds to import torch and load the target.
        interpret_seconds: seconds of one `interpret`; those in which it waits for a processor do not count.
        record_seconds: seconds of one question, likewise.
        memory_bytes: memory a request may allocate beyond the loaded target.
        threads: torch threads while a method runs.
        interpretation_bytes: the largest interpretation taken back.
        channels: the most channels a `predict` may return.
    """

    startup_seconds: float = 300.0
    interpret_seconds: float = 600.0
    record_seconds: float = 600.0
    memory_bytes: int = 8 * 2**30
    threads: int = 1
    interpretation_bytes: int = INTERPRETATION_BYTES_LIMIT + 2**20
    channels: int = CHANNELS_LIMIT

    def reply_caps(self, rows: int, batches: int) -> FrameCaps:
        """Return what the parent accepts as the reply to a recording of so many rows in so many batches."""
        return FrameCaps(
            header_bytes=2**20,
            array_bytes=max(2**16, 16 * rows + 4 * rows * self.channels),
            arrays=2 * batches + 8,
        )

    @property
    def interpretation_caps(self) -> FrameCaps:
        """What the parent accepts as the reply to `interpret`."""
        return FrameCaps(header_bytes=2**20, array_bytes=self.interpretation_bytes, arrays=4)


REQUEST_CAPS = FrameCaps(header_bytes=2**30, array_bytes=2**34, arrays=4096)
"""What a worker accepts from its parent, which it trusts."""


def apply_resource_limits(address_space: int, cpu_seconds: int, tasks: int | None) -> None:
    """Limit this process for good.

    Args:
        address_space: bytes of address space, what is mapped already included.
        cpu_seconds: seconds of processor time, a second clock behind the parent's.
        tasks: how many processes and threads may exist under this user id; None where others run under it too.
    """
    limits = {
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if tasks is not None:
        limits[resource.RLIMIT_NPROC] = tasks
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))
