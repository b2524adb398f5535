"""A door for Gymnasium: research on methods as an `Env` whose actions and observations are texts.

import gymnasium

env = gymnasium.make("istar.environments.gymnasium:istar/Method-v0", folder="runs/gym", settings="settings.json")
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from istar.environments.budget import budget_of
from istar.environments.seat import NO_REWARD, MissingLibraryError, Seat, Told, read_settings, shared_environment
from istar.environments.tools import LONGEST_SOURCE, schemas
from istar.protocol.config import SearchConfig

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as error:
    raise MissingLibraryError.of("gymnasium", error) from error

ID = "istar/Method-v0"
CHARACTERS = string.printable
"""Those of actions and observations; whatever else there is in a text is written as JSON writes it in ASCII."""
LONGEST_TEXT = 10**8
"""The most characters of an observation."""


class MethodEnv(gymnasium.Env[str, str]):
    """Writes and submits one method an episode.

    An action is a call as JSON, `{"tool": "check", "arguments": {"source": "..."}}`; an observation is the reply as
    JSON, and the first one the statement with the tools' schemas. What is no call is refused in the observation. The
    reward comes with the submission, which ends the episode; that of every other step is 0. Of `options`, `reset` takes
    `name`: an episode that was begun before with the same seed goes on where it was.

    Args:
        folder: where the ledger is; environments of one process share it.
        settings: those of the environment, or a file of them.
        budget: limits, by name; see `budget_of`.
        no_reward: the reward of a submission that failed.

    Raises:
        IstarError: a setting or a limit is wrong. What else is missing is found by the first `reset`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012
    observation_space = spaces.Text(LONGEST_TEXT, charset=CHARACTERS)
    action_space = spaces.Text(2 * LONGEST_SOURCE, charset=CHARACTERS)

    def __init__(
        self,
        folder: Path | str,
        settings: SearchConfig | Path | str,
        budget: Mapping[str, Any] | None = None,
        no_reward: float = NO_REWARD,
    ) -> None:
        """See the class docstring."""
        self._folder, self._settings = folder, read_settings(settings)
        self._budget, self._no_reward = budget_of(**(budget or {})), no_reward
        self._opened = ExitStack()
        self._seat: Seat | None = None

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin an episode; see `gymnasium.Env.reset`."""
        super().reset(seed=seed)
        if self._seat is None:
            environment = self._opened.enter_context(shared_environment(self._folder, self._settings))
            self._seat = Seat(environment, self._budget, self._no_reward)
            self._opened.callback(self._seat.close)
        draw = int(self.np_random.integers(2**31))
        statement = self._seat.begin(draw, (options or {}).get("name"))
        return _ascii(f"{statement}\n{_ACTIONS}{json.dumps(schemas(), indent=1)}\n"), self._info(self._seat)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Make a call; see `gymnasium.Env.step`."""
        if self._seat is None:
            raise gymnasium.error.ResetNeeded("reset the environment before the first step")
        over = self._seat.done
        told = self._called(self._seat, action)
        ended = self._seat.done and not over
        return told.text, self._seat.reward if ended else 0.0, self._seat.done, False, self._info(self._seat)

    def close(self) -> None:
        """Let the episode rest, and leave the folder."""
        self._seat = None
        self._opened.close()

    @staticmethod
    def _called(seat: Seat, action: str) -> Told:
        try:
            call = json.loads(action)
        except (ValueError, RecursionError) as error:
            return seat.refuse(f"this is no JSON ({error}); {_SHAPE}")
        if (
            not isinstance(call, dict)
            or not isinstance(call.get("tool"), str)
            or not call.keys() <= {"tool", "arguments"}
        ):
            return seat.refuse(f"this is no call; {_SHAPE}")
        arguments = call.get("arguments", {})
        return seat.call(call["tool"], arguments) if isinstance(arguments, dict) else seat.refuse(_SHAPE)

    @staticmethod
    def _info(seat: Seat) -> dict[str, Any]:
        return {"left": seat.episode.left.model_dump()}


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


_SHAPE = 'an action is JSON, such as {"tool": "read_docs", "arguments": {"page": "contract"}}'
_ACTIONS = f"""\
## Actions

A call is JSON: {_SHAPE.partition(", such as ")[2]}. The tools and what each is given:

"""

gymnasium.register(ID, entry_point=MethodEnv, nondeterministic=True, max_episode_steps=200)  # seconds are measured
