"""Models behind endpoints that speak OpenAI's chat completions protocol, through the `openai` package.

Most servers of models speak it: vLLM, llama.cpp, Ollama, OpenRouter and OpenAI itself. What they answer is read as
plain JSON values, for some leave out what the protocol promises.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from istar.chat.model import ChatError, ChatModel, ContextError, Message, Reply, Stop, Tool, ToolCall
from istar.chat.settings import PROVIDERS, ModelSettings
from istar.errors import printable
from istar.texts import storable

if TYPE_CHECKING:
    import openai

EXTRA = "language-models"
"""The extra that brings the client."""
OWN_URL = "https://api.openai.com/v1"
_TOO_LONG = re.compile(r"context.?(length|size|window)|maximum context|too (long|large|many tokens)", re.IGNORECASE)
_NO_TOOLS = re.compile(r"\b(tools?|function.call)", re.IGNORECASE)


@PROVIDERS.register("openai")
class EndpointModel(ChatModel):
    """A model behind an endpoint.

    Args:
        settings: which, and how it is asked.
    """

    def __init__(self, settings: ModelSettings) -> None:
        """See the class docstring; neither client nor key is needed before it is asked."""
        self.settings = settings
        self.name = settings.model
        self.url = settings.base_url or OWN_URL

    @cached_property
    def _client(self) -> openai.OpenAI:
        return _client(self.settings, self.url)

    def identity(self) -> Mapping[str, Any]:
        """See `ChatModel`."""
        settings = self.settings
        return {
            "provider": settings.provider,
            "model": settings.model,
            "base_url": self.url,
            "temperature": settings.temperature,
            "extra": settings.extra,
        }

    def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, max_tokens: int, seed: int | None = None
    ) -> Reply:
        """See `ChatModel`."""
        client = self._client
        import openai

        request = self._request(messages, tools, max_tokens, seed)
        for left in reversed(range(self.settings.retries + 1)):
            begun = False  # before a reply has begun, the client itself asks again
            try:
                answer = client.with_options(max_retries=left).chat.completions.create(**request)
                begun = True
                return self._read(answer)
            except openai.APIConnectionError as error:
                if not begun or not left:
                    raise self._explained(error, bool(tools)) from error
            except (openai.OpenAIError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise self._explained(error, bool(tools)) from error
        raise AssertionError("the last attempt returns or raises")

    def _request(
        self, messages: Sequence[Message], tools: Sequence[Tool], max_tokens: int, seed: int | None
    ) -> dict[str, Any]:
        settings = self.settings
        limit = settings.limit or ("max_completion_tokens" if self.url == OWN_URL else "max_tokens")
        request: dict[str, Any] = {
            "model": settings.model,
            "messages": [_sent(message) for message in messages],
            "extra_body": {limit: max_tokens, **settings.extra},
        }
        if tools:
            request["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": dict(tool.parameters),
                    },
                }
                for tool in tools
            ]
        if settings.temperature is not None:
            request["temperature"] = settings.temperature
        if seed is not None and settings.seeded:
            request["seed"] = seed % 2**31  # some servers hold it in 32 bits
        if settings.stream:
            request |= {"stream": True, "stream_options": {"include_usage": True}}
        return request

    def _read(self, answer: Any) -> Reply:
        """Return the reply that an answer holds, or the pieces of one.

        Raises:
            ChatError: there is none in it, it broke off, or its tokens are not counted.
        """
        if self.settings.stream:
            with answer:
                whole = _put_together(piece.to_dict() for piece in answer)
        else:
            whole = answer.to_dict()
        choice = whole["choices"][0] if whole.get("choices") else {}
        if not choice.get("finish_reason"):
            raise ChatError(
                f"{self._where} broke its reply off before the end; try again, or see what the server's log says"
            )
        usage = whole.get("usage") or {}
        if not isinstance(usage.get("prompt_tokens"), int) or not isinstance(usage.get("completion_tokens"), int):
            hint = "set `stream` to false, where many count, or " if self.settings.stream else ""
            raise ChatError(f"{self._where} does not say how many tokens a reply took; {hint}choose another endpoint")
        said = choice["message"]
        refusal = said.get("refusal")
        calls = tuple(
            ToolCall(
                storable(str(call.get("id") or f"call_{number}")),
                storable(str(call["function"].get("name") or "")),
                storable(str(call["function"].get("arguments") or "")),
            )
            for number, call in enumerate(said.get("tool_calls") or ())
            if call.get("function")
        )
        message = Message("assistant", storable(str(refusal or said.get("content") or "")), calls)
        stop = "refusal" if refusal else _stop(choice["finish_reason"], calls)
        return Reply(message, stop, usage["prompt_tokens"], usage["completion_tokens"])

    @property
    def _where(self) -> str:
        return f"the model {self.name!r} at {self.url}"

    def _explained(self, error: Exception, tools: bool) -> ChatError:
        """Return an error that says what was wrong and what to do."""
        import openai

        if isinstance(error, ChatError):
            return error
        key = self.settings.key
        said = str(getattr(error, "message", None) or error)
        if os.environ.get(key):  # some servers repeat the key that they refuse
            said = said.replace(os.environ[key], "(the key)")
        said = printable(said, 500)
        status = error.status_code if isinstance(error, openai.APIStatusError) else None
        kind = ChatError
        if isinstance(error, openai.APITimeoutError):
            what = (
                f"said nothing for {self.settings.timeout:g} seconds; see whether it is overloaded, or raise `timeout`"
            )
        elif isinstance(error, openai.APIConnectionError):
            reason = printable(str(error.__cause__ or said), 500)
            what = f"cannot be reached ({reason}); see whether it is running and whether `base_url` is right"
        elif status in (401, 403):
            held = "holds another key" if os.environ.get(key) else "is not set"
            what = (
                f"refuses the key ({said}): the environment variable {key} {held}; set it, or name another with `key`"
            )
        elif status == 429:
            what = f"has had enough requests ({said}); wait, raise `retries`, or see what your account may spend"
        elif status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(said)):
            kind = ContextError
            what = f"has too short a context ({said}); choose one with a longer context, or show it less"
        elif status in (400, 422) and "max_completion_tokens" in said:
            what = f"names the most tokens of a reply otherwise ({said}); set `limit` to max_completion_tokens"
        elif tools and status in (400, 404, 422, 500, 501) and _NO_TOOLS.search(said):
            what = f"takes no tools ({said}); choose a model that calls tools, or let its server allow them"
        elif status == 404:
            what = f"is not there ({said}); see how it is called there, and whether `base_url` ends as it should (/v1)"
        elif status is not None:
            what = f"answers {status} ({said})" + ("; try again later" if status >= 500 else "")
        else:
            what = f"answers what is no reply ({said}); see whether `base_url` is that of a chat completions endpoint"
        return kind(f"{self._where} {what}")


def _client(settings: ModelSettings, url: str) -> openai.OpenAI:
    """Return the client.

    Raises:
        ChatError: it is not installed, or the key is missing.
    """
    try:
        import openai
    except ImportError as error:
        raise ChatError(
            f"models behind endpoints are asked with the package openai, which is not installed ({error}); install "
            f"istar with the extra {EXTRA}: pip install 'istar[{EXTRA}]'"
        ) from error
    key = os.environ.get(settings.key)
    if key is None and url == OWN_URL:
        raise ChatError(
            f"OpenAI's endpoint wants a key, and the environment variable {settings.key} is not set; set it, or state "
            "the `base_url` of another endpoint"
        )
    return openai.OpenAI(
        api_key=key or "none",
        base_url=url,  # and not what an environment variable says: it is recorded
        timeout=settings.timeout,
    )


def _sent(message: Message) -> dict[str, Any]:
    """Return a message as the protocol writes it."""
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        sent["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        sent["tool_call_id"] = message.call
    return sent


def _put_together(pieces: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the reply that came in pieces, in the form of one that came whole; calls are in the order of their index.

    A call's pieces bear its index; where they bear none, a piece with an id begins a call.
    """
    texts: dict[str, list[str]] = {"content": [], "refusal": []}
    calls: dict[int, dict[str, Any]] = {}
    finish, usage = None, None
    piece: Mapping[str, Any] | None = None
    for piece in pieces:
        usage = piece.get("usage") or usage
        for choice in _first(piece.get("choices")):
            finish = choice.get("finish_reason") or finish
            delta = choice.get("delta") or {}
            for name, text in texts.items():
                text.append(delta.get(name) or "")
            for each in delta.get("tool_calls") or ():
                begins = bool(each.get("id")) or not calls
                index = each.get("index")
                index = max(calls, default=-1) + begins if index is None else index
                call = calls.setdefault(index, {"id": "", "function": {"name": "", "arguments": ""}})
                call["id"] = call["id"] or each.get("id") or ""
                for name, text in (each.get("function") or {}).items():
                    if name in call["function"]:
                        call["function"][name] += text or ""
    if piece is None:
        raise ValueError("no piece of a stream; where an endpoint has none, set `stream` to false")
    message = {name: "".join(text) for name, text in texts.items()}
    said = {**message, "tool_calls": [calls[index] for index in sorted(calls)]}
    return {"choices": [{"message": said, "finish_reason": finish}], "usage": usage}


def _first(choices: Sequence[Mapping[str, Any]] | None) -> Iterator[Mapping[str, Any]]:
    """Yield the first choice of a piece, if it has any: only one was asked for."""
    yield from (choices or ())[:1]


def _stop(reason: str, calls: Sequence[ToolCall]) -> Stop:
    """Return why a reply ended: some servers say `stop` where it ended with calls."""
    if reason == "length":
        return "length"
    if reason == "content_filter":
        return "refusal"
    return "calls" if calls else "stop"
