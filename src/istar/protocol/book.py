"""The book of a run: every step of the search that is dear or counted, each done and written once.

Each verb looks into the ledger first. What is there is read back; what is not is done, and written before it is
returned. So a search that is killed is resumed by running it again, and the ledger ends up as if nothing had happened.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from istar.arms.base import Arms, Evaluation
from istar.ledger import (
    BASELINE,
    DuplicateRecordError,
    EvaluationRecord,
    InterpretationRecord,
    Ledger,
    OpeningRecord,
    PartRecord,
    ProposalRecord,
    RoundRecord,
    UseRecord,
)
from istar.ledger.reader import LedgerReader
from istar.ledger.schema import OpeningKind, Stage
from istar.methods.loading import source_hash
from istar.methods.side_by_side import MethodFile, Part, made_of
from istar.researchers import Proposal
from istar.tasks.family import check_rewardable

if TYPE_CHECKING:
    from istar.truth.table import Table


InterpretationKey = tuple[str, str, str, str]
"""Method, target, corpus and rulebook."""


class Book:
    """The ledger's pages of one run.

    Args:
        ledger: an open ledger.
        run: name of the run, which the ledger holds already.
    """

    def __init__(self, ledger: Ledger, run: str) -> None:
        """See the class docstring."""
        self.ledger = ledger
        self.run = run
        self._lock = threading.Lock()
        self._proposals = {record.iteration: record for record in ledger.proposals(run)}
        self._rounds = {record.iteration: record for record in ledger.rounds(run)}
        self._priced = {record.question_hash for record in ledger.questions(run)}
        self._baselines: dict[str, Evaluation] = {}
        self._interpretations = {_key(record): record for record in ledger.interpretations(run)}

    def proposal(self, iteration: int) -> Proposal | None:
        """Return the proposal that was made in an iteration, None if none was."""
        record = self._proposals.get(iteration)
        if record is None:
            return None
        file = noted_file(self.ledger, self.run, record)
        return Proposal(file.source, record.name, record.parents, dict(record.parameters), file.parts)

    def add_proposal(self, iteration: int, proposal: Proposal) -> None:
        """Write a proposal."""
        record = ProposalRecord(iteration, proposal.hash, proposal.name, proposal.parents, proposal.parameters)
        parts = [
            (PartRecord(iteration, slot, source_hash(part.source), part.title), part.source)
            for slot, part in enumerate(proposal.parts, 1)
        ]
        self.ledger.add_method(self.run, record, proposal.source, parts)
        self._proposals[iteration] = record

    def round(self, iteration: int) -> RoundRecord | None:
        """Return the outcome of an iteration, None if it is not finished."""
        return self._rounds.get(iteration)

    def add_round(self, outcome: RoundRecord) -> None:
        """Write the outcome of an iteration."""
        if outcome.iteration not in self._rounds:
            self.ledger.add_round(self.run, outcome)
            self._rounds[outcome.iteration] = outcome

    def interpret(self, key: InterpretationKey, make: Callable[[], InterpretationRecord]) -> InterpretationRecord:
        """Return what interpreting the target costs.

        Args:
            key: what it is filed under, see `Arms.interpretation_key`.
            make: interprets the target.
        """
        with self._lock:
            known = self._interpretations.get(key)
        if known is not None:
            return known
        record = make()
        with self._lock:
            self.ledger.add_interpretation(self.run, record)
            self._interpretations[_key(record)] = record
        return record

    def baseline(self, arms: Arms, table: Table) -> Evaluation:
        """Return the baseline setting's evaluation of a question.

        Raises:
            BarredError: the question's task is barred from rewards; nothing of such tasks is ever written.
        """
        question = table.question
        with self._lock:  # one thread makes it, the others find it
            if question.hash not in self._priced:
                check_rewardable(question.task)
                self.ledger.add_question(self.run, arms.priced(table))
                self._priced.add(question.hash)
            if question.hash not in self._baselines:
                self._baselines[question.hash] = self.evaluation("baseline", BASELINE, table) or self._write(
                    "baseline", BASELINE, table, arms.baseline(table)
                )
            return self._baselines[question.hash]

    def evaluation(self, stage: Stage, method: str, table: Table) -> Evaluation | None:
        """Return an evaluation of a question at a stage of the cascade, None if there is none."""
        record = self.ledger.evaluation(self.run, stage, method, table.question.hash)
        if record is None:
            return None
        curves = self.ledger.curves(self.run, stage=stage, method=method, question_hash=table.question.hash)
        return Evaluation(curves, record.spending, record.status, record.reason)

    def evaluations(self, stage: Stage, method: str) -> dict[str, Evaluation]:
        """Return all evaluations of a method at a stage of the cascade, by the question's hash."""
        # records before curves: another process may write both in between, and a record without them would be empty
        records = self.ledger.evaluations(self.run, stage=stage, method=method)
        curves = defaultdict(list)
        for curve in self.ledger.curves(self.run, stage=stage, method=method):
            curves[curve.question_hash].append(curve)
        return {
            record.question_hash: Evaluation(
                tuple(curves[record.question_hash]), record.spending, record.status, record.reason
            )
            for record in records
        }

    def write(self, stage: Stage, method: str, table: Table, evaluation: Evaluation) -> Evaluation:
        """Write the auto-interp setting's evaluation of a question, and return the one that counts."""
        with self._lock:
            return self._write(stage, method, table, evaluation)

    def uses(self) -> list[UseRecord]:
        """Return the uses of the workbench that are written, in their order."""
        return list(self.ledger.uses(self.run))

    def add_use(self, use: UseRecord, source: str) -> None:
        """Write a use of the workbench."""
        self.ledger.add_use(self.run, use, source)

    def source(self, method: str) -> str:
        """Return the source of a method that was proposed or tried."""
        return self.ledger.source(method)

    def open(
        self, kind: OpeningKind, method: str, iteration: int, revealed: bool, value: float | None
    ) -> OpeningRecord:
        """Count a consultation of held-out tasks."""
        return self.ledger.add_opening(
            self.run, kind, method=method, iteration=iteration, revealed=revealed, value=value
        )

    def _write(self, stage: Stage, method: str, table: Table, evaluation: Evaluation) -> Evaluation:
        question = table.question
        record = EvaluationRecord(
            stage=stage,
            method=method,
            task=question.task,
            split=check_rewardable(question.task),
            question_hash=question.hash,
            question_index=question.index,
            status=evaluation.status,
            reason=evaluation.reason,
            spending=evaluation.spending,
        )
        try:
            self.ledger.add_evaluation(self.run, record, evaluation.curves)
        except DuplicateRecordError:  # another process works on this run too, and was faster: its evaluation counts
            return self.evaluation(stage, method, table) or evaluation
        return evaluation


def noted_file(ledger: LedgerReader, run: str, proposal: ProposalRecord) -> MethodFile:
    """Return the file of a proposal with the methods that it puts side by side, as the ledger has them.

    A file of a ledger without parts, or of a version that put them together otherwise, is a method of its own.
    """
    source = ledger.source(proposal.method)
    noted = [each for each in ledger.parts(run) if each.iteration == proposal.iteration]
    parts = tuple(Part(ledger.source(each.method), each.title) for each in noted)
    return MethodFile(source, parts if made_of(source, parts) else ())


def _key(record: InterpretationRecord) -> InterpretationKey:
    return record.method, record.target, record.corpus, record.rulebook
