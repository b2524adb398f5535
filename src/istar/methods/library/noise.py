"""Noise: seeded Gaussian channels that know nothing of the target, the null control.

An executor that gains from these channels gains from chance, and one that loses much by them trusts methods too
easily. Torch's random numbers are seeded for each method and question before `prepare` is called.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

CHANNELS = 1


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Return independent standard normal numbers."""
    return torch.randn(len(runs), CHANNELS)
