"""A door for TRL: research on methods as an environment of `GRPOTrainer(environment_factory=...)`.

    with open_environment(Path("runs/trl"), settings) as environment:
        trainer = GRPOTrainer(..., environment_factory=lambda: MethodEnvironment(environment))

TRL takes a plain class whose public methods are the model's tools, so nothing of it is imported here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from istar.environments.budget import Budget
from istar.environments.environment import Environment
from istar.environments.seat import NO_REWARD, Seat, tool_function
from istar.environments.tools import schemas


class MethodEnvironment:
    """Plays one episode a rollout; every tool of an episode is a method, which returns the reply as text.

    TRL makes as many as there are rollouts in a batch and resets them often: `reset` closes the episode before.

    Args:
        environment: makes the episodes; several share it.
        budget: what the tools of each may spend.
        no_reward: the reward of a rollout whose method failed, or which submitted none.
    """

    def __init__(self, environment: Environment, budget: Budget | None = None, no_reward: float = NO_REWARD) -> None:
        """See the class docstring."""
        self._seat = Seat(environment, budget, no_reward)

    def reset(self, *, seed: int = 0, **_row: Any) -> str:
        """Begin an episode and return its statement, which TRL appends to the prompt.

        Args:
            seed: of the row, if its data set has such a column: draws the questions that the reward asks. The rollouts
                of one group share a row, and so their questions.
        """
        return self._seat.begin(seed)

    def get_reward(self) -> float:
        """Return the reward of the rollout."""
        return self._seat.reward


def _method(schema: dict[str, Any]) -> Callable[..., str]:
    """Return the method that calls a tool, with the signature and the docstring that TRL makes its schema of."""

    def call(self: MethodEnvironment, **arguments: Any) -> str:
        return self._seat.call(schema["name"], arguments).text

    told = tool_function(lambda _tool, _arguments: "", **schema)
    owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.signature(told)
    functools.update_wrapper(call, told)
    call.__signature__ = signature.replace(parameters=[owner, *signature.parameters.values()])  # type: ignore[attr-defined]
    return call


for _each in schemas():
    setattr(MethodEnvironment, _each["name"], _method(_each))
