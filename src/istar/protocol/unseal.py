"""Opening the sealed test: I* on families it was not developed on, once a search, and written down.

The opening is noted before the first test question is asked, so that a look cannot be had without being counted.
Opening it again reads back what the first opening found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from istar.errors import IstarError
from istar.ledger import Ledger
from istar.methods.contract import MethodError
from istar.protocol.book import Book
from istar.protocol.conduct import Stand
from istar.protocol.search import MethodFailedError
from istar.rewards.curves import Curve
from istar.rewards.formulas import REWARDS
from istar.rewards.multipliers import Summary, compare
from istar.seeds import Seed
from istar.truth import Table


class UnsealError(IstarError):
    """A test that cannot be opened."""


@dataclass(frozen=True)
class TestResult:
    """A method on the test families.

    Attributes:
        name: the method's name.
        method: hash of its source.
        summary: multipliers and skill gains; None if the method failed.
        reward: its reward; None if the method failed.
        failure: why it failed, empty if it did not.
    """

    __test__ = False  # pytest would take the class for a test

    name: str
    method: str
    summary: Summary | None
    reward: float | None
    failure: str = ""


def best_of(ledger: Ledger, run: str) -> tuple[str, str, int]:
    """Return I* of a run: hash, name and the iteration that found it.

    Raises:
        UnsealError: the search has not ended, or found no method worth validating.
    """
    if ledger.run(run).status != "finished":
        raise UnsealError(
            f"the search {run!r} has not ended; finish it with `istar search --run {run} --resume` before the test is "
            "opened, or what is seen of it could steer the search"
        )
    improving = [outcome for outcome in ledger.rounds(run) if outcome.improved]
    if not improving:
        raise UnsealError(f"the search {run!r} found no method worth validating, so there is nothing to test")
    best = improving[-1]
    names = {proposal.iteration: proposal.name for proposal in ledger.proposals(run)}
    return best.method, names[best.iteration], best.iteration


def unseal(
    here: Stand,
    ledger: Ledger,
    run: str,
    *,
    others: Mapping[str, str] | None = None,
    on_question: Callable[[str, Table], None] | None = None,
) -> tuple[TestResult, ...]:
    """Evaluate I*, and other methods beside it, on the test tasks.

    Args:
        here: the loaded target, tasks and arms.
        ledger: the run's ledger.
        run: the run's name.
        others: sources of methods to show beside I*, by name.
        on_question: called after every question with the method's name.

    Raises:
        UnsealError: there is nothing to test.
    """
    best, best_name, iteration = best_of(ledger, run)
    book = Book(ledger, run)
    book.open("test", best, iteration, revealed=True, value=None)
    methods = {best_name: ledger.source(best)} | dict(others or {})
    results = []
    for name, source in methods.items():
        results.append(_test(here, book, name, source, on_question))
    return tuple(results)


def _test(
    here: Stand, book: Book, name: str, source: str, on_question: Callable[[str, Table], None] | None
) -> TestResult:
    baseline: list[Curve] = []
    interp: list[Curve] = []
    config = here.config
    with here.arms.session(source, name) as session:
        try:
            book.interpret(here.arms, session, session.method)
            for tables in here.tables("test").values():
                for table in tables:
                    baseline += book.baseline(here.arms, table).curves
                    others = [each for each in tables if each is not table]
                    evaluation = book.evaluate(session, "test", session.method, table, others)
                    if evaluation.status != "ok":
                        raise MethodFailedError(f"{table.question.task}: {evaluation.reason}")
                    interp += evaluation.curves
                    if on_question is not None:
                        on_question(name, table)
        except MethodError as failure:
            return TestResult(name, session.method, None, None, str(failure))
    summary = compare(baseline, interp, seed=Seed.root(config.seed))
    return TestResult(name, session.method, summary, REWARDS.get(config.reward).reward(baseline, interp))
