"""What can be wrong with the use of a method."""

from __future__ import annotations

from istar.errors import IstarError


class UseError(IstarError):
    """A use that cannot be made of a method as it was asked for."""


class SilentError(UseError):
    """A method that has nothing to say of some rows."""
