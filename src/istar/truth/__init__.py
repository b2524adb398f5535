"""Truth: brute-force tables, how they are built, kept, verified, and how reliable their answers are."""

from istar.truth.build import build_table, build_truth
from istar.truth.parquet import ParquetStore
from istar.truth.reliability import split_half_reliability
from istar.truth.store import (
    Digest,
    MissingTruthError,
    Stores,
    TruthStore,
    default_store,
    load_tables,
    shipped_folder,
    target_id,
    user_folder,
)
from istar.truth.summaries import TaskSummary, task_summaries
from istar.truth.table import Provenance, Table, TableKey, TruthError
from istar.truth.verify import Verification, WrongCell, verify_table

__all__ = [
    "Digest",
    "MissingTruthError",
    "ParquetStore",
    "Provenance",
    "Stores",
    "Table",
    "TableKey",
    "TaskSummary",
    "TruthError",
    "TruthStore",
    "Verification",
    "WrongCell",
    "build_table",
    "build_truth",
    "default_store",
    "load_tables",
    "shipped_folder",
    "split_half_reliability",
    "target_id",
    "task_summaries",
    "user_folder",
    "verify_table",
]
