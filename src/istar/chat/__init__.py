"""Chat models: language models that are sent messages and tools and answer with a message or with calls.

Both chairs ask one in the same way: the researcher that writes methods and the executor that answers questions.
"""

from istar.chat.asking import BudgetError, ChatBudget, Models, ReplayError, check_calls, check_prices
from istar.chat.model import ChatError, ChatModel, ContextError, Message, Reply, Tool, ToolCall
from istar.chat.settings import PROVIDERS, ModelSettings, model_settings, open_model
from istar.chat.transcript import TRANSCRIPT_FILE, Exchange, Transcript, TranscriptError, read_transcript

__all__ = [
    "PROVIDERS",
    "TRANSCRIPT_FILE",
    "BudgetError",
    "ChatBudget",
    "ChatError",
    "ChatModel",
    "ContextError",
    "Exchange",
    "Message",
    "ModelSettings",
    "Models",
    "ReplayError",
    "Reply",
    "Tool",
    "ToolCall",
    "Transcript",
    "TranscriptError",
    "check_calls",
    "check_prices",
    "model_settings",
    "open_model",
    "read_transcript",
]
