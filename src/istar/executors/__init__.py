"""Executors: what answers a question under a FLOP budget, with or without a method's channels."""

from istar.executors.executor import EXECUTORS, Executor, ExecutorError, Trace, make_executor
from istar.executors.history import Heard, History
from istar.executors.language_model.language_model import LanguageModelExecutor
from istar.executors.market import ChannelOffer, Market, budget_checkpoints
from istar.executors.statistician.statistician import Statistician

__all__ = [
    "EXECUTORS",
    "ChannelOffer",
    "Executor",
    "ExecutorError",
    "Heard",
    "History",
    "LanguageModelExecutor",
    "Market",
    "Statistician",
    "Trace",
    "budget_checkpoints",
    "make_executor",
]
