"""The tools of an episode: their names, what each is given, and how it is told to an agent.

A tool is a class whose fields are its arguments; the docstrings are what an agent reads. Calls of it are recorded with
their arguments, a source under its hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from istar.arms.settings import Strict
from istar.errors import IstarError

LONGEST_SOURCE = 200_000
"""The most characters of a method's file."""

Source = Annotated[str, Field(min_length=1, max_length=LONGEST_SOURCE, description="The text of a method's file.")]
Short = Annotated[str, Field(max_length=200)]


class ToolError(IstarError):
    """A call that cannot be made: no such tool, other arguments than it takes, or at another time."""


class Arguments(Strict):
    """What a tool is given."""

    def recorded(self) -> dict[str, Any]:
        """Return the arguments as the ledger keeps them: without the source."""
        return self.model_dump(mode="json", exclude={"source"}, exclude_none=True)


class ReadDocs(Arguments):
    """Read a page of documentation; without a page, list the pages."""

    page: Short = Field(default="", description="Name of the page.")


class ListMethods(Arguments):
    """List the methods of the library with what each does, in a line."""


class ReadMethod(Arguments):
    """Read the source of a method of the library."""

    name: Short = Field(description="Name of the method.")


class ListQuestions(Arguments):
    """List the training questions: task, hash, rows, FLOPs of brute force, and whether the reward asks them."""


class ReadQuestion(Arguments):
    """Read rows of a training question with their true values, and its true answer."""

    question: Short = Field(description="Hash of the question.")
    first: Annotated[int, Field(strict=True, ge=0)] = Field(default=0, description="The first row, counted from 0.")
    rows: Annotated[int, Field(strict=True, ge=1, le=256)] = Field(default=16, description="How many rows.")


class CheckMethod(Arguments):
    """Check a method on a tiny model: faults of its language, errors, FLOPs. A job: poll it."""

    source: Source


class ScoreMethod(Arguments):
    """Score a method on training questions, within what is left of the budget. A job: poll it.

    Tasks are asked in the order of the questions named. No further task is begun once a limit or the budget is spent.
    """

    source: Source
    questions: Annotated[tuple[Short, ...], Field(min_length=1, max_length=10_000)] | None = Field(
        default=None,
        description="Hashes of the questions; if none are named, those that the reward asks, the cheapest task first.",
    )
    max_flops: Annotated[int, Field(strict=True, gt=0)] | None = Field(
        default=None, description="FLOPs of recording the method after which no further task is begun."
    )
    max_seconds: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Seconds after which no further task is begun."
    )


class LastScore(Arguments):
    """Look at the last score: reward, cost and error of each question; with a question, both arms' curves there."""

    question: Short = Field(default="", description="Hash of the question whose curves are shown.")


class Submit(Arguments):
    """Submit the method that this episode is rewarded for; the episode ends with it. A job: poll it."""

    source: Source
    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(default="method", description="A short name.")


TOOLS: dict[str, type[Arguments]] = {
    "read_docs": ReadDocs,
    "list_methods": ListMethods,
    "read_method": ReadMethod,
    "list_questions": ListQuestions,
    "read_question": ReadQuestion,
    "check": CheckMethod,
    "score": ScoreMethod,
    "last_score": LastScore,
    "submit": Submit,
}
"""The tools by name."""

JOBS = ("check", "score", "submit")
"""The tools whose calls are jobs."""


def parsed_call(tool: str, arguments: Mapping[str, Any]) -> Arguments:
    """Return the arguments of a call, once they are found to be some that its tool takes.

    Raises:
        ToolError: there is no such tool, or it takes others; the message names each fault.
    """
    if tool not in TOOLS:
        raise ToolError(f"there is no tool {tool!r:.80}; there are {', '.join(TOOLS)}")
    try:
        return TOOLS[tool].model_validate(dict(arguments))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        takes = ", ".join(TOOLS[tool].model_fields) or "no arguments"
        raise ToolError(f"{tool} cannot be called so: {faults:.800}; it takes {takes}") from None


def schemas() -> list[dict[str, Any]]:
    """Return name, description and JSON schema of every tool, as endpoints of language models take them."""
    found = []
    for name, kind in TOOLS.items():
        schema = kind.model_json_schema()
        description = schema.pop("description")
        found.append({"name": name, "description": description, "parameters": schema})
    return found
