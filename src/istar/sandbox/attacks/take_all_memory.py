"""Takes memory without end, in tensors.

Fence: passes
Jail: error: alloc|memory
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Return 1 where it got what it was after."""
    hoard = [torch.ones(2**24) for _ in range(1000)]
    return hoard[0][:1].expand(len(runs), 1)
