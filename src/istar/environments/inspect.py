"""A door for Inspect AI: research on methods as a task, so that any model it knows can be evaluated.

inspect eval istar/method_research --model openai/gpt-5 -T folder=runs/inspect -T settings=settings.json
"""

from __future__ import annotations

import math
from typing import Any

from istar.environments.budget import EpisodeError, budget_of
from istar.environments.seat import NO_REWARD, MissingLibraryError, Seat, read_settings, shared_environment
from istar.environments.tools import schemas

try:
    import anyio
    from inspect_ai import Task, task
    from inspect_ai.agent import AgentState, as_solver, react
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
    from inspect_ai.solver import Generate, Solver, TaskState, solver
    from inspect_ai.tool import Tool, ToolDef, ToolParams
    from inspect_ai.util import LimitExceededError, sample_limits
except ImportError as error:
    raise MissingLibraryError.of("inspect", error) from error

FLOPS_A_TOKEN = 2
"""FLOPs that a token takes of each parameter of a dense model, read or written."""
GO_ON = "Call a tool; `submit` ends the episode."
OUTCOME = "istar"
"""Where a sample's store holds what came of its episode."""


@task
def method_research(
    folder: str,
    settings: str,
    episodes: int = 1,
    seed: int = 0,
    flops: float | None = None,
    seconds: float | None = None,
    checks: int | None = None,
    flops_limit: float | None = None,
    agent_parameters: float = 0.0,
    no_reward: float = NO_REWARD,
    messages: int = 400,
) -> Task:
    """Write methods that save computation; each sample is an episode, scored by the training reward of its method.

    Args:
        folder: where the ledger of the episodes is; of one process at a time.
        settings: a file with the settings of the environment.
        episodes: how many samples.
        seed: of the first; the next has the next.
        flops: what the tools may spend of an episode: FLOPs of recording methods,
        seconds: seconds of checks and scores,
        checks: and checks. Once it is spent they are refused, and a method can still be submitted.
        flops_limit: FLOPs, of recording methods in scores and of the agent itself, after which the sample ends.
        agent_parameters: parameters of the agent's model that are active for a token, of which each token it reads or
            writes takes 2 FLOPs; without it, `flops_limit` counts methods alone.
        no_reward: the score of a sample whose method failed, or which submitted none.
        messages: the most messages of a sample.

    Raises:
        IstarError: a setting or a limit is wrong.
    """
    numbers = {"flops": flops, "seconds": seconds, "checks": checks}
    limits = {name: _number(name, value) for name, value in numbers.items() if value is not None}
    budget = budget_of(**{name: value if name == "seconds" else int(value) for name, value in limits.items()})
    most = None if flops_limit is None else _number("flops_limit", flops_limit)
    parameters = _number("agent_parameters", agent_parameters)
    config = read_settings(settings)

    @solver
    def researcher() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            with shared_environment(folder, config) as environment:
                seat = Seat(environment, budget, no_reward)
                try:
                    state.user_prompt.text = seat.begin(int(state.metadata["seed"]))
                    continues = _continues(seat, most, parameters)
                    agent = react(prompt=None, tools=_tools(seat), submit=False, on_continue=continues)
                    return await as_solver(agent)(state, generate)
                finally:
                    state.store.set(OUTCOME, _outcome(seat))
                    with anyio.CancelScope(shield=True):  # a job that is running ends first
                        await anyio.to_thread.run_sync(seat.close)

        return solve

    samples = [
        Sample(input="Write a method.", id=f"seed-{seed + index}", metadata={"seed": seed + index})
        for index in range(episodes)
    ]
    return Task(dataset=samples, solver=researcher(), scorer=training_reward(), message_limit=messages)


@scorer(metrics=[mean(), stderr()])
def training_reward() -> Scorer:
    """Score a sample by the reward of its episode."""

    async def score(state: TaskState, _target: Target) -> Score:
        outcome = dict(state.store.get(OUTCOME))
        return Score(value=outcome.pop("reward"), explanation=outcome.pop("explanation"), metadata=outcome)

    return score


def _number(name: str, value: float | str) -> float:
    """Return a number; YAML, which Inspect reads `-T` as, takes 1e14 for a text.

    Raises:
        EpisodeError: it is none that is finite and not negative.
    """
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise EpisodeError(f"{name} is to be a number, 0 or more, such as 1e14, and {value!r} is none")
    return number


def _outcome(seat: Seat) -> dict[str, Any]:
    """Return what came of an episode, as JSON values."""
    episode = seat.episode
    submitted = f"a method was submitted in the episode {episode.name}" if seat.done else "no method was submitted"
    return {
        "reward": seat.reward,
        "explanation": submitted if episode.reward is not None else f"{submitted}; there is no reward",
        "episode": episode.name,
        "calls": episode.calls,
        "left": episode.left.model_dump(),
    }


def _tools(seat: Seat) -> list[Tool]:
    """Return the tools of an episode; what waits for a job lets other samples go on."""

    def bound(name: str) -> Any:
        async def call(**kwargs: Any) -> str:
            told = await anyio.to_thread.run_sync(lambda: seat.call(name, kwargs), abandon_on_cancel=True)
            return told.text

        return call

    return [
        ToolDef(
            bound(each["name"]),
            name=each["name"],
            description=each["description"],
            parameters=ToolParams.model_validate(each["parameters"]),
            max_output=0,  # an agent says itself how many rows it reads
        ).as_tool()
        for each in schemas()
    ]


def _continues(seat: Seat, flops_limit: float | None, agent_parameters: float) -> Any:
    """Return what is asked after each turn: whether the sample goes on.

    A limit must be noticed here: inside of a tool the exception that ends a sample becomes a message to the model.
    """

    async def go_on(state: AgentState) -> bool | str:
        if seat.done:
            return False
        episode = seat.episode
        own = FLOPS_A_TOKEN * agent_parameters * sample_limits().token.usage
        spent = episode.budget.flops - episode.left.flops + own
        if flops_limit is not None and spent > flops_limit:
            raise LimitExceededError(
                "custom",
                value=spent,
                limit=flops_limit,
                message=f"{spent:.3g} FLOPs are spent, {own:.3g} of them by the agent itself, of {flops_limit:.3g}",
            )
        return True if state.output.message.tool_calls else GO_ON

    return go_on
