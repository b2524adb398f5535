"""Attention knockout over one shared key-value cache: a missing part is masked instead of left out.

Where rows are one context with parts removed, the whole context runs once. For each row only the tokens after the
context run again, and their attention to the removed parts is cut. The kept parts still carry what they had read from
the removed ones, so the channel is biased, but a row costs its few last tokens and not its context.

Source: attention knockout, Geva et al., "Dissecting Recall of Factual Associations in Auto-Regressive Language
Models" (2023); cutting a whole table out of one shared cache is ours.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, SharedContexts, align
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> SharedContexts | None:
    """Find out which rows are one context with parts removed; None where they are not."""
    alignment = align(question)
    return None if alignment is None else SharedContexts(target, alignment)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: SharedContexts | None,
) -> Float[Tensor, "runs channels"]:
    """Read each run off its last tokens, which see only the parts of the context that the run has."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    return prepared.read(runs, prepared.run(runs)).unsqueeze(-1)
