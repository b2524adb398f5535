"""A door for OpenEnv: research on methods, served to clients that keep a WebSocket open.

python -m istar.environments.openenv --folder runs/openenv --settings settings.json --port 8000
"""

from __future__ import annotations

import argparse
import functools
import sys
import uuid
from pathlib import Path
from typing import Any

from istar.environments.budget import Budget, EpisodeError, budget_of
from istar.environments.environment import Environment, open_environment
from istar.environments.episode import Reply
from istar.environments.seat import NO_REWARD, MissingLibraryError, Seat, read_settings
from istar.environments.tools import ToolError, schemas
from istar.errors import IstarError

try:
    import uvicorn
    from openenv.core.env_server import create_app
    from openenv.core.env_server.interfaces import Environment as OpenEnvironment
    from openenv.core.env_server.types import Action, ConcurrencyConfig, EnvironmentMetadata, Observation, State
    from pydantic import Field
except ImportError as error:
    raise MissingLibraryError.of("openenv", error) from error

POLL = "poll"
"""The tool that is none of an episode: it asks what there is of a call."""
LONGEST_POLL = 20.0
"""The most seconds that a poll waits: clients give up a message after 60, and take its reply for that of the next."""
_NAME = "method_research"


class MethodAction(Action):
    """A call of a tool of the episode, or `poll` with the number of a call that is running."""

    tool: str = Field(description="Name of the tool, or `poll`.")
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="What the tool is given; `poll` takes `call`, and `seconds` to wait, at most 20.",
    )


class MethodObservation(Observation):
    """What came of an action; a job is `running` until a poll of its call says otherwise."""

    status: str = Field(default="done", description="`done`, `refused`, or `running`.")
    call: int | None = Field(default=None, description="Number of the call, by which it is polled.")
    result: Any = Field(default=None, description="What came of the call; the statement and the tools after a reset.")
    error: str = Field(default="", description="Why it was refused.")
    left: dict[str, Any] = Field(default_factory=dict, description="What is left of the budget.")


class MethodEnvironment(OpenEnvironment):
    """One client's seat. The reward comes with the reply that says that the submission is done.

    Args:
        environment: makes the episodes; all clients share it.
        budget: what the tools of each may spend.
        no_reward: the reward of a submission that failed.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, environment: Environment, budget: Budget, no_reward: float = NO_REWARD) -> None:
        """See the class docstring."""
        super().__init__()
        self._seat = Seat(environment, budget, no_reward)
        self._steps = 0
        self._name: str | None = None
        self._given_up = False

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> MethodObservation:
        """Begin an episode, or go on with the one of this id; nobody else can guess an id that is not given."""
        self._check_seated()
        self._name = episode_id or uuid.uuid4().hex
        self._steps = 0
        statement = self._seat.begin(seed or 0, self._name, wait=False)
        result = {"statement": statement, "tools": schemas(), "calls": self._seat.episode.calls}
        return self._observed("done", None, result=result)

    def step(self, action: MethodAction, timeout_s: float | None = None, **_: Any) -> MethodObservation:
        """Call a tool, or poll; never longer than `LONGEST_POLL`."""
        self._check_seated()
        self._steps += 1
        try:
            reply = self._polled(action.arguments) if action.tool == POLL else self._called(action)
        except ToolError as refusal:
            return self._observed("refused", None, error=str(refusal))
        return self._observed(reply.status, reply.call, result=reply.result, error=reply.error)

    @property
    def state(self) -> State:
        """The episode's id, by which a client that was cut off goes on with it, and how many steps were made."""
        return State(episode_id=self._name, step_count=self._steps)

    def close(self) -> None:
        """Let the episode rest, and give the seat up."""
        self._given_up = True
        self._seat.close()

    def get_metadata(self) -> EnvironmentMetadata:
        """Return what the server says of itself."""
        return EnvironmentMetadata(name=_NAME, description="Write methods that save computation.")

    def _check_seated(self) -> None:
        """Refuse a client whose seat was given up: its connection stays, and nobody would close what it begins.

        Raises:
            EpisodeError: it was.
        """
        if self._given_up:
            raise EpisodeError(
                "this seat was given up, since its client said nothing for too long; connect again, and reset with the "
                "same seed and `episode_id` to go on"
            )

    def _called(self, action: MethodAction) -> Reply:
        return self._seat.episode.call(action.tool, action.arguments)

    def _polled(self, arguments: dict[str, Any]) -> Reply:
        call, seconds = arguments.get("call"), arguments.get("seconds", 0.0)
        whole, waits = type(call) is int, type(seconds) in (int, float)
        if not (whole and waits) or arguments.keys() - {"call", "seconds"} or not seconds >= 0:
            raise ToolError("poll cannot be called so: it takes `call`, the number of a call, and `seconds` to wait")
        return self._seat.episode.poll(call, min(seconds, LONGEST_POLL))  # type: ignore[arg-type]

    def _observed(self, status: str, call: int | None, result: Any = None, error: str = "") -> MethodObservation:
        done = self._seat.done
        return MethodObservation(
            status=status,
            call=call,
            result=result,
            error=error,
            left=self._seat.episode.left.model_dump(),
            done=done,
            reward=self._seat.reward if done else None,
        )


def make_app(
    environment: Environment,
    budget: Budget,
    no_reward: float = NO_REWARD,
    sessions: int = 64,
    idle_seconds: float = 3600.0,
) -> Any:
    """Return the application that serves an environment.

    Args:
        environment: makes the episodes.
        budget: what the tools of each may spend.
        no_reward: the reward of a submission that failed.
        sessions: how many clients at once.
        idle_seconds: how long a client may say nothing before its seat is taken away; its episode can be gone on with.
    """
    return create_app(
        functools.partial(MethodEnvironment, environment, budget, no_reward),
        MethodAction,
        MethodObservation,
        env_name=_NAME,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=sessions, session_timeout=idle_seconds),
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; return 1 if something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m istar.environments.openenv", description=(__doc__ or "")[:76])
    parser.add_argument("--folder", type=Path, required=True, help="where the episodes' ledger is")
    parser.add_argument("--settings", type=Path, required=True, help="a file with the environment's settings")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--sessions", type=int, default=64, help="how many clients at once")
    parser.add_argument("--idle-seconds", type=float, default=3600.0, help="how long a client may say nothing")
    parser.add_argument("--no-reward", type=float, default=NO_REWARD, help="the reward of a submission that failed")
    for name, field in Budget.model_fields.items():
        parser.add_argument(f"--{name}", type=float, default=field.default, help="of the budget of an episode")
    given = parser.parse_args(arguments)
    try:
        budget = budget_of(flops=int(given.flops), seconds=given.seconds, checks=int(given.checks))
        with open_environment(given.folder, read_settings(given.settings)) as environment:
            app = make_app(environment, budget, given.no_reward, given.sessions, given.idle_seconds)
            uvicorn.run(app, host=given.host, port=given.port)
    except IstarError as fault:
        sys.stderr.write(f"error: {fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
