"""Forks until nothing else can run.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os
import time
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target


def attempt() -> bool:
    """Return whether it could."""
    try:
        for _ in range(100):
            if os.fork() == 0:
                time.sleep(1)
                os._exit(0)
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
