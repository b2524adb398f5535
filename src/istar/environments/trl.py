"""A door for TRL: research on methods as an environment of `GRPOTrainer(environment_factory=...)`.

    with open_environment(Path("runs/trl"), settings) as environment:
        trainer = GRPOTrainer(..., environment_factory=lambda: MethodEnvironment(environment))

TRL takes a plain class whose public methods are the model's tools, so nothing of it is imported here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from istar.environments.budget import Budget
from istar.environments.environment import Environment
from istar.environments.seat import NO_REWARD, Seat
from istar.environments.tools import schemas

_TYPES: dict[str, type] = {"string": str, "integer": int, "number": float, "array": list[str]}


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


def _tool(name: str, description: str, parameters: dict[str, Any]) -> Callable[..., str]:
    """Return the method that calls a tool, with the signature and the docstring that TRL makes its schema of."""

    def call(self: MethodEnvironment, **arguments: Any) -> str:
        return self._seat.call(name, arguments).text

    annotations: dict[str, Any] = {"return": str}
    signature = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    lines = [description, ""]
    for argument, schema in parameters["properties"].items():
        kind: Any = _type(schema)
        default = schema.get("default", inspect.Parameter.empty)
        signature.append(inspect.Parameter(argument, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default))
        annotations[argument] = kind
        lines += [*(["Args:"] if len(signature) == 2 else []), f"    {argument}: {schema['description']}"]
    call.__annotations__ = annotations
    call.__name__, call.__qualname__ = name, f"MethodEnvironment.{name}"
    call.__doc__ = "\n".join(lines).strip()
    call.__signature__ = inspect.Signature(signature, return_annotation=str)  # type: ignore[attr-defined]
    return call


def _type(schema: dict[str, Any]) -> Any:
    if "anyOf" in schema:
        (kind,) = (each["type"] for each in schema["anyOf"] if each["type"] != "null")
        return _TYPES[kind] | None
    return _TYPES[schema["type"]]


for _each in schemas():
    setattr(MethodEnvironment, _each["name"], _tool(**_each))
