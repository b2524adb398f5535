"""The ledger: what a search did, in SQL, committed as soon as it is done."""

from istar.ledger.errors import (
    DuplicateRecordError,
    LedgerDamagedError,
    LedgerError,
    LedgerLockedError,
    LedgerReadOnlyError,
    MissingRecordError,
    NewerLedgerError,
    NotALedgerError,
    OldLedgerError,
)
from istar.ledger.ledger import Ledger, default_ledger
from istar.ledger.records import (
    BASELINE,
    BatchSpending,
    EvaluationRecord,
    InterpretationRecord,
    OpeningRecord,
    ProposalRecord,
    QuestionRecord,
    RoundRecord,
    RunConfig,
    RunRecord,
    Spending,
    TaskRecord,
)

__all__ = [
    "BASELINE",
    "BatchSpending",
    "DuplicateRecordError",
    "EvaluationRecord",
    "InterpretationRecord",
    "Ledger",
    "LedgerDamagedError",
    "LedgerError",
    "LedgerLockedError",
    "LedgerReadOnlyError",
    "MissingRecordError",
    "NewerLedgerError",
    "NotALedgerError",
    "OldLedgerError",
    "OpeningRecord",
    "ProposalRecord",
    "QuestionRecord",
    "RoundRecord",
    "RunConfig",
    "RunRecord",
    "Spending",
    "TaskRecord",
    "default_ledger",
]
