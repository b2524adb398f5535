"""A chat model that follows a script: for tests, and to replay what a model said without it.

What it says depends on the conversation alone, by default on how often it has spoken in it, so that one may be shared
between threads and asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from istar.chat.model import ChatError, ChatModel, Message, Reply, Tool, ToolCall
from istar.errors import IstarError
from istar.files import read_text

CHARACTERS_PER_TOKEN = 4
"""A text of which nothing else says how many tokens it has is counted as one for so many characters, rounded up."""

Line = Reply | Mapping[str, Any]
"""A reply, or the same as JSON values: see `scripted_reply`."""


class ScriptedModel(ChatModel):
    """A model whose replies are written down.

    Args:
        script: its replies in order, or a function of the messages that returns the next one.
        name: what it is called.

    Raises:
        ChatError: a reply is not one.
    """

    def __init__(self, script: Sequence[Line] | Callable[[Sequence[Message]], Line], name: str = "scripted") -> None:
        """See the class docstring."""
        self.name = name
        self._script = script if callable(script) else [_reply(line, place) for place, line in enumerate(script)]

    @classmethod
    def read(cls, file: Path) -> ScriptedModel:
        """Return the model that a file holds the script of: a JSON list of replies.

        Raises:
            ChatError: the file holds no script.
            StorageError: it cannot be read.
        """
        try:
            script = json.loads(read_text(file))
        except ValueError as error:
            raise ChatError(f"{file} holds no script: {error}; write a JSON list of replies") from None
        if isinstance(script, dict) and "replies" in script:
            script = script["replies"]
        if not isinstance(script, list):
            raise ChatError(f"{file} holds no script but a {type(script).__name__}; write a JSON list of replies")
        return cls(script, name=f"scripted:{file.name}")

    def identity(self) -> Mapping[str, Any]:
        """See the base class; a function is known by its name alone."""
        if callable(self._script):
            name = getattr(self._script, "__qualname__", type(self._script).__qualname__)
            return {"scripted": f"{self._script.__module__}.{name}"}
        text = json.dumps([reply.to_json() for reply in self._script], sort_keys=True)
        return {"scripted": hashlib.sha256(text.encode()).hexdigest()}

    def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, max_tokens: int, seed: int | None = None
    ) -> Reply:
        """See the base class."""
        spoken = sum(message.role == "assistant" for message in messages)
        if callable(self._script):
            found = _reply(self._script(messages), spoken)
        elif spoken < len(self._script):
            found = self._script[spoken]
        else:
            raise ChatError(
                f"the script of {self.name} has {len(self._script)} replies, and reply {spoken + 1} is asked for; "
                "write one more, or let the last one end the conversation"
            )
        if found.input_tokens >= 0 and found.output_tokens >= 0:
            return found
        given = _tokens([*messages, *(Message("system", json.dumps(_described(tool))) for tool in tools)])
        return Reply(
            found.message,
            found.stop,
            given if found.input_tokens < 0 else found.input_tokens,
            _tokens([found.message]) if found.output_tokens < 0 else found.output_tokens,
            found.flops,
        )


def scripted_reply(line: Mapping[str, Any]) -> Reply:
    """Return a reply that is written as JSON values.

    Args:
        line: either what `Reply.to_json` returns, or `content` and `calls`, each of these with a `name` and
            `arguments`, and what is known of `input_tokens`, `output_tokens` and `flops`; -1 stands for tokens that
            are to be counted by `CHARACTERS_PER_TOKEN`.

    Raises:
        ValueError: it is neither.
    """
    if "message" in line:
        return Reply.from_json(line)
    known = {"content", "calls", "stop", "input_tokens", "output_tokens", "flops"}
    if unknown := set(line) - known:
        raise ValueError(f"there is no {', '.join(sorted(unknown))} in a reply; there are {', '.join(sorted(known))}")
    calls = tuple(
        ToolCall(str(call.get("id", f"call_{place}")), str(call["name"]), _arguments(call.get("arguments", {})))
        for place, call in enumerate(line.get("calls", ()))
    )
    stop = line.get("stop", "calls" if calls else "stop")
    message = Message("assistant", str(line.get("content", "")), calls)
    given, written = (int(line.get(name, -1)) for name in ("input_tokens", "output_tokens"))
    return Reply(message, stop, given, written, line.get("flops"))


def _reply(line: Line, place: int) -> Reply:
    if isinstance(line, Reply):
        return line
    try:
        return scripted_reply(line)
    except IstarError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ChatError(f"reply {place} of the script is none: {error!r}; give `content`, `calls` or both") from error


def _arguments(given: Any) -> str:
    """Return arguments as a model writes them; text stays as it is, valid or not."""
    return given if isinstance(given, str) else json.dumps(given)


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def _tokens(messages: Sequence[Message]) -> int:
    characters = sum(
        len(each.content) + sum(len(call.name) + len(call.arguments) for call in each.calls) for each in messages
    )
    return -(-characters // CHARACTERS_PER_TOKEN)
