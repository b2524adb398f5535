"""The conversation with the model that answers a question: replies, their price, and when it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from istar.chat import ContextError, Message, Reply
from istar.executors.executor import ExecutorError
from istar.texts import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from istar.chat import ChatModel, Tool
    from istar.executors.language_model.desk import Desk
    from istar.executors.language_model.till import Till
    from istar.seeds import Seed

MOST_CALLS = 16
"""Calls of one reply that are answered."""
MOST_SILENT = 3
"""Replies in a row without a call after which the agent is given up."""
BEGIN = "Answer the question. Begin with a call of `describe`."
CALL = "Nothing was called. Act by calling a tool; what is written besides is not read."


class End(IntEnum):
    """Why a conversation ended: the measure `agent.end`.

    Attributes:
        FINAL: the agent said that its answer was final.
        SPENT: as much as brute force was spent.
        REPLIES: it had as many replies as it may have.
        SILENT: it called nothing, several times in a row.
        CONTEXT: the conversation was longer than the model can read.
    """

    FINAL = 0
    SPENT = 1
    REPLIES = 2
    SILENT = 3
    CONTEXT = 4


@dataclass
class Pricing:
    """What the tokens of one conversation cost.

    With a declared number of parameters a token costs twice as many FLOPs, and each is read once: as rows are priced as
    with an ideal prefix cache, so is a conversation, of which only what is new since the last reply is read. Without,
    the FLOPs are those that the model's meter counted.

    Attributes:
        parameters: of the model that take part in each token; None where it is metered.
        read: tokens of the conversation that were read and written before.
    """

    parameters: int | None
    read: int = 0

    def flops(self, reply: Reply) -> int:
        """Return what a reply took.

        Raises:
            ExecutorError: the model is neither metered nor are its parameters declared.
        """
        if self.parameters is None:
            if reply.flops is None:
                raise ExecutorError(
                    "what the model takes is neither metered nor declared; say how many parameters take part in each "
                    "token by the option `parameters`"
                )
            return reply.flops
        new = max(0, reply.input_tokens - self.read) + reply.output_tokens
        self.read = max(self.read, reply.input_tokens + reply.output_tokens)
        return 2 * self.parameters * new


@dataclass
class Conversation:
    """One conversation, which is about one question.

    Attributes:
        model: who is asked.
        tools: what it may call.
        pricing: what its tokens cost.
        tokens: tokens of a reply at most.
        messages: what was said.
        replies: the model's, in order.
        end: why it ended.
    """

    model: ChatModel
    tools: Sequence[Tool]
    pricing: Pricing
    tokens: int
    messages: list[Message]
    replies: list[Reply] = field(default_factory=list)
    end: End = End.REPLIES

    @classmethod
    def begin(
        cls, model: ChatModel, tools: Sequence[Tool], pricing: Pricing, tokens: int, instructions: str
    ) -> Conversation:
        """Return a conversation in which nothing but the instructions is said."""
        return cls(model, tools, pricing, tokens, [Message("system", instructions), Message("user", BEGIN)])

    def hold(self, till: Till, desk: Desk, most_replies: int, seed: Seed) -> None:
        """Let the model act until it is done, or has no more to act with.

        Args:
            till: pays.
            desk: answers its calls.
            most_replies: it replies at most so often.
            seed: decides what is sampled.

        Raises:
            ChatError: the model does not answer, or cannot read so much as the beginning.
            ExecutorError: nobody knows what a reply takes.
        """
        silent = 0
        for number in range(most_replies):
            try:
                reply = self.model.reply(
                    self.messages, self.tools, max_tokens=self.tokens, seed=seed.split("reply", number).value
                )
            except ContextError:
                if not self.replies:
                    raise
                self.end = End.CONTEXT
                return
            self.replies.append(reply)
            self.messages.append(reply.message)
            till.think(self.pricing.flops(reply))
            if till.over:
                self.end = End.SPENT
                return
            if self._answer_calls(reply, desk):
                self.end = End.FINAL
                return
            silent = 0 if reply.message.calls else silent + 1
            if silent == MOST_SILENT:
                self.end = End.SILENT
                return
            if not reply.message.calls:
                self.messages.append(Message("user", CALL))
            if till.over:
                self.end = End.SPENT
                return

    def _answer_calls(self, reply: Reply, desk: Desk) -> bool:
        """Do what a reply asks for, and return whether an answer was final; nothing called after that is done."""
        for place, call in enumerate(reply.message.calls):
            final = False
            if place < MOST_CALLS:
                result, final = desk.call(call)
            else:
                result = {"error": f"no more than {MOST_CALLS} calls of one reply are answered; call again"}
            told = storable(
                json.dumps(result, ensure_ascii=False, separators=(",", ":"))
            )  # half a character is no text
            self.messages.append(Message("tool", told, call=call.id))
            if final:
                return True
        return False

    def measures(self) -> Mapping[str, float]:
        """Return numbers about it, for the curve."""
        return {
            "agent.end": int(self.end),
            "agent.replies": len(self.replies),
            "agent.input_tokens": sum(reply.input_tokens for reply in self.replies),
            "agent.output_tokens": sum(reply.output_tokens for reply in self.replies),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the whole of it as JSON values; `istar.chat.scripted` says its replies again."""
        return {
            "model": dict(self.model.identity()),
            "end": self.end.name,
            "messages": [message.to_json() for message in self.messages],
            "replies": [reply.to_json() for reply in self.replies],
        }
