"""What a chat model is sent and what it answers, whoever serves it.

The words are those of the chat completions protocol that OpenAI-compatible endpoints speak: messages with roles, tools
with JSON schemas, calls whose arguments are JSON text as the model wrote it, valid or not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from istar.errors import IstarError

Role = Literal["system", "user", "assistant", "tool"]
Stop = Literal["stop", "length", "calls", "refusal"]


class ChatError(IstarError):
    """A model that does not answer, or not as was agreed."""


class ContextError(ChatError):
    """A conversation that is longer than the model can read."""


@dataclass(frozen=True)
class ToolCall:
    """A call that a model asks for.

    Attributes:
        id: the model's own name of the call, which its answer repeats.
        name: the tool's name, as the model wrote it.
        arguments: its arguments, as the model wrote them: JSON if all is well.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: who says it.
        content: its text.
        calls: the calls that a model asks for with it.
        call: the id of the call that a message of the role `tool` answers.
    """

    role: Role
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    call: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the message as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Message:
        """Return the message that `to_json` described."""
        return cls(**{**values, "calls": tuple(ToolCall(**call) for call in values["calls"])})


@dataclass(frozen=True)
class Tool:
    """A tool that a model may call.

    Attributes:
        name: its name.
        description: what it does, for the model.
        parameters: the JSON schema of its arguments.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes:
        message: the answer; its role is `assistant`.
        stop: why it ended: by itself, at the most tokens allowed, with calls, or with a refusal.
        input_tokens: tokens of what it was sent, as its server counts them.
        output_tokens: tokens of what it wrote.
        flops: FLOPs of reading and writing these where a meter counted them; None if they follow from the tokens alone.
    """

    message: Message
    stop: Stop
    input_tokens: int
    output_tokens: int
    flops: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the reply as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Reply:
        """Return the reply that `to_json` described."""
        return cls(**{**values, "message": Message.from_json(values["message"])})


class ChatModel(ABC):
    """A language model that answers conversations; safe to share between threads.

    Attributes:
        name: what it is called where it is served.
    """

    name: str

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Return what decides its answers besides what it is sent, as JSON values without secrets."""

    @abstractmethod
    def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, max_tokens: int, seed: int | None = None
    ) -> Reply:
        """Return the model's answer to a conversation.

        Args:
            messages: the conversation so far, the system's message first if there is one.
            tools: what it may call.
            max_tokens: it writes at most so many.
            seed: decides what it samples, where its server takes one.

        Raises:
            ChatError: it does not answer; the message says why and what to do.
        """
