"""The uses that a researcher makes of its workbench, in their order: each made and written once, and found again.

The ledger holds every use with what came of it. A search that goes on reads them from the beginning: where the
researcher asks the same again it is answered from there, and what it asked for a proposal that it only remembers is
behind it. So it never knows of a use before it asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from istar.ledger import UseRecord
from istar.researchers import Check, Proposal, ResearcherError, Trained, Use
from istar.researchers.workbench import UseKind, check_from_json, trained_from_json

if TYPE_CHECKING:
    from istar.protocol.book import Book

Phase = Literal["begin", "propose", "update"]
"""When a researcher may use its workbench."""


class DifferentUseError(ResearcherError):
    """A researcher that asks its workbench something else than it did before its search was killed."""


@dataclass(frozen=True)
class Done:
    """What came of a use that was just made.

    Attributes:
        outcome: a check or a score.
        questions: how many questions were scored that the method had not been scored on before.
        flops: FLOPs of recording the method on these.
    """

    outcome: Check | Trained
    questions: int = 0
    flops: int = 0


class Uses:
    """The uses of one search.

    Args:
        book: where they are written.
    """

    def __init__(self, book: Book) -> None:
        """See the class docstring."""
        self._book = book
        self._written = book.uses()
        self._passed = 0
        self._phase: tuple[Phase, int] | None = None
        self._shown: list[Use] = []

    @property
    def past(self) -> Sequence[UseRecord]:
        """Those that the researcher has asked for by now."""
        return self._written[: self._passed]

    def shown(self) -> tuple[Use, ...]:
        """Return the same as the researcher sees them."""
        for record in self.past[len(self._shown) :]:
            kind: UseKind = "check" if record.kind == "check" else "score"
            source = self._book.source(record.method)
            self._shown.append(Use(kind, source, record.name, _outcome(record), record.questions, record.flops))
        return tuple(self._shown)

    @contextmanager
    def within(self, phase: Phase, iteration: int = 0) -> Iterator[None]:
        """Let the researcher use the workbench until the block ends; what it asks at other times is not found again."""
        self._phase = (phase, iteration)
        try:
            yield
        finally:
            self._phase = None

    def remember(self, iteration: int) -> None:
        """Pass by those that were made for a proposal that is remembered."""
        while self._passed < len(self._written) and _phase(self._written[self._passed]) == ("propose", iteration):
            self._passed += 1

    def use(
        self, kind: UseKind, method: Proposal, request: Mapping[str, Any], make: Callable[[], Done]
    ) -> Check | Trained:
        """Return what comes of a use; it is made and written if it was not before.

        Args:
            kind: of the use.
            method: which is checked or scored.
            request: what else is asked, as JSON values.
            make: makes the use.

        Raises:
            ResearcherError: the researcher asks at a time of its own.
            DifferentUseError: another use was made here before the search was killed.
        """
        if self._phase is None:
            raise ResearcherError("the workbench answers within `begin`, `propose` and `update`, and not beside them")
        if self._passed == len(self._written):
            self._write(kind, method, request, make())
        known = self._written[self._passed]
        if (_phase(known), known.kind, known.method, known.request) != (self._phase, kind, method.hash, dict(request)):
            raise DifferentUseError(
                f"before this search was killed its researcher asked the workbench for a {known.kind} of "
                f"{known.name!r} ({' '.join(map(str, _phase(known)))}), and now for a {kind} of {method.name!r} "
                f"({' '.join(map(str, self._phase))}); what it asks may depend on nothing but the proposals, the "
                "feedback, the seed and the workbench's answers"
            )
        self._passed += 1
        return _outcome(known)

    def _write(self, kind: UseKind, method: Proposal, request: Mapping[str, Any], done: Done) -> None:
        assert self._phase is not None
        phase, iteration = self._phase
        record = UseRecord(
            number=len(self._written),
            phase=phase,
            iteration=iteration,
            kind=kind,
            method=method.hash,
            name=method.name,
            request=dict(request),
            outcome=done.outcome.to_json(),
            questions=done.questions,
            flops=done.flops,
        )
        self._book.add_use(record, method.source)
        self._written.append(record)


def _phase(record: UseRecord) -> tuple[str, int]:
    return record.phase, record.iteration


def _outcome(record: UseRecord) -> Check | Trained:
    return check_from_json(record.outcome) if record.kind == "check" else trained_from_json(record.outcome)
