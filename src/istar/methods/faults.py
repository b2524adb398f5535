"""What the fence refuses in a method's source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from istar.methods.contract import MethodError


@dataclass(frozen=True, order=True)
class Fault:
    """One thing in a method's source that the fence refuses.

    Attributes:
        line: line number, from 1.
        what: what is there.
        why: why it is refused.
        instead: what to do instead.
    """

    line: int
    what: str
    why: str
    instead: str

    def __str__(self) -> str:
        """The fault as one line of text."""
        return f"line {self.line}: {self.what}: {self.why}; {self.instead}"


class FenceError(MethodError):
    """A method's source has faults; the message lists them all.

    Attributes:
        faults: in the order of their lines.
    """

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        """See the class docstring.

        Args:
            name: the method's name, for the message.
            faults: at least one.
        """
        self.name = name
        self.faults = tuple(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"method {name!r} has {len(self.faults)} fault{'s' * (len(self.faults) > 1)}:\n{lines}")

    def __reduce__(self) -> tuple[type[FenceError], tuple[str, tuple[Fault, ...]]]:
        """Rebuild from name and faults, so that the error survives a process boundary."""
        return FenceError, (self.name, self.faults)
