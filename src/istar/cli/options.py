"""Options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from istar.errors import IstarError

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]
TargetName = Annotated[
    str, Parameter(name="--target", help="smollm2-135m, tiny-random, a Hugging Face folder, or a hub id.")
]
OtherTarget = Annotated[
    str | None,
    Parameter(name="--target", help="A target instead of each task's own: a name, a Hugging Face folder, or a hub id."),
]
Dtype = Annotated[str, Parameter(name="--dtype", help="float32, bfloat16, float16 or float64.")]
SeedNumber = Annotated[int, Parameter(name="--seed", help="The root of all randomness.")]
RunsFolder = Annotated[Path, Parameter(name="--runs", help="The folder that holds the runs.")]
RunName = Annotated[str, Parameter(help="The run's name, or its folder.")]
Unsafe = Annotated[
    bool,
    Parameter(
        name="--unsafe",
        negative="",
        help="Run methods in a plain subprocess, without a jail. Only for code you would run anyway; recorded.",
    ),
]

ExecutorOption = Annotated[
    list[str] | None,
    Parameter(
        name="--executor-option",
        negative="",
        help="An option of the executor, NAME=VALUE; the value is JSON, or else text. The flag again for another.",
    ),
]

ResearcherOption = Annotated[
    list[str] | None,
    Parameter(
        name="--option",
        negative="",
        help="An option of the researcher, NAME=VALUE; the value is JSON, or else text. The flag again for another.",
    ),
]


class OptionError(IstarError):
    """An option of something of one's own that cannot be read."""


DEFAULT_TARGET = "smollm2-135m"
DEFAULT_RUNS = Path("runs")


def named_options(given: list[str]) -> dict[str, Any]:
    """Return options that were given as NAME=VALUE; a value that is not JSON is text.

    Raises:
        OptionError: one has no name or no value, or stands twice.
    """
    named: dict[str, Any] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not name or not sign:
            raise OptionError(f"{each!r} is no option; give NAME=VALUE, such as weight=2.5")
        if name in named:
            raise OptionError(f"the option {name!r} is given twice")
        try:
            named[name] = json.loads(text)
        except ValueError:
            named[name] = text
    return named
