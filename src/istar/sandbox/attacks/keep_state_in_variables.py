"""Keeps state in a variable of the file.

Fence: passes
Jail: harmless
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

SEEN: list[int] = []


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Look for what an earlier question left, and leave something."""
    found = len(SEEN) > 0
    SEEN.append(len(question.runs))
    return found


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Return 1 where it got what it was after."""
    return torch.full((len(runs), 1), float(prepared))
