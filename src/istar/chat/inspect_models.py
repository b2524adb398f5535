"""Models that Inspect AI has a provider for: whatever its `get_model` takes, as `anthropic/...` or `google/...`.

The package cannot be installed beside istar's pinned ones, so no extra brings it: it is used where it is installed.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from istar.chat.model import ChatError, ChatModel, Message, Reply, Stop, Tool, ToolCall
from istar.chat.settings import PROVIDERS, ModelSettings
from istar.errors import printable

STOPS: Mapping[str, Stop] = {
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "calls",
    "content_filter": "refusal",
}
"""Why a reply ended, by Inspect AI's words; by itself, where they say anything else."""


@PROVIDERS.register("inspect")
class InspectModel(ChatModel):
    """A model of one of Inspect AI's providers.

    Args:
        settings: which, and how it is asked; `key`, `stream` and `limit` are left to Inspect AI.
    """

    def __init__(self, settings: ModelSettings) -> None:
        """See the class docstring; nothing is imported before it is asked."""
        self.settings = settings
        self.name = settings.model

    def identity(self) -> Mapping[str, Any]:
        """See `ChatModel`."""
        settings = self.settings
        return {
            "provider": settings.provider,
            "model": settings.model,
            "base_url": settings.base_url,
            "temperature": settings.temperature,
            "extra": settings.extra,
        }

    def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, max_tokens: int, seed: int | None = None
    ) -> Reply:
        """See `ChatModel`."""
        model, loop = self._model, self._loop
        from inspect_ai.model import GenerateConfig
        from inspect_ai.tool import ToolInfo

        settings = self.settings
        config = GenerateConfig(
            max_tokens=max_tokens,
            temperature=settings.temperature,
            seed=seed % 2**31 if seed is not None and settings.seeded else None,
            attempt_timeout=round(settings.timeout) or 1,
            max_retries=settings.retries,
            extra_body=settings.extra or None,
        )
        offered = [
            ToolInfo(name=tool.name, description=tool.description, parameters=dict(tool.parameters)) for tool in tools
        ]
        asked = model.generate([_sent(each, messages) for each in messages], offered, config=config)
        try:
            output = asyncio.run_coroutine_threadsafe(asked, loop).result()
        except Exception as error:
            raise self._failed(error) from error
        if output.error or not output.choices:
            raise ChatError(f"the model {self.name!r} does not answer: {printable(output.error, 500)}; try again later")
        if output.usage is None:
            raise ChatError(
                f"Inspect AI's provider of {self.name!r} does not say how many tokens a reply took; choose another"
            )
        said = output.choices[0].message
        calls = tuple(
            # what could not be read is passed on as it is said of it, which is no JSON either
            ToolCall(call.id, call.function, call.parse_error or json.dumps(call.arguments))
            for call in said.tool_calls or ()
        )
        usage = output.usage
        cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
        stop = STOPS.get(output.stop_reason, "calls" if calls else "stop")
        return Reply(Message("assistant", said.text, calls), stop, usage.input_tokens + cached, usage.output_tokens)

    @cached_property
    def _model(self) -> Any:
        try:
            from inspect_ai.model import get_model
        except ImportError as error:
            raise ChatError(
                f"the provider `inspect` is Inspect AI, which is not installed ({error}); install inspect-ai into an "
                "environment of istar without its pinned versions, or use an endpoint with the provider `openai`"
            ) from error
        try:
            return get_model(self.settings.model, base_url=self.settings.base_url)
        except Exception as error:
            raise self._failed(error) from error

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """One loop for all replies: a provider's connections belong to the loop that they were opened in."""
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True, name="inspect models").start()
        return loop

    def _failed(self, error: Exception) -> ChatError:
        said = printable(str(getattr(error, "message", None) or error) or type(error).__name__, 500)
        return ChatError(f"Inspect AI cannot ask the model {self.name!r}: {said}; see its documentation of providers")


def _sent(message: Message, messages: Sequence[Message]) -> Any:
    """Return a message as Inspect AI has it; what answers a call names the call's function."""
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageTool, ChatMessageUser
    from inspect_ai.tool import ToolCall as Call

    if message.role == "tool":
        names = {call.id: call.name for each in messages for call in each.calls}
        return ChatMessageTool(content=message.content, tool_call_id=message.call, function=names.get(message.call))
    if message.role == "assistant":
        calls = [Call(id=each.id, function=each.name, arguments=_read(each.arguments)) for each in message.calls]
        return ChatMessageAssistant(content=message.content, tool_calls=calls or None)
    return (ChatMessageSystem if message.role == "system" else ChatMessageUser)(content=message.content)


def _read(arguments: str) -> dict[str, Any]:
    try:
        read = json.loads(arguments)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
