"""Asking models: which is asked is drawn by weight, each exchange is stored, and a budget says when it is enough."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from istar.chat.model import ChatError, ChatModel, Message, Tool
from istar.chat.settings import ModelSettings, open_model
from istar.chat.transcript import Exchange, Request, Transcript
from istar.errors import printable
from istar.seeds import Seed


class BudgetError(ChatError):
    """A budget of tokens, money or seconds that is spent; nothing was asked."""


class ReplayError(ChatError):
    """A request that stands in no transcript, where no model is to be asked."""


@dataclass(frozen=True)
class ChatBudget:
    """What models may take; None for no bound.

    Attributes:
        tokens: tokens read and written.
        money: by the prices of the models.
        seconds: wall-clock seconds of waiting for replies.
    """

    tokens: int | None = None
    money: float | None = None
    seconds: float | None = None

    def check(self, exchanges: Sequence[Exchange]) -> None:
        """Check that something is left, given what was exchanged.

        Raises:
            BudgetError: nothing is.
        """
        replies = [each.reply for each in exchanges]
        spent: dict[str, float] = {
            "tokens": sum(each.input_tokens + each.output_tokens for each in replies),
            "money": sum(each.money for each in exchanges),
            "seconds": sum(each.seconds for each in exchanges),
        }
        for name, most in (("tokens", self.tokens), ("money", self.money), ("seconds", self.seconds)):
            if most is not None and spent[name] >= most:
                raise BudgetError(
                    f"the language model's budget of {most:g} {name} is spent ({spent[name]:g}); begin another run "
                    "with more to go further"
                )


class Models:
    """Models that are asked through a transcript: what stands there is answered from there.

    Args:
        settings: of each model.
        transcript: where exchanges are found and written.
        budget: what all may take together.
        recorded: exchanges that are answered in place of the models; None to ask the models.

    Raises:
        ChatError: money is bounded, and a model has no prices.
    """

    def __init__(
        self,
        settings: Sequence[ModelSettings],
        transcript: Transcript,
        budget: ChatBudget,
        recorded: Sequence[Exchange] | None = None,
    ) -> None:
        """See the class docstring."""
        self.settings = tuple(settings)
        self.transcript = transcript
        self.budget = budget
        self._recorded = None if recorded is None else {each.hash: each for each in recorded}
        self._models: dict[int, ChatModel] = {}
        check_prices(settings, budget)

    def draw(self, seed: Seed) -> int:
        """Return the number of a model, drawn by weight."""
        weights = [each.weight for each in self.settings]
        generator = seed.generator()
        return int(generator.choice(len(weights), p=[each / sum(weights) for each in weights]))

    def ask(
        self, number: int, messages: Sequence[Message], tools: Sequence[Tool], *, max_tokens: int, seed: int
    ) -> Exchange:
        """Return what a model answers to a conversation; it is asked where that is not stored yet.

        Args:
            number: of the model, as `draw` gives it.
            messages: the conversation so far.
            tools: what it may call.
            max_tokens: the most tokens of the reply.
            seed: of what it samples.

        Raises:
            BudgetError: the budget is spent.
            ReplayError: this was not asked when what is replayed was recorded.
            ChatError: the model does not answer.
        """
        model = self._model(number)
        request = Request(model.identity(), tuple(messages), tuple(tools), max_tokens, seed)
        known = self.transcript.find(request.hash)
        if known is not None:
            return known
        self.budget.check(tuple(self.transcript))
        if self._recorded is not None:
            if request.hash not in self._recorded:
                raise ReplayError(
                    f"the model {model.name!r} is asked something that stands in no exchange of the transcript that is "
                    "replayed; replay it with the settings, seed, prompts and version that it was made with"
                )
            exchange = self._recorded[request.hash]
        else:
            began = time.monotonic()
            reply = model.reply(messages, tools, max_tokens=max_tokens, seed=seed)
            money = self.settings[number].price(reply.input_tokens, reply.output_tokens)
            exchange = Exchange(request, reply, time.monotonic() - began, money)
        self.transcript.add(exchange)
        return exchange

    def _model(self, number: int) -> ChatModel:
        if number not in self._models:
            self._models[number] = open_model(self.settings[number])
        return self._models[number]


def check_prices(settings: Sequence[ModelSettings], budget: ChatBudget) -> None:
    """Check that money is bounded only where it can be counted.

    Raises:
        ChatError: a model has no prices.
    """
    for each in settings:
        if budget.money is not None and (each.input_price is None or each.output_price is None):
            raise ChatError(
                f"a budget of money needs prices, and the model {each.model!r} has none; state `input_price` and "
                "`output_price`, those of a million tokens"
            )


READY = Tool("ready", "Say that you are ready.", {"type": "object", "properties": {}})
_QUESTION = Message("user", "Call the tool `ready`, and say nothing else.")
_ENOUGH = 4000
"""Tokens that suffice for a call, and for what a model may think before it."""


def check_calls(model: ChatModel) -> None:
    """Check, with one short request, that a model is there, lets itself be asked and calls tools.

    Raises:
        ChatError: it does not; the message says what to do.
    """
    reply = model.reply([_QUESTION], [READY], max_tokens=_ENOUGH, seed=0)
    if not any(call.name == READY.name for call in reply.message.calls):
        wrote = printable(reply.message.content, 200)
        raise ChatError(
            f"the model {model.name!r} was asked to call a tool and wrote {wrote!r}; choose a model that calls tools, "
            "or let its server allow them"
        )
