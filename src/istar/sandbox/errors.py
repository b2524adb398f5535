"""Errors of the sandbox; what a method does wrong is a `MethodError` instead (`istar.methods.contract`)."""

from __future__ import annotations

from istar.errors import IstarError


class SandboxError(IstarError):
    """A jail that could not be started or did not behave as its parent demands."""


class SandboxUnavailableError(SandboxError):
    """This machine cannot run a jail."""


class WeightsChangedError(SandboxError):
    """The target's files changed while a worker could see them; nothing it returned may be used."""
