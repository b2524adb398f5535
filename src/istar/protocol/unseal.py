"""Opening the sealed test: I* on families it was not developed on, once a search, and written down.

The opening is noted before the first test question is asked, so that a look cannot be had without being counted.
Opening it again reads back what the first opening found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from istar.errors import IstarError
from istar.ledger import Ledger, ProposalRecord
from istar.ledger.reader import LedgerReader
from istar.methods.contract import MethodError
from istar.methods.side_by_side import MethodFile
from istar.protocol.asking import Asked
from istar.protocol.book import Book, noted_file
from istar.protocol.provenance import changed_plugins
from istar.protocol.setup import Setup
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
        summary: multipliers and skill gains; None if the method failed everywhere.
        reward: its reward; None if the method failed everywhere.
        failures: by task, why the method failed there; such tasks are in none of the above. Under `interpret`, why it
            could not learn from the target at all.
    """

    __test__ = False  # pytest would take the class for a test

    name: str
    method: str
    summary: Summary | None
    reward: float | None
    failures: Mapping[str, str]


def best_of(ledger: LedgerReader, run: str) -> ProposalRecord:
    """Return I* of a run, as it was proposed.

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
    proposals = {proposal.iteration: proposal for proposal in ledger.proposals(run)}
    return proposals[improving[-1].iteration]


def unseal(
    setup: Setup,
    ledger: Ledger,
    run: str,
    *,
    others: Mapping[str, MethodFile] | None = None,
    on_question: Callable[[str, Table], None] | None = None,
) -> tuple[TestResult, ...]:
    """Evaluate I*, and other methods beside it, on the test tasks.

    Args:
        setup: the loaded target, tasks and arms.
        ledger: the run's ledger.
        run: the run's name.
        others: methods to show beside I*, by name.
        on_question: called after every question with the method's name.

    Raises:
        UnsealError: there is nothing to test, or the settings are not those of the search.
    """
    best = best_of(ledger, run)
    _check_settings(setup, ledger, run)
    book = Book(ledger, run)
    book.open("test", best.method, best.iteration, revealed=True, value=None)
    methods = {best.name: noted_file(ledger, run, best)} | dict(others or {})
    return tuple(_test(setup, book, name, file, on_question) for name, file in methods.items())


def _check_settings(setup: Setup, ledger: Ledger, run: str) -> None:
    """Check that the test would be opened under the settings that the search ran with."""
    searched, now = ledger.run(run).config.options, setup.config.model_dump(mode="json")
    differing = sorted(name for name in searched.keys() & now.keys() if searched[name] != now[name])
    if differing:
        raise UnsealError(
            f"the search {run!r} ran with other settings than those in its folder (differing: {', '.join(differing)}); "
            "put back the config.json that the search wrote"
        )
    if changed := changed_plugins(ledger.run(run).versions):
        raise UnsealError(
            f"the search {run!r} ran with other plug-ins (differing: {', '.join(changed)}); put them back"
        )


def _test(
    setup: Setup, book: Book, name: str, file: MethodFile, on_question: Callable[[str, Table], None] | None
) -> TestResult:
    with setup.arms.session(file.source, name, file.parts) as session:
        asked = Asked(
            interpret=lambda table, others: (
                book.evaluation("test", session.method, table)
                or book.write("test", session.method, table, session.evaluate(table, others))
            ),
            without=lambda table: book.baseline(setup.arms, table),
            on_question=None if on_question is None else lambda table: on_question(name, table),
        )
        try:
            book.interpret(setup.arms.interpretation_key(session.method), session.interpret)
        except MethodError as failure:
            return TestResult(name, session.method, None, None, {"interpret": str(failure)})
        for task, tables in setup.tables("test").items():
            asked.ask(task, tables)
    if not asked.interp:
        return TestResult(name, session.method, None, None, asked.failures)
    config = setup.config
    summary = compare(asked.baseline, asked.interp, seed=Seed.root(config.seed))
    reward = REWARDS.get(config.reward).reward(asked.baseline, asked.interp)
    return TestResult(name, session.method, summary, reward, asked.failures)
