"""The statement of an episode: what an agent is told at first, made from the contract, the tools and the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from istar.environments.tools import JOBS, TOOLS
from istar.methods import manual

if TYPE_CHECKING:
    from istar.environments.budget import Budget
    from istar.rewards.formulas import Reward
    from istar.truth.table import Table


def statement(
    tasks: Mapping[str, Sequence[Table]],
    rewarded: Mapping[str, Sequence[Table]],
    budget: Budget,
    formula: Reward,
    target: str,
    *,
    validated: bool,
) -> str:
    """Return the statement.

    Args:
        tasks: all training questions that are shown, by task.
        rewarded: those that the reward asks.
        budget: what the tools may spend.
        formula: the reward formula.
        target: the target's name.
        validated: whether the reward is what the shared guard says of validation.
    """
    tools = "\n".join(f"- `{name}`: {' '.join((kind.__doc__ or '').split())}" for name, kind in TOOLS.items())
    library = "\n".join(f"- `{name}`: {line}" for name, line in manual.method_index().items())
    return _STATEMENT.format(
        target=target,
        contract=manual.contract(),
        tools=tools,
        jobs=", ".join(f"`{each}`" for each in JOBS),
        flops=f"{budget.flops:.3g}",
        seconds=f"{budget.seconds:g}",
        checks=budget.checks,
        reward=formula.name,
        formula=formula.formula,
        validated=_VALIDATED if validated else "",
        tasks="\n".join(_task(name, tables, rewarded.get(name, ())) for name, tables in tasks.items()),
        library=library,
    )


def _task(name: str, tables: Sequence[Table], asked: Sequence[Table]) -> str:
    rows = sum(len(table.question.runs) for table in tables) // len(tables)
    flops = sum(table.brute_flops for table in tables) / len(tables)
    functional = tables[0].question.functional.kind
    return (
        f"- `{name}`: {len(tables)} questions of about {rows} rows and {flops:.2g} FLOPs by brute force; the answer is "
        f"`{functional}` of the rows' values; the reward asks {len(asked)}"
    )


_VALIDATED = """

That is told as `training_reward`, but is not what this episode is rewarded for. Its reward is made by the same formula
on validation questions of other tasks, which nobody is shown: by how much the method raises the best reward that any
episode had there, by more than noise, and 0 if it does not."""

_STATEMENT = """\
# Write a method that saves computation

A method looks inside the language model `{target}` and says, more cheaply than by running it, how it will behave.
An executor answers questions about the model under a FLOP budget: it buys rows of a table, runs of the model, at their
FLOPs, and may buy what the method says of rows at the FLOPs that the method takes. The method is rewarded for the
computation that the executor saves with it. It may be judged on tasks that you are not shown, so what is learned from
the training questions must hold for others; a file that holds answers is worth nothing there.

## A method

A method is one Python file with these functions; `read_docs` has pages on what they are given and what may be imported.

```python
{contract}
```

## Tools

{tools}

{jobs} give jobs: poll the number of the call until it is done, and call nothing else meanwhile. What you
may spend before you submit: {flops} FLOPs of recording methods on training questions, {seconds} seconds of checks and
scores, {checks} checks.

## Reward

`submit` ends the episode. Its reward is the training reward `{reward}` of the method, on those of the questions below
that it asks:

    {formula}

A method that fails has no reward.{validated}

## Training tasks

{tasks}

## The library

{library}
"""
