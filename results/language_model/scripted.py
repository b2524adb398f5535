"""A search on SmolLM2 in which a scripted model writes the methods, and what is published of it beside this file.

    PYTHONPATH=tests/chat python results/language_model/scripted.py [--run scripted] [--runs runs]

The script stands in for a language model, behind a real endpoint: what it says next follows from what it is sent, so
that the search shows all that happens in one, without a model that others could not run: reading, whole files, edits of
the library and of the parent that did best, a source that is refused and mended, a refusal, a repetition. The settings
are those of the demo but for the researcher.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from served_models import Endpoint, Said, calling

from istar.chat import TRANSCRIPT_FILE
from istar.protocol.run_folder import RunFolder

HERE = Path(__file__).parent
LENGTH = '''"""How long a row is: what a method that never looks inside would say."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    """Learn nothing."""
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    """Count the tokens of each run."""
    return torch.tensor([[float(len(run.tokens))] for run in runs])
'''
EARLY = '''"""What the first third of the blocks would say, read as if it were the last."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    """Learn nothing."""
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    """Read the residual stream after a third of the blocks."""
    streams = target.run(runs, upto=target.layers // 3)
    return target.read(runs, streams)[:, None]
'''
APART = [
    {"old": "values = torch.empty(len(runs), 1)", "new": "values = torch.empty(len(runs), 2)"},
    {
        "old": "values[row] = value + gradient[list(kept)].sum() - prepared.share * gradient.sum()",
        "new": "values[row] = torch.stack([value, gradient[list(kept)].sum() - prepared.share * gradient.sum()])",
    },
]


def best_parent(opening: str) -> str:
    """Return the digits of the parent with the highest training reward of those that a conversation opens with."""
    parents = re.findall(r"^Digits (\w+), training reward ([+-][\d.]+)", opening, re.MULTILINE)
    return max(parents, key=lambda each: float(each[1]))[0]


def edit(method: str, name: str, idea: str, *edits: dict[str, str]) -> Said:
    """Return the call that hands in edits of a method."""
    return calling("edit_method", method=method, name=name, idea=idea, edits=list(edits))


def written(name: str, idea: str, source: str) -> Said:
    """Return the call that hands in a whole file."""
    return calling("write_method", name=name, idea=idea, source=source)


def apart(opening: str) -> Said:
    """Edit the best parent: two channels."""
    idea = "the query's value and the gradient's part as channels of their own, for the executor to weigh"
    return edit(best_parent(opening), "apart", idea, *APART)


def format_stays(opening: str) -> Said:
    """Edit the best parent: no gate on the second token."""
    idea = "no gate on the first two tokens, where a context's format stands"
    start = {"old": "gradients[:, 0] = 0.0", "new": "gradients[:, :2] = 0.0"}
    return edit(best_parent(opening), "format stays", idea, start)


MIDDLE = "one gradient in the middle of the diagonal: half as dear, exact where the value is quadratic in the gates"
NEARER = "four points: nearer to the integral along the diagonal, at twice the price"
PLAN: dict[str, tuple[Said | Callable[[str], Said], ...]] = {
    "early": (
        calling("read_page", page="runs"),
        written("early", "the stream after a third of the blocks holds most of what is decided", EARLY),
    ),
    "length": (
        written("length", "longer contexts say more", "import os\n" + LENGTH),
        edit("last", "length", "longer contexts say more", {"old": "import os\n", "new": ""}),
    ),
    "one point": (
        calling("read_method", method="attention_gates"),
        edit("attention_gates", "one point", MIDDLE, {"old": "POINTS = 2", "new": "POINTS = 1"}),
    ),
    "apart": (apart,),
    "four points": (
        written("early again", "the same once more, to see whether that is noticed", EARLY),
        edit("attention_gates", "four points", NEARER, {"old": "POINTS = 2", "new": "POINTS = 4"}),
    ),
    "format stays": (format_stays,),
}
"""What it says in the conversation about each method, turn after turn; in some from how the conversation opens."""
REFUSED_ONCE = "one point"
"""The method about which a whole conversation is refused first."""


class Script:
    """What stands in for the model; it remembers whether it has refused, and all else it is sent."""

    def __init__(self) -> None:
        """See the class docstring."""
        self._has_refused = False

    def __call__(self, body: dict[str, Any], number: int) -> Said:
        """Return what it says to a request."""
        if body["tools"][0]["function"]["name"] == "ready":
            return calling("ready")
        opening = body["messages"][1]["content"]
        tried = re.findall(r"^(.+?) \[[0-9a-f]+\] ", opening, re.MULTILINE)
        name = next(name for name in PLAN if name not in tried)
        if name == REFUSED_ONCE and not self._has_refused:
            self._has_refused = True
            return Said(refusal="I would rather not.")
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        said = PLAN[name][turn]
        return said if isinstance(said, Said) else said(opening)


def main() -> None:
    """Search, and publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="scripted")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    folder = arguments.runs / arguments.run
    endpoint = Endpoint(Script())
    istar, runs = [sys.executable, "-m", "istar"], ["--runs", str(arguments.runs)]
    options = {"model": "scripted", "base_url": endpoint.url, "fresh": 0, "parents": 2, "inspirations": 0}
    told = [part for name, value in options.items() for part in ("--option", f"{name}={value}")]
    chosen = [
        "--preset",
        "demo",
        "--methods",
        str(len(PLAN)),
        "--side-by-side",
        "1",
        "--researcher",
        "language_model",
        *told,
    ]
    try:
        search = [*istar, "search", "--run", arguments.run, *runs, *chosen, "--json"]
        found = subprocess.run(search, check=True, stdout=subprocess.PIPE, text=True).stdout
    finally:
        endpoint.close()
    publish(folder, json.loads(found))


def publish(folder: Path, found: dict[str, Any]) -> None:
    """Put what the search found beside this file, with its rounds, transcript, settings and ledger.

    Args:
        folder: of the run.
        found: what the command printed.
    """
    run = RunFolder(folder)
    with run.ledger(read_only=True) as ledger:
        found["rounds"] = [
            {
                **{
                    "name": proposal.name,
                    "hash": proposal.method,
                    "edited": proposal.parameters["edited"],
                    "idea": proposal.parameters["idea"],
                },
                **{"stage": done.stage, "status": done.status, "best": done.improved},
                **{"training_reward": done.reward, "replies": len(proposal.parameters["exchanges"])},
            }
            for done, proposal in zip(ledger.rounds(run.name), ledger.proposals(run.name), strict=True)
        ]
    del found["folder"]
    (HERE / "search.json").write_text(json.dumps(found, indent=2) + "\n")
    for name in (TRANSCRIPT_FILE, "config.json"):
        shutil.copy(folder / name, HERE / name)
    (HERE / "ledger.sqlite.xz").write_bytes(lzma.compress((folder / "ledger.sqlite").read_bytes()))


if __name__ == "__main__":
    main()
