"""A door for verifiers: research on methods as a taskset, for `vf-eval`, `vf-validate` and what trains by it.

A taskset is a module of yours that exports one class; this one is enough, as `method_research.py`:

    from istar.environments.verifiers import MethodTaskset

    __all__ = ["MethodTaskset"]

Tools are served by a process of their own, one for all rollouts of a worker, which has the folder open.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istar.environments.budget import Budget, EpisodeError, budget_of
from istar.environments.environment import Environment
from istar.environments.seat import (
    NO_REWARD,
    MissingLibraryError,
    Seat,
    read_settings,
    shared_environment,
    tool_function,
)
from istar.environments.tools import schemas

try:
    import verifiers.v1 as vf
except ImportError as error:
    raise MissingLibraryError.of("verifiers", error) from error

PROMPT = "You do research on interpretability. Call `statement` first: it says what is wanted."
IDLE_SECONDS = 3600.0
"""A rollout that has called nothing for so long makes room for others; nobody says when one has ended."""
STATEMENT = "Read what is wanted, what the tools are for, and what they may spend."


class MethodState(vf.State):
    """What the tools and the reward of a rollout know of it."""

    episode: str = ""
    seed: int = 0
    reward: float | None = None
    submitted: bool = False


@dataclass
class _Rollout:
    """What the server knows of a rollout: its seat, its statement, whose turn it is, and when it called last."""

    seat: Seat
    statement: str
    turn: asyncio.Lock
    used: float


class EpisodeToolsConfig(vf.SharedToolsetConfig):
    """What the process that serves the tools is told."""

    folder: str = ""
    settings: str = ""
    budget: dict[str, float] = {}  # noqa: RUF012
    no_reward: float = NO_REWARD


class EpisodeTools(vf.Toolset[EpisodeToolsConfig, MethodState]):
    """Serves the tools of all rollouts of a worker; each has a seat of its own, found by its episode's name."""

    TOOL_PREFIX = None

    async def setup(self) -> None:
        """Open the folder."""
        opening = shared_environment(self.config.folder, self.config.settings)
        self._environment: Environment = self._exit_stack.enter_context(opening)
        self._budget = _budget(self.config.budget)
        self._seats: dict[str, _Rollout] = {}

    def register(self, mcp: Any) -> None:
        """Announce the tools of an episode, and `statement`."""
        mcp.add_tool(self._with_state(self.statement), name="statement", description=STATEMENT)
        for each in schemas():
            call = self._with_state(tool_function(self._call, **each))
            mcp.add_tool(call, name=each["name"], description=each["description"])

    async def statement(self) -> str:
        """Return the statement of the rollout's episode."""
        return self._rollout().statement

    async def _call(self, tool: str, arguments: dict[str, Any]) -> str:
        rollout = self._rollout()
        async with rollout.turn:  # calls of one rollout come one after another
            told = await asyncio.to_thread(rollout.seat.call, tool, arguments)
            rollout.used = time.monotonic()
        if rollout.seat.done:
            self.state.submitted, self.state.reward = True, rollout.seat.reward
        return told.text

    def _rollout(self) -> _Rollout:
        """Return the rollout that calls; one that is new takes the place of those that have said nothing for long."""
        name = self.state.episode
        if name not in self._seats:
            self._leave(time.monotonic() - IDLE_SECONDS)
            seat = Seat(self._environment, self._budget, self.config.no_reward)
            self._seats[name] = _Rollout(seat, seat.begin(self.state.seed, name), asyncio.Lock(), time.monotonic())
        return self._seats[name]

    def _leave(self, since: float) -> None:
        """Let episodes rest that were not used since then: whoever calls again goes on with his."""
        for name, rollout in tuple(self._seats.items()):
            if rollout.used < since and not rollout.turn.locked():
                rollout.seat.close()
                del self._seats[name]


class MethodData(vf.TaskData):
    """One task: a seed, which draws the questions that the reward asks."""

    seed: int = 0


class MethodTasksetConfig(vf.TasksetConfig):
    """What the taskset is made of: `--env.taskset.folder` and so on."""

    folder: str = ""
    """Where the episodes' ledger is; of one worker at a time."""
    settings: str = ""
    """A file with the settings of the environment."""
    episodes: int = 1
    """How many tasks."""
    seed: int = 0
    """The seed of the first task; the next has the next."""
    budget: dict[str, float] = {}  # noqa: RUF012
    """What the tools of an episode may spend: `flops`, `seconds`, `checks`."""
    no_reward: float = NO_REWARD
    """The reward of a rollout whose method failed, or which submitted none."""


class MethodTask(vf.Task[MethodData, MethodState]):
    """Write a method that saves computation; the reward is its training reward.

    Args:
        data: the seed.
        taskset: the settings of the taskset.
    """

    def __init__(self, data: MethodData, taskset: MethodTasksetConfig) -> None:
        """See the class docstring."""
        super().__init__(data, taskset.task)
        self.taskset = taskset

    async def setup(self, trace: vf.Trace, runtime: vf.Runtime) -> None:
        """Give the rollout an episode that nothing else has."""
        trace.state.seed, trace.state.episode = self.data.seed, uuid.uuid4().hex
        trace.info["episode"] = trace.state.episode

    async def validate(self, runtime: vf.Runtime) -> bool:
        """Return whether an episode of this task can be begun; whatever is missing is an error."""

        def begun() -> None:
            with shared_environment(self.taskset.folder, self.taskset.settings) as environment:
                environment.reset(
                    budget=_budget(self.taskset.budget), seed=self.data.seed, name=f"validate-{self.data.seed}"
                ).close()

        await asyncio.to_thread(begun)
        return True

    @vf.reward
    async def training_reward(self, trace: vf.Trace) -> float:
        """Return the reward of the rollout's episode."""
        reward = trace.state.reward
        return self.taskset.no_reward if reward is None else float(reward)

    @vf.stop
    async def is_submitted(self, trace: vf.Trace) -> bool:
        """Return whether the episode is over."""
        return bool(trace.state.submitted)


class MethodTaskset(vf.Taskset[MethodTask, MethodTasksetConfig]):
    """Episodes of research on methods, a task a seed."""

    def __init__(self, config: MethodTasksetConfig) -> None:
        """Check the settings, and find the files from anywhere.

        Raises:
            IstarError: a setting or a limit is wrong.
        """
        if not config.folder or not config.settings:
            raise EpisodeError("the taskset needs a folder and a file of settings: state `folder` and `settings`")
        read_settings(config.settings)
        _budget(config.budget)
        places = {name: str(Path(getattr(config, name)).expanduser().resolve()) for name in ("folder", "settings")}
        super().__init__(config.model_copy(update=places))

    def load(self) -> Iterable[MethodTask]:
        """Return the tasks."""
        seeds = range(self.config.seed, self.config.seed + self.config.episodes)
        return [MethodTask(MethodData(id=f"seed-{seed}", prompt=PROMPT, seed=seed), self.config) for seed in seeds]

    @classmethod
    def toolsets(cls, config: MethodTasksetConfig) -> list[Any]:
        """Return the server of the tools, one for all rollouts."""
        shared = {name: getattr(config, name) for name in ("folder", "settings", "budget", "no_reward")}
        return [EpisodeTools(EpisodeToolsConfig(**shared))]


def _budget(limits: dict[str, float]) -> Budget:
    return budget_of(**{name: value if name == "seconds" else int(value) for name, value in limits.items()})


__all__ = ["MethodTaskset"]

if __name__ == "__main__":
    EpisodeTools.run()
