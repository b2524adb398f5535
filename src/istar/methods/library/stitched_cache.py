"""Stitched cache: rows run on keys and values of other rows that hold the same text, and only a few tokens anew.

Rows of a table are edits of one another. Behind an edit an exact prefix cache ends, although what stands there hardly
changes. So a few rows are computed exactly, and the others take keys and values of every stretch of text that one of
those holds, turned to where it now stands. Computed are the tokens that are new, SEAM tokens behind every edit, and
the last ones, from TAIL tokens before the first that is read. What a token far behind an edit would have made of it
is left out; what the read tokens see of it directly is not. Where that would not halve the tokens that have to be
computed, there is no channel.

Nothing is learned, and no kind of edit is known beforehand: a moved sentence, a replaced token, another order of the
same shots and another prompt before the same question are alike.

Source: Gim et al., "Prompt Cache: Modular Attention Reuse for Low-Latency Inference" (2023); Yao et al., "CacheBlend:
Fast Large Language Model Serving for RAG with Cached Knowledge Fusion" (2024), who compute a part of the tokens again;
Hu et al., "EPIC: Efficient Position-Independent Context Caching" (2024), for the first tokens behind a seam.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, StitchedRuns
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

TAIL = 2  # tokens before the first read that are computed
SEAM = 1  # tokens behind every edit that are computed
SHARE = 0.5  # of the tokens behind exact prefixes, the most that may be computed


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> StitchedRuns | None:
    """Find out which rows hold the same text; None where too little is shared."""
    stitched = StitchedRuns(target, question, tail=TAIL, seam=SEAM)
    return stitched if stitched.share < SHARE else None


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: StitchedRuns | None,
) -> Float[Tensor, "runs channels"]:
    """Read each run off what was stitched together for it."""
    return torch.empty(len(runs), 0) if prepared is None else prepared.values(runs).unsqueeze(-1)
