"""Executors: what answers a question under a FLOP budget, with or without a method's channels."""

from istar.executors.executor import EXECUTORS, Executor, ExecutorError, Trace
from istar.executors.experience import Experience
from istar.executors.hindsight import ChannelRecord
from istar.executors.market import ChannelOffer, Market, budget_checkpoints
from istar.executors.priors import (
    PriorError,
    QuestionRecord,
    TaskPrior,
    learn_records,
    pool,
    prior_of_question,
    record_of,
    task_priors,
)
from istar.executors.statistician import Statistician

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
