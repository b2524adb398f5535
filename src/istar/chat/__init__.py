"""Chat models: language models that are sent messages and tools and answer with a message or with calls.

Both chairs ask one in the same way: the researcher that writes methods and the executor that answers questions.
"""

from istar.chat.model import ChatError, ChatModel, Message, Reply, Tool, ToolCall

__all__ = ["ChatError", "ChatModel", "Message", "Reply", "Tool", "ToolCall"]
