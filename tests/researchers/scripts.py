"""Models that follow a script in tests: functions of what they are sent, under the provider `script`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from istar.chat import PROVIDERS, ChatModel, Message, Reply, ToolCall

SCRIPTS: dict[str, Callable] = {}
"""What a model of each name says, given the messages and its seed: text, calls, or a whole reply."""
ASKED: list[tuple[str, tuple]] = []
"""Every request that was made, by the model's name, and its messages."""

METHOD = '''"""Method {number}."""
import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), {number}.0)
'''


class ScriptModel(ChatModel):
    """A model that follows a script."""

    def __init__(self, settings):
        self.name, self.settings = settings.model, settings

    def identity(self):
        return {"model": self.name, "temperature": self.settings.temperature}

    def reply(self, messages, tools=(), *, max_tokens, seed=None):
        ASKED.append((self.name, tuple(messages)))
        said = SCRIPTS[self.name](list(messages), seed)
        if isinstance(said, Reply):
            return said
        calls = tuple(said) if not isinstance(said, str) else ()
        message = Message("assistant", said if isinstance(said, str) else "", calls)
        length = sum(len(each.content) for each in messages)
        return Reply(message, "calls" if calls else "stop", length // 4, 50)


PROVIDER = "script"
PROVIDERS.add(PROVIDER, ScriptModel)


def call(tool, /, **arguments):
    """Return a call of a tool."""
    return ToolCall(f"call of {tool}", tool, json.dumps(arguments))


def write(source, name="method", idea="it says a number"):
    """Return what hands in a method."""
    return [call("write_method", name=name, idea=idea, source=source)]


def in_turn(*replies):
    """Return a script that says one thing after the other in each conversation."""

    def script(messages, seed):
        return replies[sum(each.role == "assistant" for each in messages)]

    return script


def counter(messages, seed):
    """Write a method of a number that depends on the seed; edit the first parent where one is shown."""
    number = seed % 10**6
    parent = re.search(r"^Digits (\w+), training", messages[1].content, re.MULTILINE)
    if parent is None or number % 2:
        return write(METHOD.format(number=number), f"number {number}")
    (old,) = re.findall(
        r"_like\(.*\)|full\(\(len\(runs\), 1\), \d+\.0\)", messages[1].content.partition("# Parent 1")[2]
    )[:1]
    edits = [{"old": old, "new": f"full((len(runs), 1), {number}.0)"}]
    return [call("edit_method", method=parent[1], name=f"edit {number}", idea="another", edits=edits)]


SCRIPTS["counter"] = counter
