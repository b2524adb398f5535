"""The two settings that the document compares, as the search sees them.

The search does not care how an arm is run: `istar.arms.sandboxed` runs methods in the sandbox and executors as
replays; tests use arms in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from istar.errors import IstarError
from istar.ledger import InterpretationRecord, QuestionRecord, Spending
from istar.rewards.curves import Curve

if TYPE_CHECKING:
    from istar.methods.side_by_side import Part
    from istar.truth.table import Table


class StoppedError(IstarError):
    """What was waited for was stopped on purpose; nobody is to blame, and nothing of it is written down."""


@dataclass(frozen=True)
class Evaluation:
    """What one arm did on one question.

    Attributes:
        curves: one efficiency curve an executor seed; none if the method failed.
        spending: what the method's recording took; empty in the baseline setting.
        status: `ok`, or in a word why there are no curves.
        reason: the message that goes with it, empty when ok.
        silent: whether the method had nothing to say: it gave no channel.
    """

    curves: tuple[Curve, ...]
    spending: Spending = field(default_factory=Spending)
    status: str = "ok"
    reason: str = ""
    silent: bool = False


class Session(Protocol):
    """One method on the target, from its interpretation on.

    Attributes:
        method: hash of the method's source.
    """

    method: str

    def interpret(self) -> InterpretationRecord:
        """Build the interpretation I(M), or find it in the cache, and return what it cost.

        Raises:
            MethodError: the method's `interpret` failed.
        """

    def record(self, table: Table) -> object:
        """Run the method on a question and keep what it says, so that evaluating it later runs nothing.

        Raises:
            MethodError: the method failed; evaluating it there says so too.
        """

    def evaluate(self, table: Table, others: Sequence[Table] = ()) -> Evaluation:
        """Run the executor with the method on a question: the auto-interp setting.

        Args:
            table: the question.
            others: further questions of its task, on which the executor learns what the method is worth there.
        """


class Arms(Protocol):
    """The baseline setting, and the way to the auto-interp setting of any method."""

    def baseline(self, table: Table) -> Evaluation:
        """Run the executor without a method on a question."""

    def priced(self, table: Table) -> QuestionRecord:
        """Return what the rows of a question cost by part and operation."""

    def session(self, source: str, name: str, parts: Sequence[Part] = ()) -> AbstractContextManager[Session]:
        """Open a session with the method of this source; its processes end with the context.

        Args:
            source: the method's source.
            name: for messages.
            parts: the methods that the source puts side by side, none of one of its own.
        """

    def stop(self) -> None:
        """End everything that runs; whoever waits for it gets a `StoppedError`."""

    def interpretation_key(self, method: str) -> tuple[str, str, str, str]:
        """Return what an interpretation is filed under: method, target, corpus and rulebook."""
