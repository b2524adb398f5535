"""The tools of an agent: their names, what each is given, and how it is told to a model.

A tool is a class whose fields are its arguments; the docstrings are what a model reads.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from istar.chat import Tool, ToolCall
from istar.errors import IstarError
from istar.executors.language_model.calculator import FUNCTIONS, LONGEST_EXPRESSION

Expression = Annotated[str, Field(min_length=1, max_length=LONGEST_EXPRESSION)]
Number = Annotated[float, Field(strict=True)]
Numbers: TypeAlias = Annotated[list[Number], Field(max_length=100_000)] | Expression
MOST_ROWS_SHOWN = 64
"""Rows that one call of `describe` shows."""


class ToolError(IstarError):
    """A call that cannot be made, or is not paid for; the model is told so."""


class Arguments(BaseModel):
    """What a tool is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Describe(Arguments):
    """Say what is asked, the structure, the arrays and functions for `compute`, and prices; show some rows. Free."""

    first: Annotated[int, Field(strict=True, ge=0)] = Field(default=0, description="The first row, counted from 0.")
    rows: Annotated[int, Field(strict=True, ge=0, le=MOST_ROWS_SHOWN)] = Field(
        default=2, description="How many rows are shown with their texts."
    )


class Buy(Arguments):
    """Buy rows and return their values. What they cost together is paid; nothing is bought that is not paid for."""

    rows: Numbers = Field(description="Numbers of rows, or an expression such as arange(0, 16).")


class Predict(Arguments):
    """Ask the method, which looked inside the target, what it says of rows: channels, numbers that tell of values.

    It speaks of batches of rows in an order of its own; batches are bought until all the rows asked for are told of.
    Without rows nothing is bought: it says how many channels and batches there are, the next batch's rows and price,
    how channels went with values on other questions, and the method's own summary of what it learned, if it has one.
    """

    rows: Numbers | None = Field(default=None, description="Numbers of rows, or an expression.")


class AskStatistician(Arguments):
    """Return what a Bayesian statistician would answer from what is bought by now, with its standard deviations."""


class Compute(Arguments):
    """Compute an expression over arrays; give it a name to use the result later."""

    expression: Expression = Field(
        description="Numbers, names, + - * / // % ** @, comparisons, & | ~, subscripts, lists and the functions "
        f"{', '.join(FUNCTIONS)}, answer_of."
    )
    name: Annotated[str, Field(max_length=40)] = Field(default="", description="What the result shall be called.")


class GiveAnswer(Arguments):
    """Answer the question. The answer stands until you give another one."""

    values: Numbers = Field(description="One number for each output, or an expression such as answer_of(column).")
    standard_deviations: Numbers | None = Field(
        default=None, description="How sure you are, if you say: one from 0 on for each output, or an expression."
    )
    final: Annotated[bool, Field(strict=True)] = Field(default=False, description="Whether you are done with it.")


TOOLS: dict[str, type[Arguments]] = {
    "describe": Describe,
    "buy": Buy,
    "predict": Predict,
    "statistician": AskStatistician,
    "compute": Compute,
    "answer": GiveAnswer,
}
"""The tools by name."""
OF_METHOD = ("predict",)
"""Those that the white-box arm has and the black-box arm has not; nothing else differs."""


@cache
def offered(white_box: bool) -> tuple[Tool, ...]:
    """Return the tools of an arm as a model is told them."""
    return tuple(_described(name, kind) for name, kind in TOOLS.items() if white_box or name not in OF_METHOD)


def _described(name: str, kind: type[Arguments]) -> Tool:
    schema = kind.model_json_schema()
    return Tool(name, " ".join(schema.pop("description").split()), schema)


def parsed_call(call: ToolCall, white_box: bool) -> Arguments:
    """Return the arguments of a call, once they are found to be some that its tool takes.

    Raises:
        ToolError: there is no such tool in this arm, or it takes others; the message names each fault.
    """
    names = [tool.name for tool in offered(white_box)]
    if call.name not in names:
        raise ToolError(f"there is no tool {call.name!r:.60}; there are {', '.join(names)}")
    kind = TOOLS[call.name]
    takes = ", ".join(kind.model_fields) or "no arguments"
    try:
        given: Any = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise ToolError(f"the arguments of {call.name} are no JSON: {error}; it takes {takes}") from None
    if not isinstance(given, dict):
        raise ToolError(f"the arguments of {call.name} must be a JSON object; it takes {takes}")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found[:4])
        raise ToolError(f"{call.name} cannot be called so: {faults:.600}; it takes {takes}") from None
