"""Truth: brute-force tables, how they are built, kept, verified, and how reliable their answers are."""

from typing import TYPE_CHECKING

from istar.deferred import deferred

if TYPE_CHECKING:
    from istar.truth.asked import Asked
    from istar.truth.build import build_table, build_truth
    from istar.truth.lookup import StaleTruthError, asked_of, load_tables, stored_tables
    from istar.truth.parquet import ParquetStore
    from istar.truth.plan import PlannedTable, flops_per_second, plan_truth
    from istar.truth.reliability import split_half_reliability
    from istar.truth.store import (
        Digest,
        MissingTruthError,
        Stores,
        TruthStore,
        default_store,
        shipped_folder,
        target_id,
        user_folder,
    )
    from istar.truth.summaries import TaskSummary, refuse_stale, task_summaries
    from istar.truth.table import Provenance, Table, TableKey, TruthError
    from istar.truth.verify import Verification, WrongCell, verify_table
else:
    __getattr__ = deferred(__name__)

__all__ = [
    "Asked",
    "Digest",
    "MissingTruthError",
    "ParquetStore",
    "PlannedTable",
    "Provenance",
    "StaleTruthError",
    "Stores",
    "Table",
    "TableKey",
    "TaskSummary",
    "TruthError",
    "TruthStore",
    "Verification",
    "WrongCell",
    "asked_of",
    "build_table",
    "build_truth",
    "default_store",
    "flops_per_second",
    "load_tables",
    "plan_truth",
    "refuse_stale",
    "shipped_folder",
    "split_half_reliability",
    "stored_tables",
    "target_id",
    "task_summaries",
    "user_folder",
    "verify_table",
]
