"""A language model that follows a script, behind a real endpoint: it develops methods well and badly.

It reads, writes a variation of the library's lens, talks without calling anything, breaks its JSON, forgets what may be
imported and mends it by an edit, edits a parent, refuses, and insists on a method that cannot run.
"""

from __future__ import annotations

import re

from served_models import Said, calling

MEAN = '''"""Mean stream: how large the residual stream of a run is, half-way up."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    """Learn nothing."""
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    """Measure the stream's size where a run is read."""
    streams = target.run(runs, upto=target.layers // 2)
    return torch.stack([streams.at(row).square().mean() for row in range(len(runs))])[:, None]
'''


def edit(method, old, new, name, idea):
    """Return the call that edits a method once."""
    return calling("edit_method", method=method, name=name, idea=idea, edits=[{"old": old, "new": new}])


def edit_parent(body):
    """Edit the parent that measures a size."""
    digits = re.findall(r"^Digits (\w+):\n<data \w+>\n\"\"\"Mean", body["messages"][1]["content"], re.MULTILINE)
    return edit(digits[0], "target.layers // 2", "1", "early size", "the same after one block, for less")


SCRIPT = (
    calling("read_page", page="runs"),
    edit("logit_lens", "DEPTH * target", "0.5 * DEPTH * target", "half a lens", "stop the lens half as far up"),
    Said("I shall measure how large the stream is."),
    Said(calls=(("write_method", '{"name": "size", "source": "import'),)),
    calling("write_method", name="size", idea="large streams are sure", source="import os\n" + MEAN),
    edit("last", "import os\n", "", "size", "large streams are sure"),
    edit_parent,
    Said(refusal="I would rather not."),
    *[
        calling("write_method", name="stubborn", idea=f"divide, try {number}", source=MEAN.replace("// 2", "// 0"))
        for number in range(4)
    ],
)
"""What it says, request after request: four proposals, the last of which fails."""
NAMES = ("half a lens", "size", "early size", "stubborn")


def answer(body, number):
    """Return what it says to a request; asked first whether it is ready, it is."""
    if body["tools"][0]["function"]["name"] == "ready":
        return calling("ready")
    line = SCRIPT[number - 1]
    return line if isinstance(line, Said) else line(body)
