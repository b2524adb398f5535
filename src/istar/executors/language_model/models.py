"""The model that an option names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from istar.chat import ChatError, ChatModel, check_calls, model_settings, open_model
from istar.chat.local import LocalModel
from istar.chat.scripted import ScriptedModel

LOCAL, SCRIPTED = "local:", "scripted:"


def chat_model(name: str, **options: Any) -> ChatModel:
    """Return the model of this name.

    Args:
        name: `local:` with a target's name, a folder or a hub id; `scripted:` with a file of replies; anything else is
            the name of a model that is served elsewhere.
        options: of the local model's constructor, or the settings of a served one (`istar.chat.ModelSettings`).

    Raises:
        ChatError: there is no such model, or it has no such settings.
        TypeError: it has no such option.
        ValueError: it refuses the value of one.
    """
    if name.startswith(LOCAL) and len(name) > len(LOCAL):
        return LocalModel(name.removeprefix(LOCAL), **options)
    if name.startswith(SCRIPTED) and len(name) > len(SCRIPTED):
        if options:
            raise ValueError(f"a scripted model has no options, and {', '.join(options)} is given")
        return ScriptedModel.read(Path(name.removeprefix(SCRIPTED)))
    if not name or name in (LOCAL, SCRIPTED):
        raise ChatError(
            f"no model is called {name!r}; give local:NAME, as in local:smollm2-135m, scripted:FILE, or the name of a "
            "model that an endpoint serves"
        )
    return open_model(*model_settings([{"model": name, **options}]))


def check_ready(model: ChatModel) -> None:
    """Ask a model that is served elsewhere whether it is there and calls tools, with one short request.

    Raises:
        ChatError: it is not, or does not; the message says what to do.
    """
    if not isinstance(model, LocalModel | ScriptedModel):
        check_calls(model)


def is_metered(name: str) -> bool:
    """Whether a model of this name counts the FLOPs of what it reads and writes."""
    return name.startswith((LOCAL, SCRIPTED))
