"""The tools that the model is given: to read, and to hand in a method whole or as edits of another.

A tool is a class whose fields are its arguments; the docstrings are what the model reads. What it writes is data: it
names methods and pages, and none of its arguments is a path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from istar.chat import Tool, ToolCall
from istar.errors import IstarError
from istar.methods.fence import SOURCE_BYTES_LIMIT

LAST = "last"
"""What a model calls the file that it handed in last."""

Short = Annotated[str, Field(max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=200, description="A short name for people.")]
Idea = Annotated[str, Field(min_length=1, max_length=2000, description="What it computes and why, in one line.")]


class CallError(IstarError):
    """A call of a tool that cannot be done; the message is for the model."""


class Arguments(BaseModel):
    """What a tool is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadPage(Arguments):
    """Read a page of the manual of methods."""

    page: Short = Field(description="Name of the page.")


class ReadMethod(Arguments):
    """Read the source of a method of the library, or of one that was tried."""

    method: Short = Field(description="Its name in the library, or the digits of one that was tried.")


class ReadTask(Arguments):
    """Read rows of a training question with their true values, and its true answer."""

    task: Short = Field(description="Name of the task.")


class WriteMethod(Arguments):
    """Hand in a method as a whole file."""

    name: Name
    idea: Idea
    source: Annotated[str, Field(min_length=1, max_length=SOURCE_BYTES_LIMIT, description="The text of the file.")]


class Edit(Arguments):
    """One replacement."""

    old: Annotated[str, Field(min_length=1, description="Text that stands in the file once.")]
    new: str = Field(description="What stands in its place.")


class EditMethod(Arguments):
    """Hand in a method as edits of another, made one after the other."""

    method: Short = Field(
        description=f"A name in the library, the digits of one that was tried, or `{LAST}` for your last file."
    )
    name: Name
    idea: Idea
    edits: Annotated[tuple[Edit, ...], Field(min_length=1, max_length=100)]


TOOLS: Mapping[str, type[Arguments]] = {
    "read_page": ReadPage,
    "read_method": ReadMethod,
    "read_task": ReadTask,
    "write_method": WriteMethod,
    "edit_method": EditMethod,
}
"""The tools by name."""


def chat_tools() -> tuple[Tool, ...]:
    """Return the tools as a model is sent them."""
    tools = []
    for name, kind in TOOLS.items():
        schema = kind.model_json_schema()
        tools.append(Tool(name, schema.pop("description"), schema))
    return tuple(tools)


def arguments_of(call: ToolCall) -> Arguments:
    """Return the arguments of a call.

    Raises:
        CallError: there is no such tool, its arguments are no JSON, or others than it takes.
    """
    if call.name not in TOOLS:
        raise CallError(f"there is no tool {call.name!r:.80}; there are {', '.join(TOOLS)}")
    try:
        values = json.loads(call.arguments)
    except (ValueError, RecursionError) as error:
        raise CallError(f"the arguments of {call.name} are no JSON: {error!s:.200}") from None
    try:
        return TOOLS[call.name].model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'all'}: {each['msg']}" for each in error.errors())
        raise CallError(f"{call.name} cannot be called so: {faults:.800}") from None


@dataclass(frozen=True)
class Written:
    """A method that the model handed in.

    Attributes:
        name: its name.
        idea: what the model says of it.
        source: its source.
        edited: what it was edited from, as the model named it; empty for a whole file.
    """

    name: str
    idea: str
    source: str
    edited: str = ""


def written(asked: WriteMethod | EditMethod, sources: Mapping[str, str]) -> Written:
    """Return the method that a call hands in.

    Args:
        asked: the arguments of the call.
        sources: what may be edited, by its name.

    Raises:
        CallError: an edit does not fit.
    """
    if isinstance(asked, WriteMethod):
        return Written(asked.name, asked.idea, asked.source)
    source = source_of(asked.method, sources)
    for number, edit in enumerate(asked.edits, 1):
        count = source.count(edit.old)
        if count != 1:
            raise CallError(f"edit {number}: its old text stands in the file {count} times, and must stand there once")
        source = source.replace(edit.old, edit.new)
    return Written(asked.name, asked.idea, source, asked.method)


def source_of(method: str, sources: Mapping[str, str]) -> str:
    """Return the source of a method.

    Raises:
        CallError: there is none of this name.
    """
    if method not in sources:
        raise CallError(f"there is no method {method!r:.80}; name one of the library, or the digits of one tried")
    return sources[method]
