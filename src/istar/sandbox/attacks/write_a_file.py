"""Writes a file on the host.

Fence: rejected: `open`
Jail: harmless
Plain: gains
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

FOLDER = "@FOLDER@"


def attempt() -> bool:
    """Return whether it could."""
    try:
        open(FOLDER + "/left", "w").close()
        return True
    except OSError:
        return False


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Return 1 where it got what it was after."""
    return torch.full((len(runs), 1), float(attempt()))
