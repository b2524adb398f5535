"""What was said to language models in a run, conversation by conversation, from its transcript."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from istar.chat import Exchange, Message
from istar.ledger import ProposalRecord


@dataclass(frozen=True)
class Talk:
    """One conversation.

    Attributes:
        proposal: what came of it; None for nothing.
        model: name of the model.
        temperature: at which it sampled; None where that was left to its server.
        messages: all that was said, in order.
        tokens: tokens read and written, over all replies.
        seconds: wall-clock time of waiting for replies.
        money: what they cost, by the prices that were stated.
    """

    proposal: ProposalRecord | None
    model: str
    temperature: float | None
    messages: tuple[Message, ...]
    tokens: int
    seconds: float
    money: float


def talks(exchanges: Iterable[Exchange], proposals: Mapping[int, ProposalRecord]) -> list[Talk]:
    """Return the conversations that exchanges are parts of, in the order in which they began.

    Args:
        exchanges: those of a transcript.
        proposals: the proposals of the run by iteration; each names the exchanges that it came of.
    """
    came_of = {each: proposal for proposal in proposals.values() for each in proposal.parameters.get("exchanges", ())}
    found: list[list[Exchange]] = []
    open_ones: dict[tuple[Message, ...], list[Exchange]] = {}  # by all that was said, which an exchange goes on from
    for exchange in exchanges:
        said = exchange.request.messages
        before = next((said[:length] for length in range(len(said), 0, -1) if said[:length] in open_ones), None)
        conversation = [] if before is None else open_ones.pop(before)
        if before is None:
            found.append(conversation)
        conversation.append(exchange)
        open_ones[(*said, exchange.reply.message)] = conversation
    return [_talk(each, came_of.get(each[-1].hash)) for each in found]


def _talk(exchanges: list[Exchange], proposal: ProposalRecord | None) -> Talk:
    last = exchanges[-1]
    identity = last.request.identity
    return Talk(
        proposal=proposal,
        model=str(identity.get("model", "")),
        temperature=identity.get("temperature"),
        messages=(*last.request.messages, last.reply.message),
        tokens=sum(each.reply.input_tokens + each.reply.output_tokens for each in exchanges),
        seconds=sum(each.seconds for each in exchanges),
        money=sum(each.money for each in exchanges),
    )
