"""What the doors to outside libraries stand on: a shared opening, and a seat that answers calls in text."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from pydantic import Field

from istar.environments.budget import Budget, EpisodeError
from istar.environments.environment import Environment, open_environment
from istar.environments.episode import Episode, Reply
from istar.environments.tools import ToolError
from istar.errors import IstarError
from istar.files import read_text
from istar.protocol.config import SearchConfig, parse_config

NO_REWARD = -1.0
"""What an episode is worth to a trainer whose method failed, or which ended without one."""
WAITING = "Calls wait for their jobs here: what a job gives is the reply to its call, and there is nothing to poll.\n"
"""Said after a statement where there is nothing to poll."""
POLL_SECONDS = 60.0
"""How long one look at a job waits."""


class MissingLibraryError(IstarError, ImportError):
    """A door whose library is not installed."""

    @classmethod
    def of(cls, door: str, error: ImportError) -> MissingLibraryError:
        """Return the error of a door, given what its import raised."""
        return cls(
            f"istar.environments.{door} needs what the extra `{door}` brings, which is not installed here ({error}); "
            f"`pip install --constraint constraints/{door}.txt 'istar[{door}]'` installs it; give it an environment of "
            "its own"
        )


# The environment of a folder, opened once in a process


@dataclass
class _Opened:
    """An environment that is open in this process.

    Attributes:
        environment: the environment.
        config: the settings it was opened with.
        stack: closes it.
        users: how many share it.
    """

    environment: Environment
    config: SearchConfig
    stack: ExitStack
    users: int = 0


_opened: dict[Path, _Opened] = {}
_opening = Lock()


def read_settings(settings: SearchConfig | Path | str) -> SearchConfig:
    """Return settings; a path is that of a file of JSON.

    Raises:
        IstarError: there is no such file, or a setting is wrong.
    """
    if isinstance(settings, SearchConfig):
        return settings
    path = Path(settings).expanduser()
    if not path.is_file():
        raise EpisodeError(f"there is no file of settings {path}; write one, such as config.json in any run's folder")
    return parse_config(read_text(path), str(path))


@contextmanager
def shared_environment(folder: Path | str, settings: SearchConfig | Path | str) -> Iterator[Environment]:
    """Open the environment of a folder, or share it if this process has it open; the last to leave closes it.

    Args:
        folder: its folder.
        settings: its settings, or a file of them.

    Raises:
        EpisodeError: it is open with other settings.
        IstarError: see `open_environment`.
    """
    config, path = read_settings(settings), Path(folder).expanduser().resolve()
    with _opening:
        if path not in _opened:
            stack = ExitStack()
            _opened[path] = _Opened(stack.enter_context(open_environment(path, config)), config, stack)
        opened = _opened[path]
        if opened.config != config:
            raise EpisodeError(
                f"the environment in {path} is open in this process with other settings; name another folder"
            )
        opened.users += 1
    try:
        yield opened.environment
    finally:
        with _opening:
            opened.users -= 1
            if not opened.users:
                del _opened[path]
                opened.stack.close()


# An agent's seat


@dataclass(frozen=True)
class Told:
    """What an agent is told of a call.

    Attributes:
        status: `done`, or `refused` if nothing was done.
        text: the reply, as JSON: `result` or `error`, and what is `left` of the budget.
    """

    status: str
    text: str


class Seat:
    """Plays episodes one after another: waits for jobs, tells replies as text, and has a number for every end.

    Args:
        environment: makes the episodes.
        budget: what the tools of each may spend.
        no_reward: the reward of an episode whose method failed, or which ended without one.
    """

    def __init__(self, environment: Environment, budget: Budget | None = None, no_reward: float = NO_REWARD) -> None:
        """See the class docstring."""
        self.environment, self.budget, self.no_reward = environment, budget, no_reward
        self._episode: Episode | None = None
        self._unfinished: int | None = None

    @property
    def episode(self) -> Episode:
        """The episode that is played.

        Raises:
            EpisodeError: there is none.
        """
        if self._episode is None:
            raise EpisodeError("no episode was begun here; reset first")
        return self._episode

    def begin(self, seed: int = 0, name: str | None = None, *, wait: bool = True) -> str:
        """Begin an episode, or go on with the one of this name, and return its statement; one before it is closed.

        Args:
            seed: draws the questions that the reward asks.
            name: the episode's name; a new one by default.
            wait: whether calls will wait for their jobs; a job that is left is waited for then.

        Raises:
            EpisodeError: see `Environment.reset`.
        """
        self.close()
        self._episode = self.environment.reset(budget=self.budget, seed=seed, name=name)
        if not wait:
            return self._episode.statement
        if self._episode.calls:
            self._finished(self._episode.calls - 1)
        return f"{self._episode.statement}\n{WAITING}"

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Told:
        """Call a tool, and wait for what comes of it; what is no call is refused.

        Raises:
            EpisodeError: a job could not be done, through no fault of the method; the next call takes it up first.
        """
        if self._unfinished is not None:
            self._finished(self._unfinished)
        try:
            reply = self._finished(self.episode.call(tool, arguments).call)
        except ToolError as refusal:
            return self.refuse(str(refusal))
        return Told(reply.status, told(reply))

    def refuse(self, error: str) -> Told:
        """Return what is told of something that is no call."""
        return Told("refused", _json({"status": "refused", "error": error, "left": _left(self.episode)}))

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self._episode is not None and self._episode.done

    @property
    def reward(self) -> float:
        """The reward of the episode as it stands."""
        reward = None if self._episode is None else self._episode.reward
        return self.no_reward if reward is None else reward

    def close(self) -> None:
        """Let the episode rest, if there is one."""
        if self._episode is not None:
            self._episode.close()
            self._episode = self._unfinished = None

    def _finished(self, call: int) -> Reply:
        self._unfinished = call
        while (reply := self.episode.poll(call, POLL_SECONDS)).status == "running":
            pass
        self._unfinished = None
        return reply


def told(reply: Reply) -> str:
    """Return a reply as the text that an agent reads, in ASCII."""
    said = {"status": reply.status, "result": reply.result, "error": reply.error, "left": reply.left.model_dump()}
    return _json({name: value for name, value in said.items() if value not in (None, "")})


def _left(episode: Episode) -> dict[str, Any]:
    return episode.left.model_dump()


def _json(values: dict[str, Any]) -> str:
    left = values["left"]
    return json.dumps({**values, "left": {**left, "seconds": round(left["seconds"], 1)}})


# Tools as functions


_TYPES: dict[str, type] = {"string": str, "integer": int, "number": float, "array": list[str]}


def tool_function(
    call: Callable[[str, dict[str, Any]], Any], name: str, description: str, parameters: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return a function for a tool, for libraries that make a schema of a signature, type hints and a docstring.

    Args:
        call: is given the tool's name and arguments, and gives what the function returns: text.
        name: of the tool, and of the function.
        description: what the tool does.
        parameters: the JSON schema of its arguments, as `schemas` gives it.
    """

    def tool(**arguments: Any) -> Any:
        return call(name, arguments)

    taken, lines = [], []
    for argument, schema in parameters["properties"].items():
        default = schema.get("default", inspect.Parameter.empty)
        kind: Any = Annotated[_type(schema), Field(description=schema["description"])]
        taken.append(inspect.Parameter(argument, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind))
        lines.append(f"    {argument}: {schema['description']}")
    tool.__name__ = tool.__qualname__ = name
    tool.__doc__ = "\n".join([description, *(["", "Args:", *lines] if lines else [])])
    tool.__annotations__ = {each.name: each.annotation for each in taken} | {"return": str}
    tool.__signature__ = inspect.Signature(taken, return_annotation=str)  # type: ignore[attr-defined]
    return tool


def _type(schema: Mapping[str, Any]) -> Any:
    if "anyOf" in schema:
        (kind,) = (each["type"] for each in schema["anyOf"] if each["type"] != "null")
        return _TYPES[kind] | None
    return _TYPES[schema["type"]]
