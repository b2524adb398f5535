"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

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

DEFAULT_TARGET = "smollm2-135m"
DEFAULT_RUNS = Path("runs")
