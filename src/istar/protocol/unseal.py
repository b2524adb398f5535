"""Opening the sealed test: I* on families it was not developed on, once a search, and written down.

The opening is noted before the first test question is asked, so that a look cannot be had without being counted. The
questions are drawn at that moment, since the answers to those with shipped tables are public and a method may hold
them; these are asked beside, to tell. Opening it again reads back what the first opening found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from istar.errors import IstarError
from istar.ledger import DrawRecord, Ledger, ProposalRecord
from istar.ledger.reader import LedgerReader
from istar.ledger.schema import Stage
from istar.methods.contract import MethodError
from istar.methods.loading import source_hash
from istar.methods.side_by_side import MethodFile
from istar.protocol.asking import Asked
from istar.protocol.book import Book, noted_file
from istar.protocol.fresh import FreshQuestions, drawn_for, new_seed, note_draw
from istar.protocol.provenance import changed_plugins
from istar.protocol.setup import Setup
from istar.rewards.formulas import REWARDS
from istar.rewards.memorised import Answered, Memorisation, compared
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
        committed: the same on questions with shipped tables, where the test asked fresh ones.
        memorisation: what both say of whether the method knew the shipped answers, likewise.
        drawn_for: whether the fresh questions are known to have been drawn when the method's source was there already.
    """

    __test__ = False  # pytest would take the class for a test

    name: str
    method: str
    summary: Summary | None
    reward: float | None
    failures: Mapping[str, str]
    committed: TestResult | None = None
    memorisation: Memorisation | None = None
    drawn_for: bool = True


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


@dataclass(frozen=True)
class Opening:
    """The test of a run, opened.

    Attributes:
        best: I*, as it was proposed.
        draw: the fresh questions that are asked; None if those with shipped tables are.
    """

    best: ProposalRecord
    draw: DrawRecord | None


def open_test(
    setup: Setup,
    ledger: Ledger,
    run: str,
    *,
    committed: bool = False,
    questions: int | None = None,
    others: Mapping[str, MethodFile] | None = None,
) -> Opening:
    """Open the test for I* of a run, or find it opened: the same questions are then asked again.

    The seed of fresh questions is drawn here, once the search has ended, and noted before the opening itself is.

    Args:
        setup: the loaded target, tasks and arms.
        ledger: the run's ledger.
        run: the run's name.
        committed: whether to ask the questions with shipped tables instead of fresh ones.
        questions: how many fresh questions of each task; as many as the settings say if None.
        others: methods that will be shown beside I*, by name.

    Raises:
        UnsealError: there is nothing to test, the settings are not those of the search, or the test was opened on other
            questions.
    """
    best = best_of(ledger, run)
    _check_settings(setup, ledger, run)
    draw = ledger.draw(run, best.method, best.iteration)
    opened = [(each.method, each.iteration) for each in ledger.openings(run, "test")]
    if draw is not None and committed:
        raise UnsealError(
            f"the test of {run!r} was opened on fresh questions (seed {draw.seed}); read it again without `--committed`"
        )
    if draw is not None and questions not in (None, draw.questions):
        raise UnsealError(
            f"the test of {run!r} was opened on {draw.questions} fresh questions of each task; read it again with as "
            "many, or without `--questions`"
        )
    if draw is None and not committed and (best.method, best.iteration) not in opened:
        draw = DrawRecord(best.iteration, best.method, new_seed(), questions or setup.config.test.questions)
        ledger.add_draw(run, draw)
        beside = [source_hash(file.source) for file in (others or {}).values()]
        note_draw(draw.seed, [*(each.method for each in ledger.proposals(run)), *beside])
    Book(ledger, run).open("test", best.method, best.iteration, revealed=True, value=None)
    return Opening(best, draw)


def unseal(
    setup: Setup,
    ledger: Ledger,
    run: str,
    *,
    fresh: FreshQuestions | None = None,
    others: Mapping[str, MethodFile] | None = None,
    on_question: Callable[[str, Table], None] | None = None,
) -> tuple[TestResult, ...]:
    """Evaluate I*, and other methods beside it, on the test tasks.

    Args:
        setup: the loaded target, tasks and arms.
        ledger: the run's ledger.
        run: the run's name.
        fresh: the fresh questions that `open_test` drew; if None, those with shipped tables are asked.
        others: methods to show beside I*, by name.
        on_question: called after every question with the method's name.

    Raises:
        UnsealError: there is nothing to test, or the settings are not those of the search.
    """
    best = open_test(setup, ledger, run, committed=fresh is None).best
    book = Book(ledger, run)
    methods = {best.name: noted_file(ledger, run, best)} | dict(others or {})
    return tuple(_test(setup, book, fresh, name, file, on_question) for name, file in methods.items())


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
    setup: Setup,
    book: Book,
    fresh: FreshQuestions | None,
    name: str,
    file: MethodFile,
    on_question: Callable[[str, Table], None] | None,
) -> TestResult:
    committed = setup.tables("test")
    with setup.arms.session(file.source, name, file.parts) as session:

        def ask(stage: Stage, questions: Mapping[str, Sequence[Table]]) -> Asked:
            asked = Asked(
                interpret=lambda table, others: (
                    book.evaluation(stage, session.method, table)
                    or book.write(stage, session.method, table, session.evaluate(table, others))
                ),
                without=lambda table: book.baseline(setup.arms, table),
                on_question=None if on_question is None else lambda table: on_question(name, table),
            )
            for task, tables in questions.items():
                asked.ask(task, tables)
            return asked

        try:
            book.interpret(setup.arms.interpretation_key(session.method), session.interpret)
        except MethodError as failure:
            return TestResult(name, session.method, None, None, {"interpret": str(failure)})
        if fresh is None:
            return _result(setup, name, session.method, ask("test", committed))
        drawn, known = ask("test", fresh.tables), ask("committed", committed)
    found = compared(
        setup.config.reward,
        Answered(known.baseline, known.interp, known.failures),
        Answered(drawn.baseline, drawn.interp, drawn.failures),
        Seed.root(setup.config.seed),
    )
    on_committed = _result(setup, name, session.method, known)
    return replace(
        _result(setup, name, session.method, drawn),
        committed=on_committed,
        memorisation=found,
        drawn_for=drawn_for(fresh.seed, session.method),
    )


def _result(setup: Setup, name: str, method: str, asked: Asked) -> TestResult:
    if not asked.interp:
        return TestResult(name, method, None, None, asked.failures)
    config = setup.config
    summary = compare(asked.baseline, asked.interp, seed=Seed.root(config.seed))
    reward = REWARDS.get(config.reward).reward(asked.baseline, asked.interp)
    return TestResult(name, method, summary, reward, asked.failures)
