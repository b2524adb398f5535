"""The model that an option names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from istar.chat import ChatError, ChatModel
from istar.chat.local import LocalModel
from istar.chat.scripted import ScriptedModel

LOCAL, SCRIPTED = "local:", "scripted:"


def chat_model(name: str, **options: Any) -> ChatModel:
    """Return the model of this name.

    Args:
        name: `local:` with a target's name, a folder or a hub id, or `scripted:` with a file of replies.
        options: of the model's constructor.

    Raises:
        ChatError: there is no such model.
        TypeError: it has no such option.
        ValueError: it refuses the value of one.
    """
    if name.startswith(LOCAL) and len(name) > len(LOCAL):
        return LocalModel(name.removeprefix(LOCAL), **options)
    if name.startswith(SCRIPTED) and len(name) > len(SCRIPTED):
        if options:
            raise ValueError(f"a scripted model has no options, and {', '.join(options)} is given")
        return ScriptedModel.read(Path(name.removeprefix(SCRIPTED)))
    raise ChatError(f"no model is called {name!r:.200}; give local:NAME, as in local:smollm2-135m, or scripted:FILE")


def is_metered(name: str) -> bool:
    """Whether a model of this name counts the FLOPs of what it reads and writes."""
    return name.startswith((LOCAL, SCRIPTED))
