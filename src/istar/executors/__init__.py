"""Executors: what answers a question under a FLOP budget, with or without a method's channels."""

from istar.executors.executor import EXECUTORS, Executor, ExecutorError, Trace
from istar.executors.market import ChannelOffer, Market, budget_checkpoints
from istar.executors.statistician.fidelity.experience import Experience
from istar.executors.statistician.fidelity.hindsight import ChannelRecord
from istar.executors.statistician.statistician import Statistician
from istar.executors.statistician.table_model.priors import (
    PriorError,
    QuestionRecord,
    TaskPrior,
    learn_records,
    pool,
    prior_of_question,
    record_of,
    task_priors,
)

__all__ = [
    "EXECUTORS",
    "ChannelOffer",
    "ChannelRecord",
    "Executor",
    "ExecutorError",
    "Experience",
    "Market",
    "PriorError",
    "QuestionRecord",
    "Statistician",
    "TaskPrior",
    "Trace",
    "budget_checkpoints",
    "learn_records",
    "pool",
    "prior_of_question",
    "record_of",
    "task_priors",
]
