"""Errors of the sandbox; what a method does wrong is a `MethodError` instead (`istar.methods.contract`)."""

from __future__ import annotations

from istar.errors import IstarError
from istar.methods.contract import MethodError


class SandboxError(IstarError):
    """A jail that could not be started or did not behave as its parent demands."""


class SandboxUnavailableError(SandboxError):
    """This machine cannot run a jail."""


class WorkerLostError(MethodError):
    """A process that was killed from outside, or so it seems, before it answered.

    The machine may have run out of memory for a reason of its own, so whoever asked may ask once more; a method that
    loses its worker again is to blame.
    """


class WeightsChangedError(SandboxError):
    """The target's files changed while a worker could see them; nothing it returned may be used."""
