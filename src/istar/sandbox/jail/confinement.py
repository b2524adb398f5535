"""What a request's process puts on itself before a method's code runs in it: the last walls go up from inside."""

from __future__ import annotations

import os

from istar.sandbox.jail.limits import apply_resource_limits
from istar.sandbox.jail.seccomp import install_filter, method_filter
from istar.sandbox.wire.requests import Allowance


def confine(pipes: tuple[int, int], allowance: Allowance, filtered: bool) -> None:
    """Confine this process for good.

    Afterwards it holds no file but its two pipes and standard error, prints into the void, and cannot start a process,
    write a file or make a name anywhere, so that nothing it does outlives it but its reply.

    Args:
        pipes: descriptors of the pipe for the reply and of that on which the parent hands streams over.
        allowance: resource limits.
        filtered: whether to filter system calls; False in the plain tier.
    """
    void = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(void, standard)
    lower, upper = sorted(pipes)
    os.closerange(3, lower)
    os.closerange(lower + 1, upper)
    os.closerange(upper + 1, 65536)
    apply_resource_limits(allowance.address_space, allowance.cpu_seconds, allowance.tasks)
    if filtered:
        install_filter(method_filter())
