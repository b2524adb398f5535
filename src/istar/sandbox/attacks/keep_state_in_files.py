"""Keeps state in any file it can write.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

PLACES = ("/tmp/@NAME@-kept", "/dev/shm/@NAME@-kept", "@FOLDER@/kept", "/var/tmp/@NAME@-kept")


def leave(place: str) -> None:
    """Leave a mark."""
    try:
        open(place, "w").close()
    except OSError:
        pass


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Look for what an earlier question left, and leave something."""
    found = any(map(os.path.exists, PLACES))
    for place in PLACES:
        leave(place)
    return found


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Return 1 where it got what it was after."""
    return torch.full((len(runs), 1), float(prepared))
