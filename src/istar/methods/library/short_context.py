"""Short context: each run is cut to its first token and its last ones before it is run.

What a model says is mostly decided nearby, and cutting the context is cheaper than cutting blocks, and fails in other
places. The first token stays, since models rest their attention there. Where no run is longer than that there is no
channel, for it would be the run itself.

Source: Khandelwal et al., "Sharp Nearby, Fuzzy Far Away: How Neural Language Models Use Context" (2018); Xiao et al.,
"Efficient Streaming Language Models with Attention Sinks" (2023), for the first token.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

MEMORY = 16  # tokens before the scored span that stay
DEPTH = 1.0  # share of the blocks that run


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether any run is longer than what stays."""
    return any(cut(run) is not run for run in question.runs)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Read each run with the last tokens of its context alone."""
    if not prepared:
        return torch.empty(len(runs), 0)
    short = [cut(run) for run in runs]
    return target.read(short, target.run(short, upto=round(DEPTH * target.layers))).unsqueeze(-1)


def cut(run: Run) -> Run:
    """Return a run without what stands more than MEMORY tokens before its scored span, but for its first token."""
    readout: Any = run.readout
    start: int = getattr(readout, "start", 0)
    removed = start - 1 - MEMORY
    if removed <= 0:
        return run
    tokens = run.tokens[:1] + run.tokens[1 + removed :]
    return replace(run, tokens=tokens, readout=replace(readout, start=start - removed))
