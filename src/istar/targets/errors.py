"""What can go wrong with a target."""

from __future__ import annotations

from istar.errors import IstarError


class TargetError(IstarError):
    """A target that cannot be loaded or run as asked."""


class UnknownArchitectureError(TargetError):
    """A model whose parts we have no map of."""


class RowError(TargetError):
    """A row that a target cannot run: too long, or with a token that it does not know."""


class TargetMemoryError(TargetError):
    """A target whose weights do not fit into the memory there is."""
